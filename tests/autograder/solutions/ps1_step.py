"""gan_step: unusual right solutions, and wrong ones with the checks that they lose."""

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
    "discriminator first": (step_with(order="dg"), {G, LOSSES}),
    "fakes not detached": (step_with(fake_for_d=lambda netG, z, fake: fake), ALL),
    "fakes for D from fresh noise": (
        step_with(fake_for_d=lambda netG, z, fake: netG(torch.randn_like(z)).detach()),
        {D, LOSSES, STATE},
    ),
    "fakes for D made again after G's step": (
        step_with(fake_for_d=lambda netG, z, fake: netG(z).detach()),
        {D, LOSSES, STATE},
    ),
    "mode left as it was": (step_with(mode=False), {STATE}),
    "evaluation mode at the end": (step_with(after=lambda netG, netD: netG.eval()), {STATE}),
    "G's gradients never cleared": (step_with(clear_g=False), {G}),
    "D's gradients never cleared": (step_with(clear_d=None), {D}),
    "D's gradients cleared before G's backward": (step_with(clear_d="early"), {D}),
    "no factor 1/2": (
        step_with(d_objective=lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean()),
        {D, LOSSES},
    ),
    "labels of D swapped": (
        step_with(d_objective=lambda real, fake: (F.softplus(real).mean() + F.softplus(-fake).mean()) / 2),
        {D, LOSSES},
    ),
    "one mean over both batches": (
        step_with(d_objective=lambda real, fake: torch.cat([F.softplus(-real), F.softplus(fake)]).mean()),
        {D, LOSSES},
    ),
    "saturating generator loss": (
        step_with(g_objective=lambda logits: -F.softplus(logits).mean()),
        {G, LOSSES},
    ),
    "sigmoid applied twice": (
        step_with(g_objective=lambda logits: BCE(torch.sigmoid(logits), torch.ones_like(logits))),
        {G, LOSSES},
    ),
    "losses after the updates": (
        step_with(result=lambda g, d, again: tuple(loss.item() for loss in again())),
        {LOSSES},
    ),
    "tensors returned": (step_with(result=lambda g, d, again: (g.detach(), d.detach())), {LOSSES}),
    "losses in the other order": (step_with(result=lambda g, d, again: (d.item(), g.item())), {LOSSES}),
    "discriminator stays frozen": (step_with(after=lambda netG, netD: netD.requires_grad_(False)), {STATE}),
    "equal halves of unequal batches": (half_batch, {G, D, LOSSES}),
    "labels of the other batch's size": (labels_of_the_real_batch, ALL),
    "weights moved by hand, not by the optimizers": (weights_moved_by_hand, {G, D}),
    "generator under no_grad": (generator_without_graph, {G}),
}
