"""dcgan_step: unusual right solutions, and wrong ones with the checks that they lose."""

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


RIGHT = {
    solution.__name__: solution
    for solution in (gradients_by_hand, both_batches_together, cleared_between, gradient_of_the_fakes)
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
):
    def step(netG, netD, optG, optD, real, z):
        z = noise(z)
        fake = netG(z)
        real_logits, fake_logits = netD(real), netD(fake)
        g_loss, d_loss = g_objective(fake_logits), d_objective(real_logits, fake_logits)
        if "g" in clear:
            optG.zero_grad()
        if "d" in clear:
            optD.zero_grad()
        g_loss.backward(retain_graph=True)
        between(optG, optD)
        d_loss.backward(inputs=list(netD.parameters()))
        optG.step(), optD.step()
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


G, D, LOSSES, ONCE = "update-generator", "update-discriminator", "update-losses", "update-once"
ALL = {G, D, LOSSES, ONCE}
WRONG = {
    "generator first": (alternating("g"), {D, LOSSES, ONCE}),
    "discriminator first": (alternating("d"), {G, LOSSES, ONCE}),
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
        {D, LOSSES},
    ),
    "saturating loss": (step_with(g_objective=lambda fake: -F.softplus(fake).mean()), {G, LOSSES}),
    "labels swapped": (
        step_with(d_objective=lambda r, f: F.softplus(r).mean() + F.softplus(-f).mean()),
        {D, LOSSES},
    ),
    "one mean over both batches": (
        step_with(d_objective=lambda r, f: 2 * torch.cat([F.softplus(-r), F.softplus(f)]).mean()),
        {D, LOSSES},
    ),
    "fresh noise": (step_with(noise=torch.randn_like), ALL),
    "evaluation mode": (evaluation_mode, {G, D, LOSSES, ONCE}),
    "equal halves of unequal batches": (equal_halves, {G, D, LOSSES, ONCE}),
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
}
