"""clip_weights_: unusual right solutions, and wrong ones with the checks that they lose."""

import copy

import numpy as np
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


class Clip:
    """A callable that is no function, with a helper for one parameter."""

    @staticmethod
    def one(parameter, c):
        over, under = parameter.data > c, parameter.data < -c
        parameter.data.masked_fill_(over, c).masked_fill_(under, -c)

    def __call__(self, module, c):
        for parameter in module.parameters():
            self.one(parameter, c)


def through_numpy(module, c):
    for parameter in module.parameters():
        array = parameter.detach().numpy()
        np.clip(array, -c, c, out=array)


def from_a_clipped_copy(module, c):
    twin = copy.deepcopy(module)
    with torch.no_grad():
        for parameter, other in zip(module.parameters(), twin.parameters(), strict=True):
            parameter.copy_(other.double().clamp(-c, c))


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
    "a callable object": Clip(),
    "through NumPy": through_numpy,
    "from a clipped copy": from_a_clipped_copy,
    "a lambda": lambda module, c: all_at_once(module, c),
    "inference mode": torch.inference_mode()(
        lambda module, c: [parameter.detach().clamp_(-c, c) for parameter in module.parameters()] and None
    ),
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


def listed(choose):
    return clipping(clamp_, lambda module: choose(list(module.parameters())))


def two_levels(module):
    yield from module.parameters(recurse=False)
    for child in module.children():
        yield from child.parameters(recurse=False)
        for grandchild in child.children():
            yield from grandchild.parameters(recurse=False)


def last_gradient_zeroed(module, c):
    clipping(clamp_)(module, c)
    for parameter in list(module.parameters())[-1:]:
        if parameter.grad is not None:
            parameter.grad.zero_()


def one_part_in_evaluation_mode(module, c):
    clipping(clamp_)(module, c)
    list(module.modules())[-1].eval()


def modes_of_the_root(module, c):
    clipping(clamp_)(module, c)
    module.train(module.training)


def gradients_left_off(module, c):
    clipping(clamp_)(module, c)
    torch.set_grad_enabled(False)


def counter_reset(module, c):
    clipping(clamp_)(module, c)
    for name, buffer in module.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.zero_()


def thaws_the_frozen(module, c):
    for parameter in module.parameters():
        frozen = not parameter.requires_grad
        parameter.requires_grad_(False).clamp_(-c, c).requires_grad_(not frozen or parameter.grad is None)


def spoils_its_arguments(module, c):
    for parameter in module.parameters():
        parameter.data = torch.full_like(parameter, torch.nan)


def empties_its_arguments(module, c):
    for parameter in module.parameters():
        parameter.data = torch.empty(0)


def removes_the_parameters(module, c):
    for part in module.modules():
        part._parameters.clear()


VALUES, REST, SAME = "clip-values", "clip-rest", "clip-same"
WRONG = {
    "from above only": (clipping(lambda parameter, c: parameter.clamp_(max=c)), {VALUES}),
    "from zero": (clipping(lambda parameter, c: parameter.clamp_(0, c)), {VALUES}),
    "a bound of its own": (clipping(lambda parameter, c: parameter.clamp_(-0.01, 0.01)), {VALUES}),
    "scaled to the bound": (clipping(scaled), {VALUES}),
    "every entry at the bound": (clipping(lambda parameter, c: parameter.sign_().mul_(c)), {VALUES}),
    "norms clipped": (norm_clipped, {VALUES}),
    "weights only": (
        clipping(
            clamp_,
            lambda module: [
                parameter for name, parameter in module.named_parameters() if name.endswith("weight")
            ],
        ),
        {VALUES},
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
        {VALUES},
    ),
    "no nested modules": (
        clipping(clamp_, lambda module: module.parameters(recurse=False)),
        {VALUES},
    ),
    "trainable parameters only": (
        clipping(clamp_, lambda module: [p for p in module.parameters() if p.requires_grad]),
        {VALUES},
    ),
    "buffers too": (everything_in_the_state, {REST}),
    "new parameters": (new_parameters, {SAME}),
    "tensors in the parameters' place": (no_leaves, {VALUES, SAME}),
    "freezes": (frozen, {REST}),
    "thaws": (thawed, {REST}),
    "out of place": (out_of_place, {VALUES}),
    "without no_grad": (without_no_grad, {VALUES, REST, SAME}),
    "gradients instead of weights": (gradients, {VALUES, REST}),
    "gradients cleared": (gradients_too, {REST}),
    "modes changed": (evaluation_mode, {REST}),
    "returns the module": (
        lambda module, c: clipping(clamp_, result=module)(module, c),
        {REST},
    ),
    "all but the last parameter": (listed(lambda parameters: parameters[:-1]), {VALUES}),
    "all but the first parameter": (listed(lambda parameters: parameters[1:]), {VALUES}),
    "at most ten parameters": (listed(lambda parameters: parameters[:10]), {VALUES}),
    "two levels deep": (clipping(clamp_, two_levels), {VALUES}),
    "no numbers": (
        listed(lambda parameters: [one for one in parameters if one.dim()]),
        {VALUES},
    ),
    "float32 only": (
        listed(lambda parameters: [one for one in parameters if one.dtype == torch.float32]),
        {VALUES},
    ),
    "no vectors": (listed(lambda parameters: [one for one in parameters if one.dim() != 1]), {VALUES}),
    "bound in half precision": (
        clipping(lambda parameter, c: parameter.clamp_(-1, 1).bfloat16().clamp(-c, c)),
        {VALUES},
    ),
    "rounded": (
        clipping(lambda parameter, c: parameter.copy_((parameter.clamp(-c, c) * 1e3).round() / 1e3)),
        {VALUES},
    ),
    "never above one": (clipping(lambda parameter, c: parameter.clamp_(-min(c, 1), min(c, 1))), {VALUES}),
    "new memory of another dtype": (
        clipping(lambda parameter, c: setattr(parameter, "data", parameter.data.float().clamp(-c, c))),
        {VALUES},
    ),
    "last gradient zeroed": (last_gradient_zeroed, {REST}),
    "one part in evaluation mode": (one_part_in_evaluation_mode, {REST}),
    "modes of the root for all": (modes_of_the_root, {REST}),
    "gradients left off": (gradients_left_off, {REST}),
    "counter reset": (counter_reset, {REST}),
    "thaws what has no gradient": (thaws_the_frozen, {REST}),
    "returns the largest entry": (clipping(clamp_, result=0.0), {REST}),
    "fills with nan": (spoils_its_arguments, {VALUES}),
    "empties": (empties_its_arguments, {VALUES}),
    "removes the parameters": (removes_the_parameters, {VALUES, SAME}),
}


WRONG |= {
    "from below only": (clipping(lambda parameter, c: parameter.clamp_(min=-c)), {VALUES}),
    "twice the bound": (clipping(lambda parameter, c: parameter.clamp_(-2 * c, 2 * c)), {VALUES}),
    "large entries to zero": (
        clipping(lambda parameter, c: parameter.mul_(parameter.abs() <= c)),
        {VALUES},
    ),
    "absolute values": (clipping(lambda parameter, c: parameter.abs_().clamp_(max=c)), {VALUES}),
}
