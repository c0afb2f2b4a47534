"""clip_weights_: unusual right solutions, and wrong ones with the checks that they lose."""

import torch
from torch import nn


def clipping(change, parameters=lambda module: module.parameters(), result=None):
    def clip(module, c):
        with torch.no_grad():
            for parameter in list(parameters(module)):
                change(parameter, c)
        return result

    return clip


# ---- right


def by_where(parameter, c):
    parameter.copy_(torch.where(parameter.abs() > c, c * parameter.sign(), parameter))


def by_index(parameter, c):
    flat = parameter.view(-1)
    flat[flat > c] = c
    flat[flat < -c] = -c


def data_replaced(parameter, c):
    parameter.data = parameter.data.clamp(-c, c)


def all_at_once(module, c):
    parameters = [parameter.detach() for parameter in module.parameters()]
    torch._foreach_clamp_min_(parameters, -c)
    torch._foreach_clamp_max_(parameters, c)


def through_the_state_dict(module, c):
    names = dict(module.named_parameters())
    for name, tensor in module.state_dict().items():
        if name in names:
            tensor.clamp_(-c, c)


def through_submodules(module, c):
    def visit(part):
        for parameter in part.parameters(recurse=False):
            parameter.data.clamp_(min=-c, max=c)

    module.apply(visit)


RIGHT = {
    "where": clipping(by_where),
    "by index": clipping(by_index),
    "data replaced": clipping(data_replaced),
    "minimum of maximum": clipping(
        lambda parameter, c: parameter.copy_(
            torch.minimum(torch.maximum(parameter, torch.tensor(-c)), torch.tensor(c))
        )
    ),
    "all at once": all_at_once,
    "through the state dict": through_the_state_dict,
    "through the submodules": through_submodules,
    "hardtanh": clipping(lambda parameter, c: nn.functional.hardtanh_(parameter, -c, c)),
}


# ---- wrong


def scaled(parameter, c):
    if parameter.abs().max() > c:
        parameter.mul_(c / parameter.abs().max())


def norm_clipped(module, c):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(min(1.0, c / parameter.norm().item()))


def everything_in_the_state(module, c):
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.clamp_(-c, c)


def owners(module):
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            yield part, name, parameter


def new_parameters(module, c):
    for part, name, parameter in owners(module):
        clipped = nn.Parameter(parameter.detach().clamp(-c, c), requires_grad=parameter.requires_grad)
        clipped.grad = parameter.grad
        setattr(part, name, clipped)


def no_leaves(module, c):
    for part, name, parameter in owners(module):
        del part._parameters[name]
        setattr(part, name, parameter.clamp(-c, c))


def frozen(module, c):
    for parameter in module.requires_grad_(False).parameters():
        parameter.clamp_(-c, c)


def thawed(module, c):
    clipping(lambda parameter, c: parameter.clamp_(-c, c))(module.requires_grad_(True), c)


def out_of_place(module, c):
    for parameter in module.parameters():
        parameter = parameter.clamp(-c, c)


def without_no_grad(module, c):
    for parameter in module.parameters():
        parameter.clamp_(-c, c)


def gradients(module, c):
    torch.nn.utils.clip_grad_value_(module.parameters(), c)


def gradients_too(module, c):
    for parameter in module.parameters():
        parameter.data.clamp_(-c, c)
        parameter.grad = None


def evaluation_mode(module, c):
    clipping(lambda parameter, c: parameter.clamp_(-c, c))(module.eval(), c)
    module.train()


def clamp_(parameter, c):
    parameter.clamp_(-c, c)


VALUES, REST, SAME = "clip-values", "clip-rest", "clip-same"
WRONG = {
    "from above only": (clipping(lambda parameter, c: parameter.clamp_(max=c)), {VALUES, SAME}),
    "from zero": (clipping(lambda parameter, c: parameter.clamp_(0, c)), {VALUES, SAME}),
    "a bound of its own": (clipping(lambda parameter, c: parameter.clamp_(-0.01, 0.01)), {VALUES, SAME}),
    "scaled to the bound": (clipping(scaled), {VALUES, SAME}),
    "every entry at the bound": (clipping(lambda parameter, c: parameter.sign_().mul_(c)), {VALUES, SAME}),
    "norms clipped": (norm_clipped, {VALUES, SAME}),
    "weights only": (
        clipping(
            clamp_,
            lambda module: [
                parameter for name, parameter in module.named_parameters() if name.endswith("weight")
            ],
        ),
        {VALUES, SAME},
    ),
    "linear and convolutional layers only": (
        clipping(
            clamp_,
            lambda module: [
                parameter
                for part in module.modules()
                if isinstance(part, (nn.Linear, nn.Conv1d))
                for parameter in part.parameters()
            ],
        ),
        {VALUES, SAME},
    ),
    "no nested modules": (
        clipping(clamp_, lambda module: module.parameters(recurse=False)),
        {VALUES, SAME},
    ),
    "trainable parameters only": (
        clipping(clamp_, lambda module: [p for p in module.parameters() if p.requires_grad]),
        {VALUES},
    ),
    "buffers too": (everything_in_the_state, {REST}),
    "new parameters": (new_parameters, {SAME}),
    "tensors in the parameters' place": (no_leaves, {VALUES, REST, SAME}),
    "freezes": (frozen, {REST, SAME}),
    "thaws": (thawed, {REST}),
    "out of place": (out_of_place, {VALUES, SAME}),
    "without no_grad": (without_no_grad, {VALUES, REST, SAME}),
    "gradients instead of weights": (gradients, {VALUES, REST, SAME}),
    "gradients cleared": (gradients_too, {REST}),
    "modes changed": (evaluation_mode, {REST}),
    "returns the module": (
        lambda module, c: clipping(clamp_, result=module)(module, c),
        {REST},
    ),
}
