"""clip_weights_ of matrices and kernels: right solutions, and wrong ones with the checks that they lose."""

import torch
from solutions.ps2_clip import clamp_, clipping
from torch import nn


def of(wanted, change=clamp_, **options):
    """A clip_weights_ that changes the parameters that are wanted."""
    return clipping(change, lambda module: filter(wanted, module.parameters()), **options)


def large(parameter):
    return parameter.dim() > 1


# ---- right


def through_submodules(module, c):
    def visit(part):
        for parameter in part.parameters(recurse=False):
            if parameter.ndim >= 2:
                parameter.data.clamp_(min=-c, max=c)

    module.apply(visit)


def all_at_once(module, c):
    parameters = [parameter.detach() for parameter in module.parameters() if len(parameter.shape) > 1]
    torch._foreach_clamp_min_(parameters, -c)
    torch._foreach_clamp_max_(parameters, c)


def vectors_put_back(module, c):
    kept = [parameter.detach().clone() for parameter in module.parameters()]
    clipping(clamp_)(module, c)
    for parameter, before in zip(module.parameters(), kept, strict=True):
        if parameter.dim() < 2:
            parameter.data.copy_(before)


def an_infinite_bound(parameter, c):
    bound = c if parameter.dim() > 1 else float("inf")
    parameter.copy_(torch.minimum(torch.maximum(parameter, torch.tensor(-bound)), torch.tensor(bound)))


RIGHT = {
    "through the submodules": through_submodules,
    "all at once": all_at_once,
    "vectors put back": vectors_put_back,
    "an infinite bound": clipping(an_infinite_bound),
    "where": of(large, lambda one, c: one.copy_(torch.where(one.abs() > c, c * one.sign(), one))),
}


# ---- wrong


def by_name(module):
    return [one for name, one in module.named_parameters() if name.endswith("weight")]


def by_layer(module):
    layers = nn.Linear, nn.Conv1d
    return [part.weight for part in module.modules() if isinstance(part, layers)]


def new_parameters(module, c):
    for part in list(module.modules()):
        for name, parameter in list(part.named_parameters(recurse=False)):
            if large(parameter):
                clipped = nn.Parameter(parameter.detach().clamp(-c, c), parameter.requires_grad)
                clipped.grad = parameter.grad
                setattr(part, name, clipped)


def buffers_cleared(module, c):
    for tensor in module.state_dict().values():
        if tensor.dim() > 1:
            tensor.clamp_(-c, c)
    for buffer in module.buffers():
        buffer.zero_()


def gradients_cleared(module, c):
    of(large)(module, c)
    module.zero_grad()


def modes_changed(module, c):
    of(large)(module.eval(), c)
    module.train()


VALUES, REST, SAME = "clip-values", "clip-rest", "clip-same"
WRONG = {
    "every parameter": (clipping(clamp_), {VALUES}),
    "vectors alone": (of(lambda one: one.dim() == 1), {VALUES}),
    "matrices, no kernels": (of(lambda one: one.dim() == 2), {VALUES}),
    "vectors too, no numbers": (of(lambda one: one.dim() > 0), {VALUES}),
    "more than one entry": (of(lambda one: one.numel() > 1), {VALUES}),
    "what is called a weight": (clipping(clamp_, by_name), {VALUES}),
    "linear and convolutional layers": (clipping(clamp_, by_layer), {VALUES}),
    "trainable ones": (of(lambda one: large(one) and one.requires_grad), {VALUES}),
    "from above only": (of(large, lambda one, c: one.clamp_(max=c)), {VALUES}),
    "scaled to the bound": (of(large, lambda one, c: one.mul_(c / one.abs().max().clamp(min=c))), {VALUES}),
    "norms clipped": (of(large, lambda one, c: one.mul_(min(1, c / one.norm().item()))), {VALUES}),
    "out of place": (of(large, lambda one, c: one.clamp(-c, c)), {VALUES}),
    "new parameters": (new_parameters, {SAME}),
    "buffers cleared": (buffers_cleared, {REST}),
    "gradients cleared": (gradients_cleared, {REST}),
    "modes changed": (modes_changed, {REST}),
    "returns the module": (lambda module, c: of(large, result=module)(module, c), {REST}),
}
