"""amp_gan_iteration: unusual right solutions, and wrong ones with the checks that they lose."""

import functools

import torch
import torch.nn.functional as F

BCE = F.binary_cross_entropy_with_logits


# ---- right


def fakes_twice(netG, netD, optG, optD, scaler, x, z, dtype):
    optD.zero_grad(set_to_none=False)
    with torch.autocast(x.device.type, dtype=dtype):
        with torch.no_grad():
            fake = netG(z)
        d_loss = F.softplus(-netD(x)).mean() + F.softplus(netD(fake)).mean()
    scaler.scale(d_loss).backward()
    scaler.step(optD)
    optG.zero_grad(set_to_none=False)
    with torch.autocast(x.device.type, dtype=dtype):
        g_loss = F.softplus(-netD(netG(z))).mean()
    scaler.scale(g_loss).backward()
    scaler.step(optG)
    scaler.update()
    return float(d_loss.detach()), float(g_loss.detach())


def cross_entropy_of_both_batches(netG, netD, optG, optD, scaler, x, z, dtype):
    with torch.amp.autocast("cpu", dtype):
        fake = netG(z)
        logits = netD(torch.cat([x, fake.detach().float()]))
        real, fakes = logits[: len(x)].float(), logits[len(x) :].float()
        d_loss = BCE(real, torch.ones_like(real)) + BCE(fakes, torch.zeros_like(fakes))
    parameters = list(netD.parameters())
    for parameter, slope in zip(
        parameters, torch.autograd.grad(scaler.scale(d_loss), parameters), strict=True
    ):
        parameter.grad = slope
    scaler.step(optD)
    with torch.amp.autocast("cpu", dtype):
        logits = netD(fake).float()
        g_loss = BCE(logits, torch.ones_like(logits))
    parameters = list(netG.parameters())
    for parameter, slope in zip(
        parameters, torch.autograd.grad(scaler.scale(g_loss), parameters), strict=True
    ):
        parameter.grad = slope
    scaler.step(optG)
    scaler.update()
    return d_loss.item(), g_loss.item()


def unscaled_by_hand_and_frozen(netG, netD, optG, optD, scaler, x, z, dtype):
    cast = torch.autocast("cpu", dtype)
    optD.zero_grad(), optG.zero_grad()
    with cast:
        fake = netG(z)
        d_loss = -F.logsigmoid(netD(x)).mean() - F.logsigmoid(-netD(fake.detach())).mean()
    scaler.scale(d_loss).backward()
    scaler.unscale_(optD)
    scaler.step(optD)
    for parameter in netD.parameters():
        parameter.requires_grad_(False)
    with cast:
        g_loss = -F.logsigmoid(netD(fake)).mean()
    scaler.scale(g_loss).backward()
    scaler.unscale_(optG)
    scaler.step(optG)
    for parameter in netD.parameters():
        parameter.requires_grad_(True)
    scaler.update()
    return d_loss.item(), g_loss.item()


def two_backward_passes(netG, netD, optG, optD, scaler, x, z, dtype):
    optD.zero_grad()
    with torch.autocast("cpu", dtype):
        real_loss = F.softplus(-netD(x)).mean()
    scaler.scale(real_loss).backward()
    with torch.autocast("cpu", dtype):
        fake = netG(z)
        fake_loss = F.softplus(netD(fake.detach())).mean()
    scaler.scale(fake_loss).backward()
    scaler.step(optD)
    with torch.autocast("cpu", dtype):
        g_loss = F.softplus(-netD(fake)).mean()
    g_loss = g_loss.float()
    optG.zero_grad()
    scaler.scale(g_loss).backward(inputs=list(netG.parameters()))
    scaler.step(optG)
    scaler.update()
    return real_loss.item() + fake_loss.item(), g_loss.item()


class Iteration:
    """An object, with a helper for both players; losses in float64 at the end."""

    def player(self, optimizer, scaler, dtype, loss):
        optimizer.zero_grad()
        with torch.autocast(device_type="cpu", dtype=dtype):
            value = loss().float()
        scaler.scale(value).backward()
        scaler.step(optimizer)
        return value.detach().double().item()

    def __call__(self, netG, netD, optG, optD, scaler, x, z, dtype):
        def d_objective():
            fake = netG(z).detach()
            return F.softplus(netD(fake)).mean() - F.logsigmoid(netD(x)).mean()

        d_loss = self.player(optD, scaler, dtype, d_objective)
        g_loss = self.player(optG, scaler, dtype, lambda: F.softplus(netD(netG(z)).neg()).mean())
        scaler.update()
        return d_loss, g_loss


def slopes_to_the_generator_wiped(netG, netD, optG, optD, scaler, x, z, dtype):
    """The fakes are not cut off: what reaches the generator is thrown away before its own step."""
    optD.zero_grad()
    cast = functools.partial(torch.autocast, "cpu", dtype)
    with cast():
        loss = F.softplus(netD(netG(z))).mean() + F.softplus(-netD(x)).mean()
    scaler.scale(loss).backward(inputs=list(netD.parameters()))
    scaler.step(optD)
    optG.zero_grad()
    with cast():
        g_loss = torch.logaddexp(torch.zeros(()), -netD(netG(z)).float()).mean()
    scaler.scale(g_loss).backward()
    scaler.step(optG)
    optD.zero_grad()
    scaler.update()
    return loss.item(), g_loss.item()


def with_objectives(d_objective, g_objective, *arguments):
    return iteration(d_objective=d_objective, g_objective=g_objective)(*arguments)


RIGHT = {
    solution.__name__: solution
    for solution in (
        fakes_twice,
        cross_entropy_of_both_batches,
        unscaled_by_hand_and_frozen,
        two_backward_passes,
        slopes_to_the_generator_wiped,
    )
} | {
    "an object": Iteration(),
    "a partial function": functools.partial(
        with_objectives,
        lambda real, fake: BCE(real, torch.ones_like(real)) + BCE(fake, torch.zeros_like(fake)),
        lambda fake: BCE(fake, torch.ones_like(fake)),
    ),
}


# ---- wrong: an iteration with one thing changed


def iteration(
    *,
    clear=("d", "g"),
    cast=lambda dtype: torch.autocast("cpu", dtype),
    backward_inside=False,
    scaled=("d", "g"),
    after_d=lambda scaler: None,
    at_end=lambda scaler: scaler.update(),
    stepped=("d", "g"),
    fake_for_g="same",
    fake_for_d="detached",
    order="dg",
    d_objective=lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
    g_objective=lambda fake: F.softplus(-fake).mean(),
    result=lambda d, g: (d.item(), g.item()),
):
    def run(netG, netD, optG, optD, scaler, x, z, dtype):
        def backward(name, optimizer, loss):
            if name in clear:
                optimizer.zero_grad()
            loss = scaler.scale(loss) if name in scaled else loss
            if backward_inside:
                with cast(dtype):
                    loss.backward(retain_graph=True)
            else:
                loss.backward(retain_graph=True)
            if name in stepped:
                scaler.step(optimizer)
            else:
                optimizer.step()

        def discriminator():
            with cast(dtype):
                fake = netG(z)
                loss = d_objective(netD(x), netD(fake.detach() if fake_for_d == "detached" else fake))
            backward("d", optD, loss)
            after_d(scaler)
            return loss

        def generator():
            with cast(dtype):
                noise = z if fake_for_g == "same" else torch.randn_like(z)
                loss = g_objective(netD(netG(noise)))
            backward("g", optG, loss)
            return loss

        if order == "dg":
            d_loss, g_loss = discriminator(), generator()
        else:
            g_loss, d_loss = generator(), discriminator()
        at_end(scaler)
        return result(d_loss, g_loss)

    return run


def simultaneous(netG, netD, optG, optD, scaler, x, z, dtype):
    with torch.autocast("cpu", dtype):
        fake = netG(z)
        logits = netD(fake)
        d_loss = F.softplus(-netD(x)).mean() + F.softplus(netD(fake.detach())).mean()
        g_loss = F.softplus(-logits).mean()
    optD.zero_grad(), optG.zero_grad()
    scaler.scale(g_loss).backward()
    optD.zero_grad()
    scaler.scale(d_loss).backward()
    scaler.step(optD), scaler.step(optG)
    scaler.update()
    return d_loss.item(), g_loss.item()


def networks_in_16_bits(netG, netD, optG, optD, scaler, x, z, dtype):
    netG.to(dtype), netD.to(dtype)
    return iteration()(netG, netD, optG, optD, scaler, x.to(dtype), z.to(dtype), dtype)


def discriminator_in_32_bits(netG, netD, optG, optD, scaler, x, z, dtype):
    def judge(samples):
        with torch.autocast("cpu", enabled=False):
            return netD(samples.float())

    with torch.autocast("cpu", dtype):
        fake = netG(z)
        d_loss = F.softplus(-judge(x)).mean() + F.softplus(judge(fake.detach())).mean()
    optD.zero_grad()
    scaler.scale(d_loss).backward()
    scaler.step(optD)
    with torch.autocast("cpu", dtype):
        g_loss = F.softplus(-judge(fake)).mean()
    optG.zero_grad()
    scaler.scale(g_loss).backward()
    scaler.step(optG)
    scaler.update()
    return d_loss.item(), g_loss.item()


def skips_both(netG, netD, optG, optD, scaler, x, z, dtype):
    if not (x.isfinite().all() and z.isfinite().all()):
        scaler.update(scaler.get_scale() / 2)
        return float("nan"), float("nan")
    return iteration()(netG, netD, optG, optD, scaler, x, z, dtype)


def cleans_gradients(netG, netD, optG, optD, scaler, x, z, dtype):
    x = torch.nan_to_num(x, posinf=0.0)
    return iteration()(netG, netD, optG, optD, scaler, x, z, dtype)


def scaler_of_its_own(netG, netD, optG, optD, scaler, x, z, dtype):
    return iteration()(netG, netD, optG, optD, torch.amp.GradScaler("cpu"), x, z, dtype)


def no_scaler(netG, netD, optG, optD, scaler, x, z, dtype):
    with torch.autocast("cpu", dtype):
        fake = netG(z)
        d_loss = F.softplus(-netD(x)).mean() + F.softplus(netD(fake.detach())).mean()
    optD.zero_grad()
    d_loss.backward()
    optD.step()
    with torch.autocast("cpu", dtype):
        g_loss = F.softplus(-netD(fake)).mean()
    optG.zero_grad()
    g_loss.backward()
    optG.step()
    return d_loss.item(), g_loss.item()


def freezes(which):
    def run(netG, netD, *arguments):
        losses = iteration()(netG, netD, *arguments)
        (netD if which == "d" else netG).requires_grad_(False)
        return losses

    return run


def real_batch_in_32_bits(netG, netD, optG, optD, scaler, x, z, dtype):
    with torch.autocast("cpu", dtype):
        fake = netG(z)
        fakes = netD(fake.detach())
    optD.zero_grad()
    d_loss = F.softplus(-netD(x)).mean() + F.softplus(fakes.float()).mean()
    scaler.scale(d_loss).backward()
    scaler.step(optD)
    with torch.autocast("cpu", dtype):
        g_loss = F.softplus(-netD(fake)).mean()
    optG.zero_grad()
    scaler.scale(g_loss).backward()
    scaler.step(optG)
    scaler.update()
    return d_loss.item(), g_loss.item()


def both_cleared_at_first(netG, netD, optG, optD, scaler, x, z, dtype):
    optD.zero_grad(), optG.zero_grad()
    with torch.autocast("cpu", dtype):
        fake = netG(z)
        d_loss = F.softplus(-netD(x)).mean() + F.softplus(netD(fake)).mean()
    scaler.scale(d_loss).backward(retain_graph=True)
    scaler.step(optD)
    with torch.autocast("cpu", dtype):
        g_loss = F.softplus(-netD(netG(z))).mean()
    scaler.scale(g_loss).backward()
    scaler.step(optG)
    scaler.update()
    return d_loss.item(), g_loss.item()


def gradients_cleaned(netG, netD, optG, optD, scaler, x, z, dtype):
    hooks = [
        parameter.register_hook(lambda slope: torch.nan_to_num(slope, 0.0, 0.0, 0.0))
        for parameter in netG.parameters()
    ]
    losses = iteration()(netG, netD, optG, optD, scaler, x, z, dtype)
    for hook in hooks:
        hook.remove()
    return losses


def returns_early(netG, netD, optG, optD, scaler, x, z, dtype):
    """Leaves the iteration when the generator's loss has no finite gradient."""
    before = [parameter.detach().clone() for parameter in netD.parameters()]
    losses = iteration(at_end=lambda scaler: None)(netG, netD, optG, optD, scaler, x, z, dtype)
    if not all(parameter.grad.isfinite().all() for parameter in netG.parameters()):
        with torch.no_grad():
            for parameter, value in zip(netD.parameters(), before, strict=True):
                parameter.copy_(value)
    scaler.update()
    return losses


def log_of_sigmoid(logits):
    return torch.log(torch.sigmoid(logits.float()))


def nan_everywhere(netG, netD, optG, optD, scaler, x, z, dtype):
    with torch.no_grad():
        for parameter in (*netG.parameters(), *netD.parameters()):
            parameter.fill_(float("nan"))
    return float("nan"), float("nan")


def losses_of_another_pass(netG, netD, optG, optD, scaler, x, z, dtype):
    """The losses after both steps."""
    iteration()(netG, netD, optG, optD, scaler, x, z, dtype)
    with torch.no_grad(), torch.autocast("cpu", dtype):
        real, fake = netD(x), netD(netG(z))
    return (F.softplus(-real).mean() + F.softplus(fake).mean()).item(), F.softplus(-fake).mean().item()


UPDATES, SCALER, OVERFLOW, PRECISION = "amp-updates", "amp-scaler", "amp-overflow", "amp-precision"
ALL = {UPDATES, SCALER, OVERFLOW, PRECISION}
WRONG = {
    "an update after each step": (iteration(after_d=lambda scaler: scaler.update()), {SCALER}),
    "update only after the discriminator's step": (
        iteration(after_d=lambda scaler: scaler.update(), at_end=lambda scaler: None),
        {SCALER},
    ),
    "no update": (iteration(at_end=lambda scaler: None), {SCALER}),
    "discriminator's gradients not cleared": (
        iteration(clear=("g",)),
        {UPDATES},
    ),
    "generator's gradients not cleared": (iteration(clear=("d",)), {UPDATES}),
    "discriminator's loss not scaled": (iteration(scaled=("g",)), {UPDATES, SCALER}),
    "generator's loss not scaled": (iteration(scaled=("d",)), {UPDATES, SCALER}),
    "optimizers stepped past the scaler": (iteration(stepped=()), ALL),
    "generator stepped past the scaler": (iteration(stepped=("d",)), {UPDATES, SCALER, OVERFLOW}),
    "no scaler at all": (no_scaler, {SCALER, OVERFLOW}),
    "a scaler of its own": (scaler_of_its_own, {SCALER}),
    "no autocast": (
        iteration(cast=lambda dtype: torch.autocast("cpu", dtype, enabled=False)),
        {PRECISION},
    ),
    "always bfloat16": (
        iteration(cast=lambda dtype: torch.autocast("cpu", torch.bfloat16)),
        {PRECISION},
    ),
    "backward inside autocast": (iteration(backward_inside=True), {PRECISION}),
    "networks in 16 bits": (networks_in_16_bits, {PRECISION}),
    "discriminator in 32 bits": (discriminator_in_32_bits, {PRECISION}),
    "generator first": (iteration(order="gd"), {UPDATES}),
    "both from the same weights": (simultaneous, {UPDATES}),
    "fresh noise for the generator": (iteration(fake_for_g="fresh"), {UPDATES}),
    "saturating loss": (iteration(g_objective=lambda fake: -F.softplus(fake).mean()), {UPDATES, PRECISION}),
    "half of the discriminator's loss": (
        iteration(d_objective=lambda r, f: (F.softplus(-r).mean() + F.softplus(f).mean()) / 2),
        {UPDATES, PRECISION},
    ),
    "critic losses": (
        iteration(d_objective=lambda r, f: f.mean() - r.mean(), g_objective=lambda fake: -fake.mean()),
        {UPDATES, PRECISION},
    ),
    "overflow skips both": (skips_both, {OVERFLOW}),
    "overflow is cleaned away": (cleans_gradients, {OVERFLOW}),
    "losses as tensors": (iteration(result=lambda d, g: (d.detach(), g.detach())), {PRECISION}),
    "losses after the steps": (losses_of_another_pass, {PRECISION}),
    "losses in the other order": (iteration(result=lambda d, g: (g.item(), d.item())), {PRECISION}),
    "discriminator stays frozen": (freezes("d"), {UPDATES}),
    "generator stays frozen": (freezes("g"), {UPDATES}),
    "real batch in 32 bits": (real_batch_in_32_bits, {PRECISION}),
    "both cleared at first alone": (both_cleared_at_first, {UPDATES}),
    "generator's gradients cleaned": (gradients_cleaned, {OVERFLOW}),
    "the generator's overflow stops the discriminator": (returns_early, {OVERFLOW}),
    "log of the sigmoid": (
        iteration(
            d_objective=lambda r, f: -log_of_sigmoid(r).mean() - log_of_sigmoid(-f).mean(),
            g_objective=lambda fake: -log_of_sigmoid(fake).mean(),
        ),
        {PRECISION},
    ),
    "log of the sigmoid for the generator": (
        iteration(g_objective=lambda fake: -log_of_sigmoid(fake).mean()),
        {PRECISION},
    ),
    "log of the sigmoid for the reals": (
        iteration(d_objective=lambda r, f: -log_of_sigmoid(r).mean() + F.softplus(f).mean()),
        {PRECISION},
    ),
    "log of the sigmoid for the fakes": (
        iteration(d_objective=lambda r, f: F.softplus(-r).mean() - log_of_sigmoid(-f).mean()),
        {PRECISION},
    ),
    "a list": (iteration(result=lambda d, g: [d.item(), g.item()]), {PRECISION}),
    "scaled losses": (iteration(result=lambda d, g: (64 * d.item(), 64 * g.item())), {PRECISION}),
    "always float16": (
        iteration(cast=lambda dtype: torch.autocast("cpu", torch.float16)),
        {PRECISION},
    ),
    "nan everywhere": (nan_everywhere, ALL),
}
