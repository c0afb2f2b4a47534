"""spectral_normalize: unusual right solutions, and wrong ones with the checks that they lose."""

import numpy as np
import torch
import torch.nn.functional as F


def unit(a, eps=1e-12):
    return a / a.norm().clamp(min=eps)


# ---- right


def with_einsum(W, u, n_iter=1, eps=1e-12):
    matrix = W.flatten(1)
    fixed = matrix.detach()
    for _ in range(n_iter):
        v = unit(torch.einsum("oi,o->i", fixed, u), eps)
        u = unit(torch.einsum("oi,i->o", fixed, v), eps)
    sigma = torch.einsum("o,oi,i->", u, matrix, v)
    return W.div(sigma), u


def with_columns(W, u, n_iter=1, eps=1e-12):
    matrix, column = W.view(W.size(0), -1), u[:, None]
    with torch.no_grad():
        while n_iter:
            row = F.normalize(matrix.t().mm(column), dim=0, eps=eps)
            column, n_iter = F.normalize(matrix.mm(row), dim=0, eps=eps), n_iter - 1
    sigma = column.t().mm(matrix).mm(row)
    return W * sigma.reciprocal().view([1] * W.dim()), column.squeeze(1).clone()


def with_a_gradient_by_hand(W, u, n_iter=1, eps=1e-12):
    fixed = W.detach().reshape(len(W), -1)
    for _ in range(n_iter):
        v = unit(fixed.T @ u, eps)
        u = unit(fixed @ v, eps)
    sigma = float(u @ fixed @ v)

    class Divide(torch.autograd.Function):
        @staticmethod
        def forward(ctx, weight):
            return weight / sigma

        @staticmethod
        def backward(ctx, slope):
            along = (slope * W.detach()).sum() / sigma
            return (slope - along * torch.outer(u, v).view_as(slope)) / sigma

    return Divide.apply(W), u


def sigma_as_an_inner_product(W, u, n_iter=1, eps=1e-12):
    matrix = torch.stack([row.flatten() for row in W])
    for _ in range(n_iter):
        v = unit((matrix * u[:, None]).sum(0), eps).detach()
        u = unit((matrix * v).sum(1), eps).detach()
    return W / (matrix * torch.outer(u, v)).sum(), u


def u_overwritten(W, u, n_iter=1, eps=1e-12):
    matrix = W.reshape(W.shape[0], -1)
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(u @ matrix, dim=0, eps=eps)
            F.normalize(matrix @ v, dim=0, eps=eps, out=u)
    return W / torch.dot(u.clone(), torch.mv(matrix, v)), u


def columns_in_another_order(W, u, n_iter=1, eps=1e-12):
    return normalise_with(matrix=lambda W: W.flatten(1).flip(1))(W, u, n_iter, eps)


def with_numpy_inside(W, u, n_iter=1, eps=1e-12):
    matrix, left = W.detach().numpy().reshape(len(W), -1).astype("float64"), u.numpy().astype("float64")
    for _ in range(n_iter):
        right = matrix.T @ left
        right /= max(np.linalg.norm(right), eps)
        left = matrix @ right
        left /= max(np.linalg.norm(left), eps)
    rank_one = torch.from_numpy(np.outer(left, right)).float().reshape(W.shape)
    return W / (W * rank_one).sum(), torch.from_numpy(left).float()


class Normaliser:
    """A callable that is no function, with a step of the iteration as a method."""

    @torch.no_grad()
    def step(self, matrix, u, eps):
        v = F.normalize(matrix.t().mv(u), dim=0, eps=eps)
        return F.normalize(matrix.mv(v), dim=0, eps=eps), v

    def __call__(self, W, u, n_iter=1, eps=1e-12):
        matrix = W.reshape(W.shape[0], -1)
        u, v = self.step(matrix, u.clone(), eps)
        for _ in range(n_iter - 1):
            u, v = self.step(matrix, u, eps)
        return W / torch.linalg.multi_dot([u, matrix, v]), u.detach()


def in_double_precision(W, u, n_iter=1, eps=1e-12):
    normalised, new = with_einsum(W.double(), u.double(), n_iter, eps)
    return normalised.to(W.dtype), new.to(u.dtype)


def recursive(W, u, n_iter=1, eps=1e-12):
    fixed = W.detach().flatten(1)
    v = unit(u @ fixed, eps)
    new = unit(fixed @ v, eps)
    return recursive(W, new, n_iter - 1, eps) if n_iter > 1 else (W / ((W.flatten(1) @ v) @ new), new)


RIGHT = {
    solution.__name__: solution
    for solution in (
        columns_in_another_order,
        with_einsum,
        with_columns,
        with_a_gradient_by_hand,
        sigma_as_an_inner_product,
        u_overwritten,
        with_numpy_inside,
        in_double_precision,
        recursive,
    )
} | {"a callable object": Normaliser()}


# ---- wrong


def normalise_with(
    *,
    graph=False,
    iterations=lambda n_iter: n_iter,
    matrix=lambda W: W.reshape(len(W), -1),
    u_first=False,
    sigma=lambda matrix, u, v: u @ matrix @ v,
    result=lambda W, sigma, u, before: (W / sigma, u),
):
    def normalise(W, u, n_iter=1, eps=1e-12):
        table, before = matrix(W), u
        with torch.set_grad_enabled(graph):
            for _ in range(iterations(n_iter)):
                v = F.normalize(table.T @ u, dim=0, eps=eps)
                u = F.normalize(table @ v, dim=0, eps=eps)
        return result(W, sigma(table, u, v), u, before)

    return normalise


def divided_in_place(W, sigma, u, before):
    W.data /= sigma.detach()
    return W / 1, u


def in_place_after_all(W, sigma, u, before):
    normalised = W / sigma
    W.data.copy_(normalised.detach())
    return normalised, u


def exact(W, u, n_iter=1, eps=1e-12):
    left, values, _ = torch.linalg.svd(W.reshape(len(W), -1), full_matrices=False)
    return W / values[0], left[:, 0].detach()


def frobenius(W, u, n_iter=1, eps=1e-12):
    _, u = normalise_with()(W, u, n_iter, eps)
    return W / W.norm(), u


def new_start(W, u, n_iter=1, eps=1e-12):
    return normalise_with()(W, F.normalize(torch.randn_like(u), dim=0), n_iter, eps)


def only_two_dimensions(W, u, n_iter=1, eps=1e-12):
    return normalise_with(matrix=lambda W: W)(W, u, n_iter, eps)


def not_normalised(W, u, n_iter=1, eps=1e-12):
    matrix = W.reshape(len(W), -1).detach()
    for _ in range(n_iter):
        v = matrix.T @ u
        u = matrix @ v
    return W / (u @ W.reshape(len(W), -1) @ v), u


def last_u_before_v(W, u, n_iter=1, eps=1e-12):
    matrix = W.reshape(len(W), -1)
    with torch.no_grad():
        for _ in range(n_iter):
            old, v = u, F.normalize(matrix.T @ u, dim=0, eps=eps)
            u = F.normalize(matrix @ v, dim=0, eps=eps)
    return W / (old @ matrix @ v), u


def without_eps(W, u, n_iter=1, eps=1e-12):
    return normalise_with()(W, u, n_iter)


def eps_of_its_own(W, u, n_iter=1, eps=1e-12):
    return normalise_with()(W, u, n_iter, max(eps, 1e-4))


def eps_added(W, u, n_iter=1, eps=1e-12):
    matrix = W.reshape(len(W), -1)
    with torch.no_grad():
        for _ in range(n_iter):
            v = matrix.T @ u
            v = v / (v.norm() + eps)
            u = matrix @ v
            u = u / (u.norm() + eps)
    return W / (u @ matrix @ v), u


def eps_for_v_only(W, u, n_iter=1, eps=1e-12):
    matrix = W.reshape(len(W), -1)
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(matrix.T @ u, dim=0, eps=eps)
            u = F.normalize(matrix @ v, dim=0)
    return W / (u @ matrix @ v), u


def squeezed(W, u, n_iter=1, eps=1e-12):
    normalised, u = normalise_with()(W, u, n_iter, eps)
    return normalised.squeeze(), u.squeeze()


def one_iteration_without_a_gradient(W, u, n_iter=1, eps=1e-12):
    return normalise_with(iterations=lambda n: n if W.requires_grad else 1)(W, u, n_iter, eps)


def clears_the_gradient(W, u, n_iter=1, eps=1e-12):
    if W.is_leaf:
        W.grad = None
    return normalise_with()(W, u, n_iter, eps)


def freezes(W, u, n_iter=1, eps=1e-12):
    result = normalise_with()(W, u, n_iter, eps)
    if W.grad is not None:
        W.requires_grad_(False)
    return result


def gradients_left_off(W, u, n_iter=1, eps=1e-12):
    result = normalise_with()(W, u, n_iter, eps)
    torch.set_grad_enabled(False)
    return result


def an_orthogonal_matrix(W, u, n_iter=1, eps=1e-12):
    """Its largest singular value is 1 indeed."""
    _, u = normalise_with()(W, u, n_iter, eps)
    left, _, right = torch.linalg.svd(W.reshape(len(W), -1), full_matrices=False)
    return (left @ right).reshape(W.shape), u


def spoils_its_arguments(W, u, n_iter=1, eps=1e-12):
    W.data = torch.full_like(W, torch.nan)
    u.data = torch.full_like(u, torch.nan)
    return W * 1, u


def empties_its_arguments(W, u, n_iter=1, eps=1e-12):
    W.data, u.data = torch.empty(0), torch.empty(0)
    return W * 1, u


VALUE, VECTOR, GRADIENT, WEIGHT = "spectral-value", "spectral-vector", "spectral-gradient", "spectral-weight"
ALL = {VALUE, VECTOR, GRADIENT, WEIGHT}
WRONG = {
    "gradient through the iterations": (
        normalise_with(graph=True, result=lambda W, sigma, u, before: (W / sigma, u.detach())),
        {GRADIENT},
    ),
    "graph on u_new": (normalise_with(graph=True), {VECTOR, GRADIENT}),
    "sigma a constant": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma.detach(), u)),
        {GRADIENT},
    ),
    "sigma as a number": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma.item(), u)),
        {GRADIENT},
    ),
    "no gradient at all": (
        normalise_with(result=lambda W, sigma, u, before: ((W / sigma).detach(), u)),
        {GRADIENT},
    ),
    "sigma as the length of W v, with u in the graph": (
        normalise_with(
            sigma=lambda matrix, u, v: (matrix @ F.normalize(matrix.T @ u, dim=0)).norm(),
        ),
        {VALUE, GRADIENT},
    ),
    "u returned as it came": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma, before)),
        {VECTOR},
    ),
    "always one iteration": (normalise_with(iterations=lambda n_iter: 1), {VECTOR}),
    "one iteration too many": (
        normalise_with(iterations=lambda n_iter: n_iter + 1),
        {VECTOR},
    ),
    "ten iterations": (normalise_with(iterations=lambda n_iter: 10), {VECTOR}),
    "exact singular value": (exact, {VECTOR}),
    "Frobenius norm": (frobenius, {VALUE, GRADIENT}),
    "starts anew": (new_start, {VECTOR}),
    "u of the iteration before": (last_u_before_v, {VALUE}),
    "vectors never normalised": (not_normalised, {VALUE, VECTOR}),
    "matrices only": (only_two_dimensions, {VALUE}),
    "square root of sigma": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma.sqrt(), u)),
        {VALUE},
    ),
    "never enlarged": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma.clamp(min=1), u)),
        {VALUE},
    ),
    "returned as a matrix": (
        normalise_with(result=lambda W, sigma, u, before: (W.reshape(len(W), -1) / sigma, u)),
        {VALUE},
    ),
    "sigma returned": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma, sigma)),
        {VECTOR},
    ),
    "only the weight returned": (
        normalise_with(result=lambda W, sigma, u, before: W / sigma),
        {VECTOR},
    ),
    "W divided in place": (normalise_with(result=divided_in_place), {GRADIENT, WEIGHT}),
    "W overwritten": (normalise_with(result=in_place_after_all), {GRADIENT, WEIGHT}),
    "entries in another matrix": (
        normalise_with(matrix=lambda W: W.reshape(-1, len(W)).T),
        {VALUE, VECTOR, GRADIENT},
    ),
    "eps ignored": (without_eps, {VALUE}),
    "a larger eps": (eps_of_its_own, {VALUE}),
    "eps added": (eps_added, {VALUE}),
    "eps for v only": (eps_for_v_only, {VALUE}),
    "eps added to sigma": (
        normalise_with(result=lambda W, sigma, u, before: (W / (sigma + 1e-6), u)),
        {VALUE},
    ),
    "squeezed": (squeezed, {VALUE, VECTOR}),
    "three iterations at most": (
        normalise_with(iterations=lambda n_iter: min(n_iter, 3)),
        {VECTOR},
    ),
    "one iteration where W needs no gradient": (one_iteration_without_a_gradient, {VECTOR}),
    "gradient of W cleared": (clears_the_gradient, {WEIGHT}),
    "W frozen": (freezes, {WEIGHT}),
    "gradients left off": (gradients_left_off, {WEIGHT}),
    "an orthogonal matrix": (an_orthogonal_matrix, {VALUE, GRADIENT}),
    "a list": (
        lambda W, u, n_iter=1, eps=1e-12: list(normalise_with()(W, u, n_iter, eps)),
        {VALUE},
    ),
    "W_sn a parameter": (
        normalise_with(result=lambda W, sigma, u, before: (torch.nn.Parameter((W / sigma).detach()), u)),
        {GRADIENT},
    ),
    "u_new negative": (normalise_with(result=lambda W, sigma, u, before: (W / sigma, -u)), {VECTOR}),
    "u_new needs a gradient": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma, u.clone().requires_grad_())),
        {VECTOR},
    ),
    "fills its arguments with nan": (spoils_its_arguments, ALL),
    "empties its arguments": (empties_its_arguments, ALL),
}


WRONG |= {
    "times sigma": (normalise_with(result=lambda W, sigma, u, before: (W * sigma, u)), {VALUE}),
    "sign": (normalise_with(result=lambda W, sigma, u, before: (-W / sigma, u)), {VALUE}),
    "sigma squared": (normalise_with(result=lambda W, sigma, u, before: (W / sigma**2, u)), {VALUE}),
    "half of the gradient of sigma": (
        normalise_with(result=lambda W, sigma, u, before: (W / ((sigma + sigma.detach()) / 2), u)),
        {GRADIENT},
    ),
    "W_sn alone in a tuple": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma,)),
        ALL - {WEIGHT},
    ),
}
