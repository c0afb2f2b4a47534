"""dcgan_step: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools
import math

import numpy as np
import torch
import torch.nn.functional as F

BCE = F.binary_cross_entropy_with_logits


def apply(optimizer, net, loss, keep=False):
    parameters = list(net.parameters())
    for parameter, slope in zip(
        parameters, torch.autograd.grad(loss, parameters, retain_graph=keep), strict=True
    ):
        parameter.grad = slope
    return optimizer


# ---- right


def gradients_by_hand(netG, netD, optG, optD, real, z):
    fake_logits, real_logits = netD(netG(z)), netD(real)
    g_loss = F.softplus(-fake_logits).mean()
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    steps = apply(optD, netD, d_loss, keep=True), apply(optG, netG, g_loss)
    for optimizer in steps:
        optimizer.step()
    return g_loss.item(), d_loss.item()


def both_batches_together(netG, netD, optG, optD, real, z):
    logits = netD(torch.cat([real, netG(z)]))
    real_logits, fake_logits = logits.split([len(real), len(z)])
    g_loss = BCE(fake_logits, torch.ones(len(z), 1))
    d_loss = BCE(real_logits, torch.ones(len(real), 1)) + BCE(fake_logits, torch.zeros(len(z), 1))
    apply(optG, netG, g_loss, keep=True), apply(optD, netD, d_loss)
    optG.step(), optD.step()
    return g_loss.item(), d_loss.item()


def cleared_between(netG, netD, optG, optD, real, z):
    fake = netG(z)
    fake_logits, real_logits = netD(fake), netD(real)
    g_loss = -F.logsigmoid(fake_logits).mean()
    d_loss = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    optG.zero_grad(set_to_none=False)
    g_loss.backward(retain_graph=True)
    kept = [parameter.grad.clone() for parameter in netG.parameters()]
    optD.zero_grad(set_to_none=False)
    d_loss.backward()
    for parameter, slope in zip(netG.parameters(), kept, strict=True):
        parameter.grad = slope
    optG.step()
    optD.step()
    return float(g_loss.detach()), float(d_loss.detach())


def gradient_of_the_fakes(netG, netD, optG, optD, real, z):
    """The graph is cut at the fakes; the generator's gradient continues from theirs."""
    fake = netG(z)
    cut = fake.detach().requires_grad_()
    fake_logits, real_logits = netD(cut), netD(real)
    g_loss = F.softplus(-fake_logits).mean()
    d_loss = F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()
    (slope,) = torch.autograd.grad(g_loss, cut, retain_graph=True)
    optG.zero_grad(), optD.zero_grad()
    fake.backward(slope)
    d_loss.backward(inputs=list(netD.parameters()))
    optD.step(), optG.step()
    return g_loss.item(), d_loss.item()


def closures(netG, netD, optG, optD, real, z):
    """The optimizers ask for the gradients that were taken before."""

    def give(net, slopes):
        def closure():
            for parameter, slope in zip(net.parameters(), slopes, strict=True):
                parameter.grad = slope.clone()

        return closure

    fake_logits, real_logits = netD(netG(z)).squeeze(-1), netD(real).squeeze(-1)
    zero = torch.zeros(())
    g_loss = torch.logaddexp(zero, -fake_logits).mean()
    d_loss = torch.logaddexp(zero, -real_logits).mean() + torch.logaddexp(zero, fake_logits).mean()
    g_slopes = torch.autograd.grad(g_loss, list(netG.parameters()), retain_graph=True)
    d_slopes = torch.autograd.grad(d_loss, list(netD.parameters()))
    optD.step(give(netD, d_slopes)), optG.step(give(netG, g_slopes))
    return g_loss.item(), d_loss.item()


def slopes_of_the_logits(netG, netD, optG, optD, real, z):
    """The losses' derivatives by hand, in float64; what the generator leaves in netD is wiped out."""
    for optimizer in (optG, optD):
        optimizer.zero_grad(set_to_none=False)
    fake_logits, real_logits = netD(netG(z)), netD(real)
    fake, true = (logits.detach().double() for logits in (fake_logits, real_logits))
    fake_logits.backward((-torch.sigmoid(-fake) / len(fake)).float(), retain_graph=True)
    for parameter in netD.parameters():
        parameter.grad = None
    fake_logits.backward((torch.sigmoid(fake) / len(fake)).float(), inputs=list(netD.parameters()))
    real_logits.backward((-torch.sigmoid(-true) / len(true)).float())
    optG.step(), optD.step()
    cost = [np.logaddexp(0, values.numpy()).mean() for values in (-fake, -true, fake)]
    return float(cost[0]), float(cost[1] + cost[2])


def two_classes(netG, netD, optG, optD, real, z):
    """Cross-entropy of the logits (0, D), and gradients parameter by parameter."""

    def cost(logits, label):
        pair = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return F.cross_entropy(pair, torch.full((len(logits),), label))

    fake = netG(z)
    fake_logits, real_logits = netD(fake), netD(real)
    losses = cost(fake_logits, 1), cost(real_logits, 1) + cost(fake_logits, 0)
    for loss, optimizer in ((losses[1], optD), (losses[0], optG)):
        optimizer.zero_grad()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                (parameter.grad,) = torch.autograd.grad(loss, parameter, retain_graph=True)
    optD.step(), optG.step()
    return tuple(loss.item() for loss in losses)


class Player:
    """A network, its optimizer and its criterion; an object makes the step."""

    def __init__(self, criterion):
        self.criterion = criterion

    def __call__(self, netG, netD, optG, optD, real, z):
        fakes = netD(netG(z))
        reals = netD(real)
        g_loss = self.criterion(fakes, 1.0)
        d_loss = self.criterion(reals, 1.0) + self.criterion(fakes, 0.0)
        kept = {}
        for name, loss, net in (("d", d_loss, netD), ("g", g_loss, netG)):
            net.zero_grad()
            loss.backward(retain_graph=True, inputs=list(net.parameters()))
            kept[name] = copy.deepcopy([parameter.grad for parameter in net.parameters()])
        for name, net in (("d", netD), ("g", netG)):
            for parameter, slope in zip(net.parameters(), kept[name], strict=True):
                parameter.grad = slope
        optG.step(), optD.step()
        return float(g_loss.detach()), float(d_loss.detach())


def in_double(logits, label):
    logits = logits.double()
    return BCE(logits, torch.full_like(logits, label))


def with_criterion(criterion, netG, netD, optG, optD, real, z):
    return Player(criterion)(netG, netD, optG, optD, real, z)


RIGHT = {
    solution.__name__: solution
    for solution in (
        gradients_by_hand,
        both_batches_together,
        cleared_between,
        gradient_of_the_fakes,
        closures,
        slopes_of_the_logits,
        two_classes,
    )
} | {
    "an object": Player(lambda logits, label: BCE(logits, torch.full(logits.shape, label))),
    "a partial function, losses in float64": functools.partial(with_criterion, in_double),
}


# ---- wrong


def step_with(
    *,
    clear=("g", "d"),
    between=lambda optG, optD: optD.zero_grad(),
    g_objective=lambda fake: F.softplus(-fake).mean(),
    d_objective=lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
    noise=lambda z: z,
    result=lambda g, d, again: (g.item(), d.item()),
    after=lambda netG, netD: None,
    before=lambda optG, optD, real, z: None,
    reals=lambda real: real,
    moves=lambda optG, optD: (optG.step(), optD.step()),
):
    def step(netG, netD, optG, optD, real, z):
        z = noise(z)
        before(optG, optD, real, z)
        fake = netG(z)
        real_logits, fake_logits = netD(reals(real)), netD(fake)
        g_loss, d_loss = g_objective(fake_logits), d_objective(real_logits, fake_logits)
        if "g" in clear:
            optG.zero_grad()
        if "d" in clear:
            optD.zero_grad()
        g_loss.backward(retain_graph=True)
        between(optG, optD)
        d_loss.backward(inputs=list(netD.parameters()))
        moves(optG, optD)
        outcome = result(
            g_loss, d_loss, lambda: (g_objective(netD(netG(z))), d_objective(netD(real), netD(netG(z))))
        )
        after(netG, netD)
        return outcome

    return step


def alternating(first):
    def step(netG, netD, optG, optD, real, z):
        def generator():
            loss = F.softplus(-netD(netG(z))).mean()
            optG.zero_grad()
            loss.backward()
            optG.step()
            return loss.item()

        def discriminator():
            loss = F.softplus(-netD(real)).mean() + F.softplus(netD(netG(z).detach())).mean()
            optD.zero_grad()
            loss.backward()
            optD.step()
            return loss.item()

        if first == "g":
            return generator(), discriminator()
        d_loss, g_loss = discriminator(), generator()
        return g_loss, d_loss

    return step


def everything_backward(netG, netD, optG, optD, real, z):
    fake_logits, real_logits = netD(netG(z)), netD(real)
    g_loss = F.softplus(-fake_logits).mean()
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    optG.zero_grad(), optD.zero_grad()
    g_loss.backward(retain_graph=True)
    optD.zero_grad()
    d_loss.backward()
    optG.step(), optD.step()
    return g_loss.item(), d_loss.item()


def second_forward_of_the_fakes(netG, netD, optG, optD, real, z):
    fake = netG(z)
    g_loss = F.softplus(-netD(fake)).mean()
    d_loss = F.softplus(-netD(real)).mean() + F.softplus(netD(fake.detach())).mean()
    apply(optG, netG, g_loss), apply(optD, netD, d_loss)
    optG.step(), optD.step()
    return g_loss.item(), d_loss.item()


def step_before_the_other_gradient(netG, netD, optG, optD, real, z):
    fake_logits, real_logits = netD(netG(z)), netD(real)
    g_loss = F.softplus(-fake_logits).mean()
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    optD.zero_grad(), optG.zero_grad()
    d_loss.backward(retain_graph=True)
    optD.step()
    optG.zero_grad()
    g_loss.backward()
    optG.step()
    return g_loss.item(), d_loss.item()


def evaluation_mode(netG, netD, optG, optD, real, z):
    netG.eval()
    outcome = step_with()(netG, netD, optG, optD, real, z)
    netG.train()
    return outcome


def equal_halves(netG, netD, optG, optD, real, z):
    size = min(len(real), len(z))
    return step_with()(netG, netD, optG, optD, real[:size], z[:size])


def objectives(cost):
    """Both losses, with a cost of a logit that should be large."""
    return {
        "g_objective": lambda fake: cost(fake).mean(),
        "d_objective": lambda real, fake: cost(real).mean() + cost(-fake).mean(),
    }


def flat_for_a_moment(real):
    """Reshapes the caller's tensor, and gives the network its former shape."""
    shape = real.shape
    real.resize_(len(real), real[0].numel())
    return real.view(shape)


def one_group(optG, optD):
    for optimizer in (optG, optD):
        rest, optimizer.param_groups[1:] = optimizer.param_groups[1:], []
        optimizer.step()
        optimizer.param_groups += rest


def two_steps(optG, optD):
    optG.step(), optD.step()
    optD.zero_grad()
    optD.step()
    for group in optD.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optD.step()


def times_zero(optG, optD, *_):
    for optimizer in (optG, optD):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad *= 0


def forgets(optG, optD, *_):
    optG.state.clear(), optD.state.clear()


def clipped(optG, optD):
    for optimizer in (optG, optD):
        for group in optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 0.05)
        optimizer.step()


def own_optimizers(netG, netD, optG, optD, real, z):
    own = (
        torch.optim.SGD(net.parameters(), optimizer.param_groups[0]["lr"])
        for net, optimizer in ((netG, optG), (netD, optD))
    )
    return step_with()(netG, netD, *own, real, z)


def looks_again(netG, netD, optG, optD, real, z):
    losses = step_with()(netG, netD, optG, optD, real, z)
    netD.eval()
    netD(real)
    netD.train()
    return losses


def nan_everywhere(netG, netD, optG, optD, real, z):
    with torch.no_grad():
        for parameter in (*netG.parameters(), *netD.parameters(), netG.module[1].running_mean):
            parameter.fill_(math.nan)
        real.fill_(math.nan), z.fill_(math.nan)
    return math.nan, math.nan


def nothing(netG, netD, optG, optD, real, z):
    return 0.0, 0.0


def emptied(netG, netD, optG, optD, real, z):
    for net in (netG, netD):
        for module in net.modules():
            module._parameters.clear()
    real.data, z.data = torch.empty(0), torch.empty(0)
    return 0.0, 0.0


G, D, LOSSES, ONCE = "update-generator", "update-discriminator", "update-losses", "update-once"
ALL = {G, D, LOSSES, ONCE}
WRONG = {
    "generator first": (alternating("g"), {D, ONCE}),
    "discriminator first": (alternating("d"), {G, ONCE}),
    "a second forward pass of the fakes": (second_forward_of_the_fakes, {ONCE}),
    "a step before the other gradient": (step_before_the_other_gradient, ALL),
    "discriminator's loss reaches the generator": (everything_backward, {G}),
    "generator's loss reaches the discriminator": (step_with(between=lambda optG, optD: None), {D}),
    "generator's gradients cleared too late": (
        step_with(between=lambda optG, optD: (optG.zero_grad(), optD.zero_grad())),
        {G},
    ),
    "generator's old gradients kept": (step_with(clear=("d",)), {G}),
    "old gradients of the discriminator kept": (
        step_with(clear=("g",), between=lambda optG, optD: None),
        {D},
    ),
    "a factor 1/2": (
        step_with(d_objective=lambda r, f: (F.softplus(-r).mean() + F.softplus(f).mean()) / 2),
        {D},
    ),
    "saturating loss": (step_with(g_objective=lambda fake: -F.softplus(fake).mean()), {G}),
    "labels swapped": (
        step_with(d_objective=lambda r, f: F.softplus(r).mean() + F.softplus(-f).mean()),
        {D},
    ),
    "one mean over both batches": (
        step_with(d_objective=lambda r, f: 2 * torch.cat([F.softplus(-r), F.softplus(f)]).mean()),
        {D, LOSSES},
    ),
    "fresh noise": (step_with(noise=torch.randn_like), {G}),
    "evaluation mode": (evaluation_mode, {G}),
    "equal halves of unequal batches": (equal_halves, {G, D}),
    "losses after the updates": (
        step_with(result=lambda g, d, again: tuple(loss.item() for loss in again())),
        {LOSSES, ONCE},
    ),
    "losses in the other order": (step_with(result=lambda g, d, again: (d.item(), g.item())), {LOSSES}),
    "tensors": (step_with(result=lambda g, d, again: (g.detach(), d.detach())), {LOSSES}),
    "discriminator stays frozen": (
        step_with(after=lambda netG, netD: netD.requires_grad_(False)),
        {ONCE},
    ),
    "generator stays frozen": (step_with(after=lambda netG, netD: netG.requires_grad_(False)), {ONCE}),
    "one parameter stays frozen": (
        step_with(after=lambda netG, netD: list(netD.parameters())[-1].requires_grad_(False)),
        {ONCE},
    ),
    "discriminator left in evaluation mode": (step_with(after=lambda netG, netD: netD.eval()), {ONCE}),
    "a layer left in evaluation mode": (
        step_with(after=lambda netG, netD: list(netG.modules())[-1].eval()),
        {ONCE},
    ),
    "log of the sigmoid": (
        step_with(**objectives(lambda logits: -torch.log(torch.sigmoid(logits)))),
        {LOSSES},
    ),
    "log of the sigmoid for the generator alone": (
        step_with(g_objective=lambda fake: -torch.log(torch.sigmoid(fake)).mean()),
        {LOSSES},
    ),
    "log of the sigmoid for the reals alone": (
        step_with(d_objective=lambda r, f: -torch.log(torch.sigmoid(r)).mean() + F.softplus(f).mean()),
        {LOSSES},
    ),
    "log of one minus the sigmoid for the fakes alone": (
        step_with(d_objective=lambda r, f: F.softplus(-r).mean() - torch.log(1 - torch.sigmoid(f)).mean()),
        {LOSSES},
    ),
    "binary cross-entropy of probabilities": (
        step_with(**objectives(lambda t: F.binary_cross_entropy(torch.sigmoid(t), torch.ones_like(t)))),
        {LOSSES},
    ),
    "log of one plus exp": (step_with(**objectives(lambda t: torch.log(1 + torch.exp(-t)))), {LOSSES}),
    "probabilities kept from zero": (
        step_with(**objectives(lambda t: -torch.log(torch.sigmoid(t) + 1e-8))),
        {LOSSES},
    ),
    "logits confined": (step_with(**objectives(lambda t: F.softplus(-t.clamp(-50, 50)))), {LOSSES}),
    "label 0.9 for the reals": (
        step_with(d_objective=lambda r, f: BCE(r, torch.full_like(r, 0.9)) + F.softplus(f).mean()),
        {D},
    ),
    "sums": (step_with(g_objective=lambda fake: F.softplus(-fake).sum()), {G, LOSSES}),
    "reals flattened for the discriminator": (
        step_with(reals=lambda real: real.reshape(len(real), -1)),
        {D},
    ),
    "reals without their axes of length one": (
        step_with(reals=lambda real: real.squeeze()),
        {G, D, LOSSES},
    ),
    "the caller's reals reshaped": (step_with(reals=flat_for_a_moment), {D, ONCE}),
    "the caller's reals with another axis": (
        step_with(before=lambda optG, optD, real, z: real.unsqueeze_(0), reals=lambda real: real[0]),
        {ONCE},
    ),
    "the caller's reals made contiguous": (
        step_with(before=lambda optG, optD, real, z: setattr(real, "data", real.contiguous())),
        {ONCE},
    ),
    "the caller's reals clamped": (
        step_with(before=lambda optG, optD, real, z: real.clamp_(-1, 1)),
        {D, LOSSES, ONCE},
    ),
    "no step": (step_with(moves=lambda optG, optD: None), {G, D}),
    "the caller's noise changed": (
        step_with(before=lambda optG, optD, real, z: z.mul_(1.01)),
        {G, ONCE},
    ),
    "noise that requires its gradient": (
        step_with(before=lambda optG, optD, real, z: z.requires_grad_()),
        {ONCE},
    ),
    "one parameter group": (step_with(moves=one_group), {G, D}),
    "two more steps of the discriminator": (step_with(moves=two_steps), {D}),
    "leftover gradients times zero": (
        step_with(clear=(), before=times_zero, between=lambda *_: None),
        {G, D},
    ),
    "momentum forgotten": (step_with(before=forgets), {G, D}),
    "gradients clipped": (step_with(moves=clipped), {G, D}),
    "optimizers of its own": (own_optimizers, {G, D}),
    "a pass in evaluation mode": (looks_again, {ONCE}),
    "a list": (step_with(result=lambda g, d, again: [g.item(), d.item()]), {LOSSES}),
    "NumPy's floats": (
        step_with(result=lambda g, d, again: (np.float64(g.item()), np.float64(d.item()))),
        {LOSSES},
    ),
    "losses rounded": (
        step_with(result=lambda g, d, again: (round(g.item(), 3), round(d.item(), 3))),
        {LOSSES},
    ),
    "nan everywhere": (nan_everywhere, ALL),
    "nothing": (nothing, ALL),
    "networks emptied": (emptied, ALL),
}
