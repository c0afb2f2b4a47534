"""clear_grads: unusual right solutions, and wrong ones with the checks that they lose."""

import itertools

import torch


def parameters_of(optimizer):
    return itertools.chain.from_iterable(group["params"] for group in optimizer.param_groups)


def clearing(zero, to_none=lambda parameter: setattr(parameter, "grad", None), parameters=parameters_of):
    """A clear_grads with its own way to zero a gradient, to drop one, or to walk the parameters."""

    def clear(optimizer, set_to_none=True):
        for parameter in parameters(optimizer):
            if set_to_none:
                to_none(parameter)
            elif parameter.grad is not None:
                zero(parameter)

    return clear


def cut_and_zero(parameter):
    parameter.grad.detach_().zero_()


def cut_into_a_new_tensor(parameter):
    parameter.grad = parameter.grad.detach()
    parameter.grad.zero_()


def entry_by_entry(parameter):
    parameter.grad.detach_()
    for index in itertools.product(*map(range, parameter.grad.shape)):
        parameter.grad[index] = 0.0


def foreach(optimizer, set_to_none=True):
    with_gradient = [parameter for parameter in parameters_of(optimizer) if parameter.grad is not None]
    if set_to_none:
        for parameter in with_gradient:
            del parameter.grad
    elif with_gradient:
        torch._foreach_zero_([parameter.grad.detach_() for parameter in with_gradient])


RIGHT = {
    "the optimizer's own": lambda optimizer, set_to_none=True: optimizer.zero_grad(set_to_none=set_to_none),
    "detached into a new tensor on the same memory": clearing(cut_into_a_new_tensor),
    "entry by entry": clearing(entry_by_entry),
    "foreach and del": foreach,
    "fill_ and requires_grad_": clearing(
        lambda parameter: parameter.grad.detach_().requires_grad_(False).fill_(0)
    ),
    "through NumPy": clearing(lambda parameter: parameter.grad.detach_().numpy().fill(0.0)),
}


def make_zeros(parameter):
    parameter.grad = torch.zeros_like(parameter)


def other_memory_behind_the_gradient(parameter):
    parameter.grad.detach_()
    parameter.grad.data = torch.zeros_like(parameter)


def zeros_for_the_missing(optimizer, set_to_none=True):
    for parameter in parameters_of(optimizer):
        if set_to_none:
            parameter.grad = None
        elif parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        else:
            cut_and_zero(parameter)


def state_too(optimizer, set_to_none=True):
    optimizer.zero_grad(set_to_none)
    optimizer.state.clear()


def weights_instead(optimizer, set_to_none=True):
    optimizer.zero_grad(set_to_none)
    for parameter in parameters_of(optimizer):
        parameter.data.zero_()


def everything_alive(optimizer, set_to_none=True):
    import gc

    optimizer.zero_grad(set_to_none)
    for thing in gc.get_objects():
        if type(thing) is torch.nn.Parameter:
            thing.grad = None if set_to_none else thing.grad


def frozen(optimizer, set_to_none=True):
    optimizer.zero_grad(set_to_none)
    for parameter in parameters_of(optimizer):
        parameter.requires_grad_(False)


def returning(optimizer, set_to_none=True):
    optimizer.zero_grad(set_to_none)
    return optimizer


def missing_breaks(optimizer, set_to_none=True):
    for parameter in parameters_of(optimizer):
        if set_to_none:
            parameter.grad = None
        else:
            cut_and_zero(parameter)


NONE, ZEROS, GRAPH, REST = "clear-none", "clear-zeros", "clear-graph", "clear-rest"
WRONG = {
    "first group only": (
        clearing(cut_and_zero, parameters=lambda optimizer: optimizer.param_groups[0]["params"]),
        {NONE, ZEROS, REST},
    ),
    "new zeros": (clearing(make_zeros), {ZEROS}),
    "other memory in the same tensor": (clearing(other_memory_behind_the_gradient), {ZEROS}),
    "times zero": (clearing(lambda parameter: parameter.grad.detach_().mul_(0)), {ZEROS}),
    "not cut": (clearing(lambda parameter: parameter.grad.data.zero_()), {GRAPH}),
    "zero_ under the graph": (clearing(lambda parameter: parameter.grad.zero_()), {GRAPH}),
    "always None": (lambda optimizer, set_to_none=True: optimizer.zero_grad(), {ZEROS, GRAPH}),
    "always zeros": (lambda optimizer, set_to_none=True: optimizer.zero_grad(set_to_none=False), {NONE}),
    "default False": (
        lambda optimizer, set_to_none=False: optimizer.zero_grad(set_to_none=set_to_none),
        {NONE},
    ),
    "zeros where there was None": (zeros_for_the_missing, {ZEROS}),
    "fails where there is None": (missing_breaks, {ZEROS, REST}),
    "clears the state": (state_too, {REST}),
    "zeroes the weights": (weights_instead, {REST}),
    "reaches outside the optimizer": (everything_alive, {REST}),
    "freezes the parameters": (frozen, {REST}),
    "returns the optimizer": (returning, {NONE, ZEROS}),
}
