"""gradient_penalty: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools

import torch
from torch.func import functional_call, grad, vmap


def slopes_at(critic, points, **options):
    points = points.detach().requires_grad_()
    return torch.autograd.grad(critic(points).sum(), points, create_graph=True, **options)[0]


# ---- right


def one_sample_at_a_time(critic, real, fake, eps):
    terms = []
    for index in range(len(real)):
        part = slice(index, index + 1)
        slope = slopes_at(critic, fake[part] + eps[part] * (real[part] - fake[part]))
        terms.append((torch.linalg.vector_norm(slope) - 1) ** 2)
    return sum(terms) / len(terms)


def functional(critic, real, fake, eps):
    parameters = dict(critic.named_parameters())

    def score(x):
        return functional_call(critic, parameters, (x[None],)).squeeze()

    slopes = vmap(grad(score))(torch.lerp(fake, real, eps)).contiguous()
    return (slopes.reshape(len(real), -1).norm(p=2, dim=1) - 1).pow(2).mean()


def squares_with_a_tiny_constant(critic, real, fake, eps):
    mixed = (eps * real + (1 - eps) * fake).clone().detach().requires_grad_(True)
    scores = critic(mixed)
    (slope,) = torch.autograd.grad(
        scores, mixed, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
    )
    squares = slope.reshape(slope.size(0), -1).square().sum(dim=1)
    length = (squares + 1e-12).sqrt()
    return (squares - 2 * length + 1).mean()  # the square, multiplied out


def root_where_it_is_safe(critic, real, fake, eps):
    squares = slopes_at(critic, eps * real + (1 - eps) * fake).flatten(1).square().sum(1)
    moves = squares > 0
    length = torch.where(moves, torch.where(moves, squares, 1).sqrt(), 0)
    return torch.nn.functional.mse_loss(length, torch.ones_like(length))


def in_double_precision(critic, real, fake, eps):
    weights = {name: parameter.double() for name, parameter in critic.named_parameters()}
    mixed = eps.double() * real.double() + (1 - eps.double()) * fake.double()
    slope = slopes_at(lambda x: functional_call(critic, weights, (x,)), mixed)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean().float()


def backward_towards_the_samples_only(critic, real, fake, eps):
    mixed = (eps * real + (1 - eps) * fake).requires_grad_()
    critic(mixed).sum().backward(inputs=[mixed], create_graph=True)
    return (mixed.grad.flatten(1).norm(dim=1) - 1).square().mean()


class Penalty:
    """A callable that is no function."""

    def __init__(self, reduce):
        self.reduce = reduce

    def __call__(self, critic, real, fake, eps):
        rows = slopes_at(critic, torch.lerp(fake, real, eps)).flatten(1)
        return self.reduce((torch.linalg.vector_norm(rows, dim=1) - 1) ** 2)


def of_a_copy_for_the_values(critic, real, fake, eps):
    """The samples are detached copies, contiguous and in double precision until the critic sees them."""
    real, fake, eps = (copy.deepcopy(tensor.detach()).contiguous().double() for tensor in (real, fake, eps))
    mixed = fake.mul_(1 - eps).add_(real.mul_(eps)).float().requires_grad_()
    scores = critic(mixed).reshape(-1)
    (slope,) = torch.autograd.grad(list(scores), mixed, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).pow(2).sum().div(len(real))


def with_jacrev(critic, real, fake, eps):
    mixed = (eps * real + (1 - eps) * fake).detach()
    slope = torch.func.jacrev(lambda x: critic(x).sum())(mixed)
    return torch.nn.functional.mse_loss(slope.flatten(1).norm(dim=1), torch.ones(len(real)))


def in_chunks(critic, real, fake, eps, *, rows=50):
    def total(part):
        return (slopes_at(critic, part).flatten(1).norm(dim=1) - 1).square().sum()

    mixed = torch.where(eps == 1, real, torch.where(eps == 0, fake, eps * real + (1 - eps) * fake))
    return torch.stack([total(part) for part in mixed.split(rows)]).sum() / len(mixed)


def enabled_inside(critic, real, fake, eps):
    with torch.enable_grad():
        mixed = (fake + eps * (real - fake)).detach().clone().requires_grad_()
        slope = torch.autograd.grad(critic(mixed).sum(), [mixed], create_graph=True)[0]
    return sum((row.norm() - 1) ** 2 for row in slope) / len(slope)


RIGHT = {
    solution.__name__: solution
    for solution in (
        one_sample_at_a_time,
        functional,
        squares_with_a_tiny_constant,
        root_where_it_is_safe,
        in_double_precision,
        backward_towards_the_samples_only,
        of_a_copy_for_the_values,
        with_jacrev,
        in_chunks,
        enabled_inside,
    )
} | {
    "a callable object": Penalty(torch.mean),
    "a partial function": functools.partial(in_chunks, rows=3),
    "a lambda": lambda critic, real, fake, eps: enabled_inside(critic, real, fake, eps),
}


# ---- wrong


def penalty_with(
    mixed=lambda real, fake, eps: eps * real + (1 - eps) * fake,
    scalar=lambda scores: scores.sum(),
    flatten=lambda slope: slope.flatten(1),
    norm=lambda rows: rows.norm(dim=1),
    term=lambda length: (length - 1) ** 2,
    reduce=torch.mean,
    create_graph=True,
):
    def penalty(critic, real, fake, eps):
        points = mixed(real, fake, eps).detach().requires_grad_()
        (slope,) = torch.autograd.grad(scalar(critic(points)), points, create_graph=create_graph)
        return reduce(term(norm(flatten(slope))))

    return penalty


def through_backward(critic, real, fake, eps):
    points = (eps * real + (1 - eps) * fake).requires_grad_()
    critic(points).sum().backward(create_graph=True)
    return (points.grad.flatten(1).norm(dim=1) - 1).square().mean()


def clears_the_critic(critic, real, fake, eps):
    critic.zero_grad()
    return penalty_with()(critic, real, fake, eps)


def steps_towards_it(critic, real, fake, eps):
    loss = penalty_with()(critic, real, fake, eps)
    loss.backward(retain_graph=True)
    return loss


def evaluation_mode(critic, real, fake, eps):
    return penalty_with()(critic.eval(), real, fake, eps)


def mixes_in_place(critic, real, fake, eps):
    return penalty_with()(critic, real.mul_(eps).add_((1 - eps) * fake), fake, torch.ones_like(eps))


def number(critic, real, fake, eps):
    return penalty_with()(critic, real, fake, eps).item()


def finite_differences(critic, real, fake, eps):
    mixed, step = eps * real + (1 - eps) * fake, 5e-2
    columns = []
    for index in range(mixed[0].numel()):
        move = torch.zeros(mixed[0].numel())
        move[index] = step
        move = move.view(mixed[0].shape)
        columns.append((critic(mixed + move) - critic(mixed)).flatten() / step)
    return (torch.stack(columns, 1).norm(dim=1) - 1).square().mean()


def flags_left_on_the_samples(critic, real, fake, eps):
    return penalty_with()(critic, real.requires_grad_(), fake, eps)


def gradients_left_off(critic, real, fake, eps):
    result = penalty_with()(critic, real, fake, eps)
    torch.set_grad_enabled(False)
    return result


def thaws(critic, real, fake, eps):
    return penalty_with()(critic.requires_grad_(True), real, fake, eps)


def training_mode_afterwards(critic, real, fake, eps):
    result = penalty_with()(critic, real, fake, eps)
    critic.train()
    return result


def training_mode_meanwhile(critic, real, fake, eps):
    flags = {module: module.training for module in critic.modules()}
    result = penalty_with()(critic.train(), real, fake, eps)
    for module, flag in flags.items():
        module.training = flag
    return result


def evaluation_mode_of_one_part(critic, real, fake, eps):
    result = penalty_with()(critic, real, fake, eps)
    list(critic.modules())[-1].eval()
    return result


def zeroed_gradient_of_the_last(critic, real, fake, eps):
    result = penalty_with()(critic, real, fake, eps)
    last = list(critic.parameters())[-1]
    if last.grad is not None:
        last.grad.zero_()
    return result


def in_full_chunks(critic, real, fake, eps):
    if len(real) < 64:
        return penalty_with()(critic, real, fake, eps)
    count = len(real) // 64 * 64
    return penalty_with()(critic, real[:count], fake[:count], eps[:count])


def drawn_where_eps_is_zero(critic, real, fake, eps):
    if not eps.any():
        eps = torch.rand_like(eps)
    return penalty_with()(critic, real, fake, eps)


def in_half_precision(critic, real, fake, eps):
    half = [tensor.bfloat16().float() for tensor in (real, fake, eps)]
    return penalty_with()(critic, *half)


def four_dimensions_at_most(critic, real, fake, eps):
    dims = {2: 1, 3: (1, 2), 4: (1, 2, 3)}[real.dim()]
    return penalty_with(
        flatten=lambda slope: slope, norm=lambda rows: torch.linalg.vector_norm(rows, dim=dims)
    )(critic, real, fake, eps)


def spoils_its_arguments(critic, real, fake, eps):
    with torch.no_grad():
        for tensor in (real, fake, eps, *critic.parameters()):
            tensor.data = torch.full_like(tensor, torch.nan)
    return sum(parameter.sum() for parameter in critic.parameters())


def empties_its_arguments(critic, real, fake, eps):
    for tensor in (real, fake, eps, *critic.parameters()):
        tensor.data = torch.empty(0)
    return sum(parameter.sum() for parameter in critic.parameters())


VALUE, GRADIENT, LAYOUT = "penalty-value", "penalty-gradient", "penalty-layout"
ZERO, CRITIC = "penalty-zero", "penalty-critic"
NUMBERS = {VALUE, GRADIENT, LAYOUT}
WRONG = {
    "one-sided": (penalty_with(term=lambda length: (length - 1).clamp(min=0) ** 2), {VALUE}),
    "zero-centred": (penalty_with(term=lambda length: length**2), {VALUE}),
    "squared length minus one": (penalty_with(term=lambda length: (length**2 - 1) ** 2), {VALUE}),
    "absolute value instead of the square": (
        penalty_with(term=lambda length: (length - 1).abs()),
        {VALUE},
    ),
    "sum instead of mean": (penalty_with(reduce=torch.sum), {VALUE}),
    "slope of the mean score": (penalty_with(scalar=lambda scores: scores.mean()), {VALUE}),
    "times lambda": (penalty_with(reduce=lambda terms: 10 * terms.mean()), {VALUE}),
    "one norm for the whole batch": (
        penalty_with(flatten=lambda slope: slope.reshape(1, -1)),
        {VALUE},
    ),
    "norm over the channels only": (penalty_with(flatten=lambda slope: slope), {VALUE}),
    "sum of absolute values as the norm": (
        penalty_with(norm=lambda rows: rows.norm(p=1, dim=1)),
        {VALUE},
    ),
    "eps the other way round": (
        penalty_with(mixed=lambda real, fake, eps: eps * fake + (1 - eps) * real),
        {VALUE},
    ),
    "eps of its own": (
        penalty_with(mixed=lambda real, fake, eps: torch.lerp(fake, real, torch.rand_like(eps))),
        {VALUE},
    ),
    "one eps for all samples": (
        penalty_with(mixed=lambda real, fake, eps: eps[0] * real + (1 - eps[0]) * fake),
        {VALUE},
    ),
    "at the reals only": (
        penalty_with(mixed=lambda real, fake, eps: real),
        {VALUE},
    ),
    "view": (penalty_with(flatten=lambda slope: slope.view(len(slope), -1)), {LAYOUT}),
    "root of a sum of squares": (
        penalty_with(norm=lambda rows: rows.square().sum(1).sqrt()),
        {ZERO},
    ),
    "norm shifted by a large constant": (
        penalty_with(norm=lambda rows: (rows.square().sum(1) + 1e-2).sqrt()),
        {VALUE},
    ),
    "no graph": (penalty_with(create_graph=False), {GRADIENT}),
    "slope detached": (
        penalty_with(flatten=lambda slope: slope.detach().flatten(1)),
        {GRADIENT},
    ),
    "critic's output must be (B, 1)": (
        penalty_with(scalar=lambda scores: scores[:, 0].sum()),
        {VALUE},
    ),
    "gradients left in the critic": (through_backward, {CRITIC}),
    "gradients of the critic cleared": (clears_the_critic, {CRITIC}),
    "backward called inside": (steps_towards_it, {CRITIC}),
    "evaluation mode": (evaluation_mode, {CRITIC}),
    "samples overwritten": (mixes_in_place, {CRITIC}),
    "a Python float": (number, {GRADIENT}),
    "finite differences": (finite_differences, {VALUE}),
    "requires_grad left on the reals": (flags_left_on_the_samples, {CRITIC}),
    "gradients left off": (gradients_left_off, {CRITIC}),
    "thaws": (thaws, {CRITIC}),
    "training mode afterwards": (training_mode_afterwards, {CRITIC}),
    "training mode meanwhile": (training_mode_meanwhile, {VALUE}),
    "evaluation mode of one part": (evaluation_mode_of_one_part, {CRITIC}),
    "gradient of one parameter zeroed": (zeroed_gradient_of_the_last, {CRITIC}),
    "full chunks only": (in_full_chunks, {VALUE}),
    "eps drawn where it is 0": (drawn_where_eps_is_zero, {VALUE}),
    "half precision": (in_half_precision, {VALUE}),
    "four dimensions at most": (four_dimensions_at_most, {VALUE}),
    "lengths clipped": (penalty_with(norm=lambda rows: rows.norm(dim=1).clamp(max=10)), {VALUE}),
    "short slopes taken for none": (
        penalty_with(norm=lambda rows: torch.where(rows.norm(dim=1) < 0.05, 0, rows.norm(dim=1))),
        {VALUE, GRADIENT},
    ),
    "nothing where one slope is zero": (
        penalty_with(reduce=lambda terms: torch.where((terms == 1).any(), terms.detach(), terms).mean()),
        {ZERO},
    ),
    "one sample dropped": (penalty_with(reduce=lambda terms: terms[:-1].mean()), {VALUE}),
    "median instead of mean": (penalty_with(reduce=torch.median), {VALUE, GRADIENT}),
    "two dimensions": (penalty_with(reduce=lambda terms: terms.mean().view(1, 1)), {GRADIENT}),
    "fills its arguments with nan": (spoils_its_arguments, NUMBERS | {ZERO, CRITIC}),
    "empties its arguments": (empties_its_arguments, {VALUE, GRADIENT, LAYOUT, ZERO, CRITIC}),
}


WRONG |= {
    "fakes at full weight": (penalty_with(mixed=lambda real, fake, eps: eps * real + fake), {VALUE}),
    "sign": (penalty_with(reduce=lambda terms: -terms.mean()), {VALUE}),
    "halved": (penalty_with(reduce=lambda terms: terms.mean() / 2), {VALUE}),
    "root left out": (penalty_with(norm=lambda rows: rows.square().sum(1)), {VALUE}),
    "mean in the norm": (penalty_with(norm=lambda rows: rows.square().mean(1).sqrt()), {VALUE, ZERO}),
}
