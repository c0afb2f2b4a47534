"""gan_step: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools

import torch
import torch.nn.functional as F

BCE = F.binary_cross_entropy_with_logits


def right_losses(netG, netD, x, z):
    netG.train(), netD.train()
    fake = netG(z)
    g_loss = F.softplus(-netD(fake)).mean()
    d_loss = (F.softplus(-netD(x)).mean() + F.softplus(netD(fake.detach())).mean()) / 2
    return g_loss, d_loss


def apply(optimizer, parameters, slopes):
    for parameter, slope in zip(parameters, slopes, strict=True):
        parameter.grad = slope
    optimizer.step()


# ---- right


def both_gradients_first(netG, netD, optG, optD, x, z):
    g_loss, d_loss = right_losses(netG, netD, x, z)
    g_parameters, d_parameters = list(netG.parameters()), list(netD.parameters())
    g_slopes = torch.autograd.grad(g_loss, g_parameters)
    d_slopes = torch.autograd.grad(d_loss, d_parameters)
    apply(optG, g_parameters, g_slopes)
    apply(optD, d_parameters, d_slopes)
    return g_loss.item(), d_loss.item()


def one_forward_of_the_discriminator(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    fake_logits, real_logits = netD(netG(z)), netD(x)
    g_loss = -F.logsigmoid(fake_logits).mean()
    d_loss = -0.5 * (F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean())
    g_slopes = torch.autograd.grad(g_loss, list(netG.parameters()), retain_graph=True)
    d_slopes = torch.autograd.grad(d_loss, list(netD.parameters()))
    apply(optG, netG.parameters(), g_slopes)
    apply(optD, netD.parameters(), d_slopes)
    return float(g_loss.detach()), float(d_loss.detach())


def frozen_discriminator_and_zeros(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    netD.requires_grad_(False)
    fake = netG(z)
    logits = netD(fake)
    g_loss = BCE(logits, torch.ones_like(logits))
    optG.zero_grad(set_to_none=False)
    g_loss.backward()
    optG.step()
    netD.requires_grad_(True)
    both = netD(torch.cat([x, fake.detach()]))
    real_logits, fake_logits = both[: len(x)], both[len(x) :]
    d_loss = 0.5 * BCE(real_logits, torch.ones(len(x), 1)) + 0.5 * BCE(fake_logits, torch.zeros(len(z), 1))
    optD.zero_grad(set_to_none=False)
    d_loss.backward()
    optD.step()
    return g_loss.item(), d_loss.item()


def backward_with_inputs_and_a_warning(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    fake = netG(z)
    g_loss = F.softplus(-netD(fake)).mean()
    for parameter in [*netG.parameters(), *netD.parameters()]:
        parameter.grad = None
    g_loss.backward(inputs=list(netG.parameters()))
    optG.step()
    d_loss = 0.5 * (F.softplus(-netD(x)).mean() + F.softplus(netD(fake.detach())).mean())
    d_loss.backward()
    optD.step()
    return float(g_loss), float(d_loss)  # float() of a tensor that requires a gradient warns


def two_backward_passes_in_the_discriminator(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    fake = netG(z)
    optG.zero_grad()
    g_loss = -torch.log(torch.sigmoid(netD(fake))).mean()
    g_loss.backward()
    optG.step()
    optD.zero_grad()
    real_half = 0.5 * F.softplus(-netD(x)).mean()
    real_half.backward()
    fake_half = 0.5 * F.softplus(netD(fake.detach())).mean()
    fake_half.backward()
    optD.step()
    return g_loss.item(), real_half.item() + fake_half.item()


RIGHT = {
    solution.__name__: solution
    for solution in (
        both_gradients_first,
        one_forward_of_the_discriminator,
        frozen_discriminator_and_zeros,
        backward_with_inputs_and_a_warning,
        two_backward_passes_in_the_discriminator,
    )
}


class Step:
    """A step that is an object; its losses come from a generator expression."""

    @staticmethod
    def loss(logits, label):
        return torch.nn.BCEWithLogitsLoss()(logits, torch.full_like(logits, label))

    def __call__(self, netG, netD, optG, optD, x, z):
        for net in (netG, netD):
            net.train()
        fake = netG(z)
        optG.zero_grad(set_to_none=True)
        first = self.loss(netD(fake), 1.0)
        first.backward()
        optG.step()
        optD.zero_grad(set_to_none=True)
        second = sum(self.loss(netD(batch), label) for batch, label in ((x, 1.0), (fake.detach(), 0.0))) / 2
        second.backward()
        optD.step()
        return first.item(), second.item()


def against_a_copy_in_float64(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    double = copy.deepcopy(netD).double()
    fake = netG(z)
    g_loss = F.softplus(-double(fake.double())).mean()
    slopes = torch.autograd.grad(g_loss, list(netG.parameters()))
    d_loss = (F.softplus(-double(x.double())).mean() + F.softplus(double(fake.detach().double())).mean()) / 2
    apply(optG, netG.parameters(), slopes)
    slopes = torch.autograd.grad(d_loss, list(double.parameters()))
    apply(optD, netD.parameters(), [slope.float() for slope in slopes])
    return g_loss.item(), d_loss.item()


def closures(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    fake = netG(z)

    def closure(optimizer, loss):
        def run():
            optimizer.zero_grad()
            loss().backward(inputs=[one for group in optimizer.param_groups for one in group["params"]])
            return loss()

        return run

    g_loss = F.softplus(-netD(fake)).mean()
    optG.step(closure(optG, lambda: F.softplus(-netD(fake)).mean()))
    d_loss = optD.step(
        closure(optD, lambda: 0.5 * (F.softplus(-netD(x)).mean() + F.softplus(netD(fake.detach())).mean()))
    )
    return g_loss.item(), d_loss.item()


def functional(netG, netD, optG, optD, x, z):
    """The discriminator's slopes by torch.func, where its weights are an argument."""
    netG.train(), netD.train()
    weights = {name: weight.detach() for name, weight in netD.named_parameters()}
    fake = netG(z)

    def judge(weights, batch):
        return torch.func.functional_call(copy.deepcopy(netD), weights, (batch,))

    def loss(weights):
        real, made = judge(weights, x), judge(weights, fake.detach())
        return (F.softplus(-real).mean() + F.softplus(made).mean()) / 2

    g_loss = F.softplus(-judge(weights, fake)).mean()
    slopes, d_loss = torch.func.grad_and_value(loss)(weights)
    apply(optG, netG.parameters(), torch.autograd.grad(g_loss, list(netG.parameters())))
    apply(optD, netD.parameters(), slopes.values())
    return g_loss.item(), d_loss.item()


RIGHT |= {
    "an object with __call__": Step(),
    "a partial": functools.partial(lambda step, *args: step(*args), both_gradients_first),
    "with gradients enabled by a decorator": torch.enable_grad()(one_forward_of_the_discriminator),
    "a list of losses": lambda *args: list(both_gradients_first(*args)),
    "against a copy in float64": against_a_copy_in_float64,
    "closures": closures,
    "torch.func": functional,
}


# ---- wrong: a step with one thing changed


def step_with(
    *,
    mode=True,
    clear_g=True,
    clear_d="late",
    order="gd",
    fake_for_d=lambda netG, z, fake: fake.detach(),
    g_objective=lambda logits: F.softplus(-logits).mean(),
    d_objective=lambda real, fake: (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2,
    result=lambda g, d, again: (g.item(), d.item()),
    after=lambda netG, netD: None,
):
    def step(netG, netD, optG, optD, x, z):
        if mode:
            netG.train(), netD.train()
        fake = netG(z)
        if clear_d == "early":
            optD.zero_grad()

        def generator():
            g_loss = g_objective(netD(fake))
            if clear_g:
                optG.zero_grad()
            g_loss.backward()
            optG.step()
            return g_loss

        def discriminator():
            d_loss = d_objective(netD(x), netD(fake_for_d(netG, z, fake)))
            if clear_d == "late":
                optD.zero_grad()
            d_loss.backward()
            optD.step()
            return d_loss

        if order == "gd":
            g_loss, d_loss = generator(), discriminator()
        else:
            d_loss, g_loss = discriminator(), generator()
        outcome = result(g_loss, d_loss, lambda: (g_objective(netD(fake)), d_objective(netD(x), netD(fake))))
        after(netG, netD)
        return outcome

    return step


def half_batch(netG, netD, optG, optD, x, z):
    size = min(len(x), len(z))
    return step_with()(netG, netD, optG, optD, x[:size], z[:size])


def labels_of_the_real_batch(netG, netD, optG, optD, x, z):
    labels = torch.ones(len(x), 1)
    return step_with(g_objective=lambda logits: BCE(logits, labels))(netG, netD, optG, optD, x, z)


def generator_without_graph(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    with torch.no_grad():
        fake = netG(z)
    optG.zero_grad(), optD.zero_grad()
    g_loss = F.softplus(-netD(fake)).mean()
    d_loss = (F.softplus(-netD(x)).mean() + F.softplus(netD(fake)).mean()) / 2
    d_loss.backward()
    optG.step(), optD.step()
    return g_loss.item(), d_loss.item()


def weights_moved_by_hand(netG, netD, optG, optD, x, z):
    g_loss, d_loss = right_losses(netG, netD, x, z)
    for loss, net, optimizer in ((g_loss, netG, optG), (d_loss, netD, optD)):
        parameters = list(net.parameters())
        for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= optimizer.param_groups[0]["lr"] * slope
    return g_loss.item(), d_loss.item()


G, D, LOSSES, STATE = "step-generator", "step-discriminator", "step-losses", "step-state"
ALL = {G, D, LOSSES, STATE}
WRONG = {
    "discriminator first": (step_with(order="dg"), {G}),
    "fakes not detached": (step_with(fake_for_d=lambda netG, z, fake: fake), ALL),
    "fakes for D from fresh noise": (
        step_with(fake_for_d=lambda netG, z, fake: netG(torch.randn_like(z)).detach()),
        {D, STATE},
    ),
    "fakes for D made again after G's step": (
        step_with(fake_for_d=lambda netG, z, fake: netG(z).detach()),
        {D, STATE},
    ),
    "mode left as it was": (step_with(mode=False), {STATE}),
    "evaluation mode at the end": (step_with(after=lambda netG, netD: netG.eval()), {STATE}),
    "G's gradients never cleared": (step_with(clear_g=False), {G}),
    "D's gradients never cleared": (step_with(clear_d=None), {D}),
    "D's gradients cleared before G's backward": (step_with(clear_d="early"), {D}),
    "no factor 1/2": (
        step_with(d_objective=lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean()),
        {D},
    ),
    "labels of D swapped": (
        step_with(d_objective=lambda real, fake: (F.softplus(real).mean() + F.softplus(-fake).mean()) / 2),
        {D},
    ),
    "one mean over both batches": (
        step_with(d_objective=lambda real, fake: torch.cat([F.softplus(-real), F.softplus(fake)]).mean()),
        {D},
    ),
    "saturating generator loss": (
        step_with(g_objective=lambda logits: -F.softplus(logits).mean()),
        {G},
    ),
    "sigmoid applied twice": (
        step_with(g_objective=lambda logits: BCE(torch.sigmoid(logits), torch.ones_like(logits))),
        {G},
    ),
    "losses after the updates": (
        step_with(result=lambda g, d, again: tuple(loss.item() for loss in again())),
        {LOSSES},
    ),
    "tensors returned": (step_with(result=lambda g, d, again: (g.detach(), d.detach())), {LOSSES}),
    "losses in the other order": (step_with(result=lambda g, d, again: (d.item(), g.item())), {LOSSES}),
    "discriminator stays frozen": (step_with(after=lambda netG, netD: netD.requires_grad_(False)), {STATE}),
    "equal halves of unequal batches": (half_batch, {G, D}),
    "labels of the other batch's size": (labels_of_the_real_batch, {G, D}),
    "weights moved by hand, not by the optimizers": (weights_moved_by_hand, {G, D}),
    "generator under no_grad": (generator_without_graph, {G}),
}


def before(change, step=None):
    """A step after some change of its arguments."""

    def changed(netG, netD, optG, optD, x, z):
        change(netG, netD, optG, optD, x, z)
        return (step or step_with())(netG, netD, optG, optD, x, z)

    return changed


def cleared_by(clear):
    """A step that gets rid of old gradients in its own way, and then adds new ones to what is left."""

    def step(netG, netD, optG, optD, x, z):
        g_loss, d_loss = right_losses(netG, netD, x, z)
        for optimizer, net, loss in ((optG, netG, g_loss), (optD, netD, d_loss)):
            parameters = list(net.parameters())
            slopes = torch.autograd.grad(loss, parameters)
            clear(optimizer)
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter.grad = slope if parameter.grad is None else parameter.grad + slope
        optG.step(), optD.step()
        return g_loss.item(), d_loss.item()

    return step


def times_zero(optimizer):
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None if parameter.grad is None else parameter.grad * 0


def first_group_only(optimizer):
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = None


def modes_by_the_root(netG, netD, optG, optD, x, z):
    for net in (netG, netD):
        if not net.training:
            net.train()
    return step_with(mode=False)(netG, netD, optG, optD, x, z)


def modes_late(netG, netD, optG, optD, x, z):
    losses = step_with(mode=False)(netG, netD, optG, optD, x, z)
    netG.train(), netD.train()
    return losses


def evaluated_for_the_generator(netG, netD, optG, optD, x, z):
    g_loss, d_loss = right_losses(netG, netD, x, z)
    netD.eval()
    netD(x)
    netD.train()
    apply(optG, netG.parameters(), torch.autograd.grad(g_loss, list(netG.parameters()), retain_graph=True))
    apply(optD, netD.parameters(), torch.autograd.grad(d_loss, list(netD.parameters())))
    return g_loss.item(), d_loss.item()


def new_optimizers(netG, netD, optG, optD, x, z):
    return step_with()(netG, netD, *(torch.optim.SGD(one.parameters(), lr=0.5) for one in (netG, netD)), x, z)


def both_optimizers_step_twice(netG, netD, optG, optD, x, z):
    losses = step_with()(netG, netD, optG, optD, x, z)
    optG.step(), optD.step()
    return losses


def afterwards(change):
    def step(netG, netD, optG, optD, x, z):
        losses = step_with()(netG, netD, optG, optD, x, z)
        change(netG, netD, optG, optD, x, z)
        return losses

    return step


def without_last(netG, netD, optG, optD, x, z):
    return step_with()(netG, netD, optG, optD, x[: max(1, len(x) - 1)], z)


def in_bfloat16(netG, netD, optG, optD, x, z):
    with torch.autocast("cpu", torch.bfloat16):
        return step_with()(netG, netD, optG, optD, x, z)


WRONG |= {
    "old gradients times zero": (cleared_by(times_zero), {G, D}),
    "old gradients of the first group only cleared": (cleared_by(first_group_only), {G, D}),
    "netD not put into training mode": (
        before(lambda netG, *rest: netG.train(), step_with(mode=False)),
        {STATE},
    ),
    "netG not put into training mode": (
        before(lambda netG, netD, *rest: netD.train(), step_with(mode=False)),
        {STATE},
    ),
    "modes by the networks' own flag": (modes_by_the_root, {STATE}),
    "training mode afterwards only": (modes_late, {STATE}),
    "netD once in evaluation mode": (evaluated_for_the_generator, {STATE}),
    "momentum forgotten": (
        before(lambda netG, netD, optG, optD, x, z: (optG.state.clear(), optD.state.clear())),
        {G, D},
    ),
    "optimizers of its own": (new_optimizers, {G, D}),
    "two steps of each optimizer": (both_optimizers_step_twice, {G, D}),
    "x overwritten": (afterwards(lambda netG, netD, optG, optD, x, z: x.zero_()), {STATE}),
    "z overwritten": (afterwards(lambda netG, netD, optG, optD, x, z: z.mul_(0.5)), {STATE}),
    "z needs a gradient": (afterwards(lambda netG, netD, optG, optD, x, z: z.requires_grad_()), {STATE}),
    "netG called twice": (
        afterwards(lambda netG, netD, optG, optD, x, z: netG(z)),
        {STATE},
    ),
    "one weight of netG frozen": (
        afterwards(lambda netG, *rest: list(netG.parameters())[-1].requires_grad_(False)),
        {STATE},
    ),
    "one module of netD in evaluation mode": (
        afterwards(lambda netG, netD, *rest: list(netD.modules())[-1].eval()),
        {STATE},
    ),
    "last real sample left out": (without_last, {D}),
    "losses rounded": (
        step_with(result=lambda g, d, again: (round(g.item(), 3), round(d.item(), 3))),
        {LOSSES},
    ),
    "losses of numpy": (step_with(result=lambda g, d, again: (g.detach().numpy()[()], d.item())), {LOSSES}),
    "losses as ints": (step_with(result=lambda g, d, again: (int(g.item()), int(d.item()))), {LOSSES}),
    "bfloat16": (in_bfloat16, {G, D, LOSSES}),
}


WRONG |= {
    "reals without labels of 1": (
        step_with(d_objective=lambda real, fake: (F.softplus(fake).mean() - F.softplus(-real).mean()) / 2),
        {D},
    ),
    "fakes alone in D's loss": (step_with(d_objective=lambda real, fake: F.softplus(fake).mean() / 2), {D}),
    "sums instead of means": (
        step_with(d_objective=lambda real, fake: (F.softplus(-real).sum() + F.softplus(fake).sum()) / 2),
        {D},
    ),
    "sum in G's loss": (step_with(g_objective=lambda logits: F.softplus(-logits).sum()), {G}),
    "G's loss halved": (step_with(g_objective=lambda logits: F.softplus(-logits).mean() / 2), {G}),
    "d_loss returned without its factor": (
        step_with(result=lambda g, d, again: (g.item(), 2 * d.item())),
        {LOSSES},
    ),
    "only one loss returned": (step_with(result=lambda g, d, again: g.item()), {LOSSES}),
}
