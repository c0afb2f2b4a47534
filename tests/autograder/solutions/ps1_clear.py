"""clear_grads: unusual right solutions, and wrong ones with the checks that they lose."""

import functools
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


class Clearing:
    """A function that is none: an object with __call__, and a helper that is a static method."""

    @staticmethod
    def gradients(optimizer):
        return ((one, one.grad) for group in optimizer.param_groups for one in group["params"])

    def __call__(self, optimizer, set_to_none=True):
        for parameter, gradient in self.gradients(optimizer):
            if set_to_none:
                parameter.grad = None
            elif gradient is not None:
                parameter.grad = gradient.detach()
                torch.nn.init.zeros_(parameter.grad)


def with_a_way(zero, optimizer, set_to_none=True):
    clearing(zero)(optimizer, set_to_none)


@torch.no_grad()
def decorated(optimizer, set_to_none=True):
    [clear_one(one, set_to_none) for one in parameters_of(optimizer)]


def clear_one(parameter, set_to_none):
    gradient, parameter.grad = parameter.grad, None
    if gradient is not None and not set_to_none:
        gradient = gradient.detach()
        gradient.copy_(torch.zeros_like(gradient, dtype=torch.float64))
        parameter.grad = gradient


def by_out(parameter):
    gradient = parameter.grad.detach()
    torch.zeros(gradient.shape, out=gradient)
    parameter.grad = gradient


RIGHT = {
    "the optimizer's own": lambda optimizer, set_to_none=True: optimizer.zero_grad(set_to_none=set_to_none),
    "detached into a new tensor on the same memory": clearing(cut_into_a_new_tensor),
    "entry by entry": clearing(entry_by_entry),
    "foreach and del": foreach,
    "fill_ and requires_grad_": clearing(
        lambda parameter: parameter.grad.detach_().requires_grad_(False).fill_(0)
    ),
    "through NumPy": clearing(lambda parameter: parameter.grad.detach_().numpy().fill(0.0)),
    "an object with __call__": Clearing(),
    "a partial": functools.partial(with_a_way, cut_and_zero),
    "under no_grad, taken off and put back": decorated,
    "masked_fill_": clearing(lambda one: one.grad.detach_().masked_fill_(torch.ones_like(one).bool(), 0)),
    "slices": clearing(lambda one: one.grad.detach_().__setitem__(..., 0)),
    "nan_to_num_, then times zero": clearing(
        lambda one: one.grad.detach_().nan_to_num_(0.0, 0.0, 0.0).mul_(0.0)
    ),
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


def only(chosen):
    """Clears those of the optimizer's parameters that are chosen."""
    return clearing(cut_and_zero, parameters=lambda optimizer: filter(chosen, parameters_of(optimizer)))


def trainable_only(optimizer, set_to_none=True):
    for parameter in parameters_of(optimizer):
        if parameter.requires_grad:
            clearing(cut_and_zero, parameters=lambda optimizer, one=parameter: [one])(optimizer, set_to_none)


def storage(parameter):
    parameter.grad.detach_().untyped_storage().fill_(0)


def flattened(parameter):
    parameter.grad.detach_().flatten().zero_()


def new_zeros_for_a_graph(parameter):
    if parameter.grad.requires_grad:
        parameter.grad = torch.zeros_like(parameter)
    else:
        parameter.grad.zero_()


def cut_in_the_first_group(optimizer, set_to_none=True):
    first = optimizer.param_groups[0]["params"]
    clearing(cut_and_zero)(optimizer, set_to_none) if set_to_none else None
    for parameter in [] if set_to_none else parameters_of(optimizer):
        if parameter.grad is not None:
            (cut_and_zero if any(parameter is one for one in first) else zero_the_data)(parameter)


def zero_the_data(parameter):
    parameter.grad.data.zero_()


def then(change):
    """The right clear_grads, and one thing more."""

    def clear(optimizer, set_to_none=True):
        optimizer.zero_grad(set_to_none)
        change(optimizer)

    return clear


def stepping(optimizer, set_to_none=True):
    optimizer.step()
    optimizer.zero_grad(set_to_none)


def rates_of_zero(optimizer):
    for group in optimizer.param_groups:
        group["lr"] = 0.0


def decay_of_zero(optimizer):
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0


def groups_joined(optimizer):
    first, *others = optimizer.param_groups
    for group in others:
        first["params"] += group["params"]
        group["params"] = []


def only_with_a_state(optimizer, set_to_none=True):
    clearing(cut_and_zero, parameters=lambda optimizer: list(optimizer.state))(optimizer, set_to_none)


def momentum_zeroed(optimizer):
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, torch.Tensor):
                value.zero_()


def all_trainable(optimizer):
    for parameter in parameters_of(optimizer):
        parameter.requires_grad_(True)


NONE, ZEROS, GRAPH, REST = "clear-none", "clear-zeros", "clear-graph", "clear-rest"
WRONG = {
    "first group only": (
        clearing(cut_and_zero, parameters=lambda optimizer: optimizer.param_groups[0]["params"]),
        {NONE},
    ),
    "new zeros": (clearing(make_zeros), {ZEROS}),
    "other memory in the same tensor": (clearing(other_memory_behind_the_gradient), {ZEROS}),
    "times zero": (clearing(lambda parameter: parameter.grad.detach_().mul_(0)), {ZEROS}),
    "not cut": (clearing(lambda parameter: parameter.grad.data.zero_()), {GRAPH}),
    "zero_ under the graph": (clearing(lambda parameter: parameter.grad.zero_()), {GRAPH}),
    "always None": (lambda optimizer, set_to_none=True: optimizer.zero_grad(), {ZEROS}),
    "always zeros": (lambda optimizer, set_to_none=True: optimizer.zero_grad(set_to_none=False), {NONE}),
    "default False": (
        lambda optimizer, set_to_none=False: optimizer.zero_grad(set_to_none=set_to_none),
        {NONE},
    ),
    "zeros where there was None": (zeros_for_the_missing, {ZEROS}),
    "fails where there is None": (missing_breaks, {ZEROS}),
    "clears the state": (state_too, {REST}),
    "zeroes the weights": (weights_instead, {REST}),
    "reaches outside the optimizer": (everything_alive, {REST}),
    "freezes the parameters": (frozen, {REST}),
    "returns the optimizer": (returning, {REST}),
    "trainable parameters only": (trainable_only, {NONE}),
    "instances of nn.Parameter only": (
        only(lambda one: isinstance(one, torch.nn.Parameter)),
        {NONE},
    ),
    "matrices and vectors only": (only(lambda one: one.dim()), {NONE}),
    "float32 only": (only(lambda one: one.dtype == torch.float32), {NONE}),
    "gradients that are not zero": (only(lambda one: one.grad is not None and one.grad.any()), {NONE}),
    "groups that have a rate": (
        clearing(
            cut_and_zero,
            parameters=lambda optimizer: [
                one for group in optimizer.param_groups if group["lr"] for one in group["params"]
            ],
        ),
        {NONE},
    ),
    "first and last group": (
        clearing(
            cut_and_zero,
            parameters=lambda optimizer: [
                one for place in (0, -1) for one in optimizer.param_groups[place]["params"]
            ],
        ),
        {NONE},
    ),
    "first parameter of each group": (
        clearing(
            cut_and_zero,
            parameters=lambda optimizer: [group["params"][0] for group in optimizer.param_groups],
        ),
        {NONE},
    ),
    "all but each group's last parameter": (
        clearing(
            cut_and_zero,
            parameters=lambda optimizer: [
                one
                for group in optimizer.param_groups
                for one in group["params"][: max(1, len(group["params"]) - 1)]
            ],
        ),
        {NONE},
    ),
    "parameters with a state": (only_with_a_state, {NONE}),
    "the whole memory": (clearing(storage), {ZEROS}),
    "a flattened copy": (clearing(flattened), {ZEROS}),
    "new zeros for a gradient with a graph": (clearing(new_zeros_for_a_graph), {ZEROS}),
    "cut in the first group only": (cut_in_the_first_group, {GRAPH}),
    "rates of zero": (then(rates_of_zero), {REST}),
    "no more decay": (then(decay_of_zero), {REST}),
    "groups joined": (then(groups_joined), {REST}),
    "state zeroed": (then(momentum_zeroed), {REST}),
    "all parameters trainable": (then(all_trainable), {REST}),
    "grad mode left off": (then(lambda optimizer: torch.set_grad_enabled(False)), {REST}),
    "a step before": (
        lambda optimizer, set_to_none=True: (optimizer.step(), optimizer.zero_grad(set_to_none))[1],
        {REST},
    ),
}
