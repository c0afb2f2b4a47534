"""spectral_normalize: unusual right solutions, and wrong ones with the checks that they lose."""

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


RIGHT = {
    solution.__name__: solution
    for solution in (
        columns_in_another_order,
        with_einsum,
        with_columns,
        with_a_gradient_by_hand,
        sigma_as_an_inner_product,
        u_overwritten,
    )
}


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
            old, v = u, F.normalize(matrix.T @ u, dim=0)
            u = F.normalize(matrix @ v, dim=0)
    return W / (old @ matrix @ v), u


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
    "always one iteration": (normalise_with(iterations=lambda n_iter: 1), {VALUE, VECTOR, GRADIENT}),
    "one iteration too many": (
        normalise_with(iterations=lambda n_iter: n_iter + 1),
        {VALUE, VECTOR, GRADIENT},
    ),
    "ten iterations": (normalise_with(iterations=lambda n_iter: 10), {VALUE, VECTOR, GRADIENT}),
    "exact singular value": (exact, {VALUE, VECTOR, GRADIENT}),
    "Frobenius norm": (frobenius, {VALUE, VECTOR, GRADIENT}),
    "starts anew": (new_start, {VALUE, VECTOR, GRADIENT}),
    "u of the iteration before": (last_u_before_v, {VALUE, GRADIENT}),
    "vectors never normalised": (not_normalised, {VALUE, VECTOR, GRADIENT}),
    "matrices only": (only_two_dimensions, ALL),
    "square root of sigma": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma.sqrt(), u)),
        {VALUE, VECTOR, GRADIENT},
    ),
    "never enlarged": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma.clamp(min=1), u)),
        {VALUE},
    ),
    "returned as a matrix": (
        normalise_with(result=lambda W, sigma, u, before: (W.reshape(len(W), -1) / sigma, u)),
        {VALUE, GRADIENT},
    ),
    "sigma returned": (
        normalise_with(result=lambda W, sigma, u, before: (W / sigma, sigma)),
        {VECTOR},
    ),
    "only the weight returned": (
        normalise_with(result=lambda W, sigma, u, before: W / sigma),
        ALL - {WEIGHT},
    ),
    "W divided in place": (normalise_with(result=divided_in_place), {GRADIENT, WEIGHT}),
    "W overwritten": (normalise_with(result=in_place_after_all), {GRADIENT, WEIGHT}),
    "entries in another matrix": (
        normalise_with(matrix=lambda W: W.reshape(-1, len(W)).T),
        {VALUE, VECTOR, GRADIENT},
    ),
}
