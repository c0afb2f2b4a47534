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


class Step:
    """A callable that is no function, with a copy of the critic whose parameters are frozen."""

    def __call__(self, netG, critic, optG, z):
        frozen = copy.deepcopy(critic).requires_grad_(False)
        optG.zero_grad(set_to_none=True)
        loss = torch.stack([-score for score in frozen(netG(z)).flatten()]).mean()
        loss.backward()
        optG.step()
        return loss.detach().numpy().item()


def with_a_closure(netG, critic, optG, z):
    def closure():
        optG.zero_grad()
        loss = -critic(netG(z)).double().mean()
        slopes = torch.autograd.grad(loss, list(netG.parameters()))
        for parameter, slope in zip(netG.parameters(), slopes, strict=True):
            parameter.grad = slope.detach().clone()
        return loss

    return float(optG.step(closure).detach())


def gradients_hidden_meanwhile(netG, critic, optG, z):
    """The critic's gradients are taken off, and put back as the same objects, whatever happens."""
    kept = [(parameter, parameter.grad) for parameter in critic.parameters()]
    for parameter in (*netG.parameters(), *critic.parameters()):
        parameter.grad = None
    try:
        loss = -(critic(netG(z)).sum() / len(z))
        loss.backward()
    finally:
        for parameter, gradient in kept:
            parameter.grad = gradient
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
        with_a_closure,
        gradients_hidden_meanwhile,
    )
} | {
    "a callable object": Step(),
    "a lambda": lambda netG, critic, optG, z: with_detached_weights(netG, critic, optG, z.clone()),
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


def evaluation_mode_meanwhile(netG, critic, optG, z):
    critic.eval()
    value = step_with()(netG, critic, optG, z)
    critic.train()
    return value


def frozen_and_thawed_again(netG, critic, optG, z):
    kept = [parameter.grad for parameter in critic.parameters()]
    critic.requires_grad_(False)
    value = step_with()(netG, critic, optG, z)
    for parameter, gradient in zip(critic.parameters(), kept, strict=True):
        parameter.requires_grad_(gradient is not None)
    return value


def added_and_taken_off(netG, critic, optG, z):
    before = [None if p.grad is None else p.grad.clone() for p in critic.parameters()]
    optG.zero_grad()
    loss = critic_loss(netG, critic, z)
    loss.backward()
    optG.step()
    for parameter, gradient in zip(critic.parameters(), before, strict=True):
        if gradient is None:
            parameter.grad = None
        elif parameter.requires_grad:
            parameter.grad += 1e-3 * gradient
    return loss.item()


def none_becomes_zero(netG, critic, optG, z):
    value = step_with()(netG, critic, optG, z)
    for parameter in critic.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return value


def frozen_gradient_dropped(netG, critic, optG, z):
    value = step_with()(netG, critic, optG, z)
    for parameter in critic.parameters():
        if not parameter.requires_grad:
            parameter.grad = None
    return value


def first_group_only(netG, critic, optG, z):
    value = critic_loss(netG, critic, z)
    optG.zero_grad()
    value.backward(inputs=optG.param_groups[0]["params"])
    optG.step()
    return value.item()


def first_group_cleared(netG, optG):
    for parameter in optG.param_groups[0]["params"]:
        parameter.grad = None


def first_rows_only(netG, critic, optG, z):
    return step_with()(netG, critic, optG, z[:64])


def noise_cut_off(netG, critic, optG, z):
    return step_with()(netG, critic, optG, z.clamp_(-2, 2))


def gradient_left_on_the_noise(netG, critic, optG, z):
    return step_with()(netG, critic, optG, z.requires_grad_())


def critic_clipped(netG, critic, optG, z):
    value = step_with()(netG, critic, optG, z)
    for parameter in critic.parameters():
        parameter.data.clamp_(-0.2, 0.2)
    return value


def gradients_left_off(netG, critic, optG, z):
    value = step_with()(netG, critic, optG, z)
    torch.set_grad_enabled(False)
    return value


def another_optimizer(netG, critic, optG, z):
    mine = torch.optim.SGD(netG.parameters(), lr=optG.param_groups[0]["lr"])
    return step_with()(netG, critic, mine, z)


def state_of_the_optimizer_dropped(netG, critic, optG, z):
    optG.state.clear()
    return step_with()(netG, critic, optG, z)


def spoils_its_arguments(netG, critic, optG, z):
    for tensor in (z, *netG.parameters(), *critic.parameters()):
        tensor.data = torch.full_like(tensor, torch.nan)
        tensor.grad = None
    return torch.nan


def empties_its_arguments(netG, critic, optG, z):
    for tensor in (z, *netG.parameters(), *critic.parameters()):
        tensor.data, tensor.grad = torch.empty(0), None
    return 0.0


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
    "sign forgotten": (step_with(loss=lambda netG, critic, z: critic(netG(z)).mean()), {UPDATE}),
    "sum instead of mean": (step_with(loss=lambda netG, critic, z: -critic(netG(z)).sum()), {UPDATE}),
    "cross-entropy": (
        step_with(loss=lambda netG, critic, z: torch.nn.functional.softplus(-critic(netG(z))).mean()),
        {UPDATE},
    ),
    "old gradients count": (step_with(clear=lambda netG, optG: None), {UPDATE}),
    "two steps of the optimizer": (step_with(steps=2), {UPDATE}),
    "no step": (step_with(steps=0), {UPDATE}),
    "loss after the step": (step_with(result=lambda loss, again: again().item()), {LOSS}),
    "a tensor": (step_with(result=lambda loss, again: loss.detach()), {LOSS}),
    "nothing returned": (step_with(result=lambda loss, again: None), {LOSS}),
    "sign of the returned loss": (step_with(result=lambda loss, again: -loss.item()), {LOSS}),
    "moved by hand": (moved_by_hand, {UPDATE}),
    "noise of its own": (fresh_noise, {UPDATE}),
    "critic moves too": (critic_moves_too, {GRADS}),
    "scores must be (B, 1)": (
        step_with(loss=lambda netG, critic, z: -critic(netG(z))[:, 0].mean()),
        {UPDATE},
    ),
    "evaluation mode meanwhile": (evaluation_mode_meanwhile, {UPDATE}),
    "flags by the gradients": (frozen_and_thawed_again, {FLAGS}),
    "a little of the old gradient added": (added_and_taken_off, {GRADS}),
    "None becomes zero": (none_becomes_zero, {GRADS}),
    "gradient of the frozen parameter dropped": (frozen_gradient_dropped, {GRADS}),
    "first group only": (first_group_only, {UPDATE}),
    "gradients of the first group cleared": (step_with(clear=first_group_cleared), {UPDATE}),
    "first rows only": (first_rows_only, {UPDATE}),
    "noise cut off": (noise_cut_off, {UPDATE, FLAGS}),
    "requires_grad left on the noise": (gradient_left_on_the_noise, {FLAGS}),
    "critic clipped": (critic_clipped, {GRADS}),
    "gradients left off": (gradients_left_off, {FLAGS}),
    "an optimizer of its own": (another_optimizer, {UPDATE}),
    "momentum dropped": (state_of_the_optimizer_dropped, {UPDATE}),
    "median of the scores": (
        step_with(loss=lambda netG, critic, z: -critic(netG(z)).median()),
        {UPDATE, LOSS},
    ),
    "loss rounded": (step_with(result=lambda loss, again: round(loss.item(), 3)), {LOSS}),
    "loss an int where it is whole": (
        step_with(result=lambda loss, again: loss.item() or 0),
        {LOSS},
    ),
    "loss never negative": (step_with(result=lambda loss, again: abs(loss.item())), {LOSS}),
    "fills its arguments with nan": (spoils_its_arguments, {UPDATE, LOSS, GRADS, FLAGS}),
    "empties its arguments": (empties_its_arguments, {UPDATE, LOSS, GRADS, FLAGS}),
}


WRONG |= {
    "loss halved": (step_with(loss=lambda netG, critic, z: -critic(netG(z)).mean() / 2), {UPDATE}),
    "loss in a list": (step_with(result=lambda loss, again: [loss.item()]), {LOSS}),
    "loss doubled where it is returned": (step_with(result=lambda loss, again: 2 * loss.item()), {LOSS}),
    "gradients of the critic cleared before": (
        step_with(before=lambda critic: critic.zero_grad()),
        {GRADS},
    ),
}
