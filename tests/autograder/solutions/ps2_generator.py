"""generator_step: unusual right solutions, and wrong ones with the checks that they lose."""

import copy

import torch
from torch.func import functional_call


def critic_loss(netG, critic, z):
    return -critic(netG(z)).mean()


# ---- right


def backward_with_inputs(netG, critic, optG, z):
    optG.zero_grad()
    loss = critic_loss(netG, critic, z)
    loss.backward(inputs=list(netG.parameters()))
    optG.step()
    return loss.item()


def frozen_meanwhile(netG, critic, optG, z):
    flags = [parameter.requires_grad for parameter in critic.parameters()]
    critic.requires_grad_(False)
    netG.zero_grad(set_to_none=False)
    loss = critic(netG(z)).mean().neg()
    loss.backward()
    optG.step()
    for parameter, flag in zip(critic.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    return float(loss.detach())


def gradients_saved_and_put_back(netG, critic, optG, z):
    saved = [None if p.grad is None else p.grad.clone() for p in critic.parameters()]
    optG.zero_grad()
    loss = critic_loss(netG, critic, z)
    loss.backward()
    optG.step()
    for parameter, gradient in zip(critic.parameters(), saved, strict=True):
        parameter.grad = gradient
    return float(loss)  # float() of a tensor that requires a gradient warns


def with_a_copy_of_the_critic(netG, critic, optG, z):
    optG.zero_grad()
    loss = critic_loss(netG, copy.deepcopy(critic), z)
    loss.backward()
    optG.step()
    return loss.item()


def with_detached_weights(netG, critic, optG, z):
    weights = {name: parameter.detach() for name, parameter in critic.named_parameters()}
    optG.zero_grad()
    loss = -functional_call(critic, weights, (netG(z),)).mean()
    loss.backward()
    optG.step()
    return loss.tolist()


def gradient_of_the_fakes_first(netG, critic, optG, z):
    fake = netG(z)
    point = fake.detach().requires_grad_()
    loss = critic_loss(lambda x: x, critic, point)
    (slope,) = torch.autograd.grad(loss, point)
    optG.zero_grad()
    fake.backward(slope)
    optG.step()
    return loss.item()


RIGHT = {
    solution.__name__: solution
    for solution in (
        backward_with_inputs,
        frozen_meanwhile,
        gradients_saved_and_put_back,
        with_a_copy_of_the_critic,
        with_detached_weights,
        gradient_of_the_fakes_first,
    )
}


# ---- wrong


def step_with(
    *,
    loss=critic_loss,
    clear=lambda netG, optG: optG.zero_grad(),
    before=lambda critic: None,
    after=lambda critic: None,
    result=lambda loss, again: loss.item(),
    steps=1,
    backward=lambda loss, netG: loss.backward(inputs=list(netG.parameters())),
):
    def step(netG, critic, optG, z):
        before(critic)
        clear(netG, optG)
        value = loss(netG, critic, z)
        backward(value, netG)
        for _ in range(steps):
            optG.step()
        after(critic)
        return result(value, lambda: loss(netG, critic, z))

    return step


def plain(**changes):
    """As step_with, but backward reaches the critic."""
    return step_with(backward=lambda loss, netG: loss.backward(), **changes)


def thawed_afterwards(critic):
    critic.requires_grad_(True)


def moved_by_hand(netG, critic, optG, z):
    loss = critic_loss(netG, critic, z)
    parameters = list(netG.parameters())
    for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.data -= optG.param_groups[0]["lr"] * slope
    return loss.item()


def fresh_noise(netG, critic, optG, z):
    return step_with()(netG, critic, optG, torch.randn_like(z))


def critic_moves_too(netG, critic, optG, z):
    saved = [parameter.grad for parameter in critic.parameters()]
    for parameter in critic.parameters():
        parameter.grad = None
    loss = critic_loss(netG, critic, z)
    optG.zero_grad()
    loss.backward()
    optG.step()
    with torch.no_grad():
        for parameter, gradient in zip(critic.parameters(), saved, strict=True):
            if parameter.grad is not None:
                parameter += 0.1 * parameter.grad
            parameter.grad = gradient
    return loss.item()


UPDATE, LOSS, GRADS, FLAGS = "generator-update", "generator-loss", "generator-grads", "generator-flags"
WRONG = {
    "gradients left in the critic": (plain(), {GRADS}),
    "gradients of the critic cleared afterwards": (plain(after=lambda critic: critic.zero_grad()), {GRADS}),
    "gradients of the critic zeroed afterwards": (
        plain(after=lambda critic: critic.zero_grad(set_to_none=False)),
        {GRADS},
    ),
    "critic stays frozen": (plain(before=lambda critic: critic.requires_grad_(False)), {FLAGS}),
    "everything thawed": (
        plain(before=lambda critic: critic.requires_grad_(False), after=thawed_afterwards),
        {FLAGS},
    ),
    "critic in evaluation mode": (step_with(before=lambda critic: critic.eval()), {FLAGS}),
    "sign forgotten": (step_with(loss=lambda netG, critic, z: critic(netG(z)).mean()), {UPDATE, LOSS}),
    "sum instead of mean": (step_with(loss=lambda netG, critic, z: -critic(netG(z)).sum()), {UPDATE, LOSS}),
    "cross-entropy": (
        step_with(loss=lambda netG, critic, z: torch.nn.functional.softplus(-critic(netG(z))).mean()),
        {UPDATE, LOSS},
    ),
    "old gradients count": (step_with(clear=lambda netG, optG: None), {UPDATE, LOSS}),
    "two steps of the optimizer": (step_with(steps=2), {UPDATE, LOSS}),
    "no step": (step_with(steps=0), {UPDATE, LOSS}),
    "loss after the step": (step_with(result=lambda loss, again: again().item()), {LOSS}),
    "a tensor": (step_with(result=lambda loss, again: loss.detach()), {LOSS}),
    "nothing returned": (step_with(result=lambda loss, again: None), {LOSS}),
    "sign of the returned loss": (step_with(result=lambda loss, again: -loss.item()), {LOSS}),
    "moved by hand": (moved_by_hand, {UPDATE, LOSS}),
    "noise of its own": (fresh_noise, {UPDATE, LOSS}),
    "critic moves too": (critic_moves_too, {UPDATE, LOSS, GRADS}),
    "scores must be (B, 1)": (
        step_with(loss=lambda netG, critic, z: -critic(netG(z))[:, 0].mean()),
        {UPDATE, LOSS, GRADS, FLAGS},
    ),
}
