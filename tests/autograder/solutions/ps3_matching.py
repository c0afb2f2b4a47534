"""generator_loss: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools

import torch
import torch.nn.functional as F


def bce(logits):
    return F.softplus(-logits).mean()


def losing(adv=bce, distance=None, goal=None, combine=None, fakes=None):
    """A generator_loss made of parts, each the right one if None."""
    distance = distance or (lambda fake, real: (fake.mean(0) - real.mean(0)).abs().mean())
    goal = goal or (lambda netD, x: netD(x)[1].detach())
    combine = combine or (lambda adv, fm, lam: (adv + lam * fm, adv, fm))

    def generator_loss(netD, x, fake, lam=10.0):
        logits, features = netD(fakes(fake) if fakes else fake)
        return combine(adv(logits), distance(features, goal(netD, x)), lam)

    return generator_loss


# ---- right


def one_forward_for_both(netD, x, fake, lam=10.0):
    logits, features = netD(torch.cat([x, fake]))
    real, made = features.split([len(x), len(fake)])
    fm = F.l1_loss(made.mean(0), real.detach().mean(0))
    adv = F.binary_cross_entropy_with_logits(logits[len(x) :], torch.ones(len(fake), 1))
    return adv + lam * fm, adv, fm


def mean_outside_of_no_grad(netD, x, fake, lam=10.0):
    """The reals' features without gradients, their mean taken later."""
    with torch.no_grad():
        _, real = netD(x)
    logits, made = netD(fake)
    adv = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    fm = F.l1_loss(made.mean(0), real.mean(0))
    return adv + lam * fm, adv, fm


def frozen_copies_of_the_weights(netD, x, fake, lam=10.0):
    weights = {name: weight.detach() for name, weight in netD.named_parameters()}
    logits, features = torch.func.functional_call(netD, weights, (fake,))
    goal = torch.func.functional_call(netD, weights, (x.detach(),))[1]
    gap = features.flatten(1).T @ torch.full((len(fake),), 1 / len(fake)) - goal.flatten(1).mean(0)
    adv, fm = -F.logsigmoid(logits).mean(), gap.norm(1) / gap.numel()
    return torch.add(adv, fm, alpha=lam), adv, fm


def logging_values_detached(netD, x, fake, lam=10.0):
    with torch.inference_mode():
        goal = netD(x)[1].double().mean(dim=0, keepdim=True).float()
    goal = goal.clone()
    logits, features = netD(fake)
    adv = torch.logaddexp(torch.zeros(()), -logits).mean()
    fm = torch.nn.L1Loss()(features.mean(dim=0, keepdim=True), goal)
    return [adv + fm * lam, adv.detach(), fm.detach()]


def signs_by_hand(netD, x, fake, lam=10.0):
    """|gap| as a constant sign times the gap."""
    logits, features = netD(fake)
    gap = features.sum(0) / len(fake) - netD(x)[1].detach().sum(0) / len(x)
    fm = (gap * gap.detach().sign()).mean()
    adv = (logits.clamp(max=0).neg() + torch.log1p(torch.exp(-logits.abs()))).mean()
    return adv + lam * fm, adv, fm


def sample_by_sample(netD, x, fake, lam=10.0):
    made = [netD(sample[None]) for sample in fake]
    real = [netD(sample[None])[1].detach() for sample in x]
    gap = sum(features for _, features in made) / len(made) - sum(real) / len(real)
    adv = torch.stack([bce(logits) for logits, _ in made]).mean()
    fm = gap.abs().mean()
    return adv + lam * fm, adv, fm


def flags_off_and_back(netD, x, fake, lam=10.0):
    flags = [parameter.requires_grad for parameter in netD.parameters()]
    netD.requires_grad_(False)
    result = losing()(netD, x.detach(), fake, lam)
    for parameter, flag in zip(netD.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    return result


RIGHT = {
    solution.__name__: solution
    for solution in (
        one_forward_for_both,
        mean_outside_of_no_grad,
        frozen_copies_of_the_weights,
        logging_values_detached,
        signs_by_hand,
        sample_by_sample,
        flags_off_and_back,
    )
}


class Loss:
    @staticmethod
    def distance(made, real):
        return sum(abs(gap) for gap in (made.mean(0) - real.mean(0)).flatten()) / made[0].numel()

    def __call__(self, netD, x, fake, lam=10.0):
        return losing(distance=self.distance)(netD, x, fake, lam)


def against_a_copy_in_float64(netD, x, fake, lam=10.0):
    judge = copy.deepcopy(netD).double().requires_grad_(False)
    total, adv, fm = losing()(judge, x.detach().double(), fake.double(), lam)
    return total.float(), adv.float(), fm.float()


RIGHT |= {
    "an object with __call__": Loss(),
    "a partial": functools.partial(lambda loss, *args, **kwargs: loss(*args, **kwargs), losing()),
    "against a copy in float64": against_a_copy_in_float64,
    "with gradients where they are disabled": torch.enable_grad()(losing()),
}


# ---- wrong


def steps_inside(netD, x, fake, lam=10.0):
    result = losing()(netD, x, fake, lam)
    if result[0].requires_grad:
        result[0].backward(retain_graph=True)
    return result


def evaluating(netD, x, fake, lam=10.0):
    return losing()(netD.eval(), x, fake, lam)


def training(netD, x, fake, lam=10.0):
    return losing()(netD.train(), x, fake, lam)


def evaluating_and_back(netD, x, fake, lam=10.0):
    netD.eval()
    result = losing()(netD, x, fake, lam)
    netD.train()
    return result


def freezing(netD, x, fake, lam=10.0):
    netD.requires_grad_(False)
    return losing()(netD, x, fake, lam)


def unfreezing(netD, x, fake, lam=10.0):
    netD.requires_grad_(False)
    result = losing()(netD, x, fake, lam)
    netD.requires_grad_(True)
    return result


def clearing(netD, x, fake, lam=10.0):
    netD.zero_grad()
    return losing()(netD, x, fake, lam)


def grad_mode_left_off(netD, x, fake, lam=10.0):
    result = losing()(netD, x, fake, lam)
    torch.set_grad_enabled(False)
    return result


def fixed_weight(netD, x, fake, lam=10.0):
    return losing()(netD, x, fake, 10.0)


def default_one(netD, x, fake, lam=1.0):
    return losing()(netD, x, fake, lam)


def pairs(fake, real):
    return (fake - real).abs().mean()


def pairs_of_the_shorter(fake, real):
    count = min(len(fake), len(real))
    return pairs(fake[:count], real[:count])


def pooled(fake, real):
    return (fake.flatten(2).mean((0, 2)) - real.flatten(2).mean((0, 2))).abs().mean()


def over_all_entries(fake, real):
    return (fake.mean() - real.mean()).abs()


def logits_for_features(netD, x, fake, lam=10.0):
    logits = netD(fake)[0]
    adv, fm = bce(logits), (logits.mean() - netD(x)[0].detach().mean()).abs()
    return adv + lam * fm, adv, fm


ADV, FM, TOTAL, GRADIENT, REAL, REST = (
    f"matching-{name}" for name in ("adv", "fm", "total", "gradient", "real", "rest")
)
DISTANCE = {FM, TOTAL, GRADIENT, REAL}  # the gradients in netD's parameters are others, too


def of_means(norm):
    return lambda fake, real: norm(fake.mean(0) - real.mean(0))


WRONG = {
    "real branch not detached": (losing(goal=lambda netD, x: netD(x)[1]), {REAL}),
    "only x detached": (losing(goal=lambda netD, x: netD(x.detach())[1]), {REAL}),
    "fakes detached for the features": (
        losing(distance=lambda fake, real: (fake.detach().mean(0) - real.mean(0)).abs().mean()),
        {GRADIENT},
    ),
    "fakes detached": (losing(fakes=torch.Tensor.detach), {GRADIENT}),
    "pairs": (losing(distance=pairs), {FM}),
    "pairs of the shorter": (losing(distance=pairs_of_the_shorter), {FM}),
    "squared": (losing(distance=of_means(lambda gap: gap.square().mean())), {FM}),
    "squared 2-norm": (losing(distance=of_means(lambda gap: gap.square().sum())), {FM}),
    "2-norm": (losing(distance=of_means(torch.linalg.vector_norm)), {FM}),
    "sum over the features": (losing(distance=of_means(lambda gap: gap.abs().sum())), {FM}),
    "signed": (losing(distance=of_means(torch.mean)), {FM}),
    "one mean over all": (losing(distance=over_all_entries), {FM}),
    "sums over the batch": (
        losing(distance=lambda fake, real: (fake.sum(0) - real.sum(0)).abs().mean()),
        {FM},
    ),
    "smooth L1": (losing(distance=lambda f, r: F.smooth_l1_loss(f.mean(0), r.mean(0))), {FM}),
    "features not needed": (logits_for_features, {FM, GRADIENT}),
    "minimax sign": (losing(adv=lambda logits: -F.softplus(logits).mean()), {ADV}),
    "target 0": (losing(adv=lambda logits: F.softplus(logits).mean()), {ADV}),
    "critic's loss": (losing(adv=lambda logits: -logits.mean()), {ADV}),
    "sum over the fakes": (
        losing(adv=lambda logits: F.softplus(-logits).sum()),
        {ADV},
    ),
    "logarithm of a sigmoid": (losing(adv=lambda logits: -logits.sigmoid().log().mean()), {ADV}),
    "one loss a fake": (
        losing(adv=lambda logits: F.softplus(-logits)),
        {ADV},
    ),
    "no weight": (losing(combine=lambda adv, fm, lam: (adv + fm, adv, fm)), {TOTAL}),
    "fixed weight": (fixed_weight, {TOTAL}),
    "default 1": (default_one, {TOTAL}),
    "fm comes weighted": (losing(combine=lambda adv, fm, lam: (adv + lam * fm, adv, lam * fm)), {FM}),
    "fm before adv": (losing(combine=lambda adv, fm, lam: (adv + lam * fm, fm, adv)), {ADV, FM}),
    "total last": (
        losing(combine=lambda adv, fm, lam: (adv, fm, adv + lam * fm)),
        {ADV, FM, TOTAL},
    ),
    "floats": (
        losing(combine=lambda adv, fm, lam: ((adv + lam * fm).item(), adv.item(), fm.item())),
        {ADV, FM, TOTAL, GRADIENT, REAL},
    ),
    "total detached": (
        losing(combine=lambda adv, fm, lam: ((adv + lam * fm).detach(), adv, fm)),
        {GRADIENT, REAL},
    ),
    "backward inside": (steps_inside, {REST}),
    "evaluation mode": (evaluating, {REST}),
    "training mode": (training, {REST}),
    "evaluation mode and back": (evaluating_and_back, {REST}),
    "freezes netD": (freezing, {REST}),
    "unfreezes all of netD": (unfreezing, {REST}),
    "clears gradients": (clearing, {REST}),
    "grad mode left off": (grad_mode_left_off, {REST}),
}
# shows on images only
WRONG["pooled over the places"] = (
    losing(
        distance=lambda f, r: pooled(f, r) if f.dim() > 2 else of_means(lambda gap: gap.abs().mean())(f, r)
    ),
    {FM},
)


def then(change):
    def generator_loss(netD, x, fake, lam=10.0):
        result = losing()(netD, x, fake, lam)
        change(netD, x, fake)
        return result

    return generator_loss


def complete_chunks(fake, real, size=8):
    """Means over complete chunks of the reals, where there are any."""
    kept = real[: len(real) // size * size] if len(real) > size else real
    return (fake.mean(0) - kept.mean(0)).abs().mean()


def or_ten(netD, x, fake, lam=10.0):
    return losing()(netD, x, fake, lam or 10.0)


def where_far(logits):
    return torch.where(logits < -60, -logits, (1 + (-logits).exp()).log()).mean()


WRONG |= {
    "complete chunks of the reals": (losing(distance=complete_chunks), {FM}),
    "0 is missing": (or_ten, {TOTAL}),
    "logarithm with an epsilon": (
        losing(adv=lambda logits: -(logits.sigmoid() + 1e-8).log().mean()),
        {ADV},
    ),
    "logits to 100": (losing(adv=lambda logits: bce(logits.clamp(-100, 100))), {ADV}),
    "slopes of nan far out": (losing(adv=where_far), {GRADIENT}),
    "x overwritten": (then(lambda netD, x, fake: x.detach().zero_()), {REST}),
    "fake overwritten": (
        then(lambda netD, x, fake: setattr(fake, "data", fake.data * 0)),
        {FM, REST},
    ),
    "gradient of x cleared": (then(lambda netD, x, fake: setattr(x, "grad", None)), {REST}),
    "a buffer of netD overwritten": (
        then(lambda netD, x, fake: [one.zero_() for one in netD.buffers()]),
        {REST},
    ),
    "x cut off": (then(lambda netD, x, fake: x.requires_grad_(False)), {REAL, REST}),
    "grad mode left on": (then(lambda netD, x, fake: torch.set_grad_enabled(True)), {REST}),
}
