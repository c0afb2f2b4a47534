"""What a call does to its arguments gives no points for its answer.

For every function of every set solutions are made that answer wrongly, and spoil their arguments on the way:
a check that computes what it expects, or reads a size, a list of names or a weight, after the call would read
it from what the call has left. No such solution passes a cell of checks that the same answer does not pass
when the arguments are left alone.
"""

import contextlib
import copy
import math

import numpy as np
import pytest
import torch
from test_form import TASKS, passes, task_function, with_step
from torch import nn
from torch.utils._pytree import tree_map

SEED = 1


def tensors_in(things):
    """Tensors among some arguments, those of networks and optimizers too."""
    found = []
    for thing in things:
        if isinstance(thing, torch.Tensor):
            found.append(thing)
        elif isinstance(thing, nn.Module):
            found += [*thing.parameters(), *thing.buffers()]
        elif isinstance(thing, torch.optim.Optimizer):
            found += [one for group in thing.param_groups for one in group["params"]]
        elif isinstance(thing, (list, tuple)):
            found += tensors_in(thing)
    return found


def fill(value):
    """Fill all tensors in place with a value of their dtype."""

    def spoil(tensor):
        if tensor.device.type == "cpu":
            whole = not (tensor.is_floating_point() or tensor.is_complex())
            tensor.detach().fill_(0 if whole and math.isnan(value) else value)

    return spoil


def replace(tensor):
    tensor.data = torch.zeros_like(tensor.data)


def empty(tensor):
    tensor.data = torch.empty(0, dtype=tensor.dtype, device=tensor.device)


def clear_gradient(tensor):
    tensor.grad = None


def need_no_gradient(tensor):
    if tensor.is_leaf:
        tensor.requires_grad_(False)


WAYS = {
    "zeros": fill(0.0),
    "nan": fill(math.nan),
    "replaced": replace,
    "emptied": empty,
    "gradients cleared": clear_gradient,
    "no gradients needed": need_no_gradient,
}


def detached(answer):
    return tree_map(lambda one: one.detach().clone() if isinstance(one, torch.Tensor) else one, answer)


def constant(value):
    """The answer with every number in it replaced, its types and shapes as they are."""

    def change(one):
        if isinstance(one, torch.Tensor):
            whole = not (one.is_floating_point() or one.is_complex())
            return torch.full_like(one.detach(), 0 if whole and math.isnan(value) else value)
        if isinstance(one, (float, np.floating)):
            return type(one)(value)
        return one

    return lambda answer: tree_map(change, answer)


def without_slope(answer):
    """The answer, to which `spoiling` ties a graph from the arguments that has no slope."""
    return detached(answer)


ANSWERS = {
    "detached": detached,
    "without slope": without_slope,
    "zeros": constant(0.0),
    "nan": constant(math.nan),
}
JOBS = {("ps1", "clear"): {"gradients cleared"}}  # ways that are what the function is there for


def spoiling(right, answer, spoil):
    """A solution: the right answer to copies of its arguments, changed by answer(); then spoil(argument)."""

    def solution(*args, **kwargs):
        mine = copied((args, kwargs))
        result = answer(right(*mine[0], **mine[1]))
        if answer is without_slope:
            result = tied(result, tensors_in([*args, *kwargs.values()]))
        if spoil is not None:
            for tensor in tensors_in([*args, *kwargs.values()]):
                with contextlib.suppress(RuntimeError, NotImplementedError):  # a view, or no values to fill
                    spoil(tensor)
        return result

    return solution


def tied(answer, tensors):
    """The answer at the end of a graph that leads to all tensors that need a gradient, its slope 0."""
    nothing = sum(0 * one.sum() for one in tensors if one.requires_grad and one.device.type == "cpu")
    return tree_map(
        lambda one: (
            one + nothing.to(one.dtype)
            if isinstance(one, torch.Tensor) and isinstance(nothing, torch.Tensor) and one.is_floating_point()
            else one
        ),
        answer,
    )


def copied(things):
    """Copies of arguments, as a deep copy makes them; of a tensor that is no leaf, its values."""

    def one(thing):
        if isinstance(thing, torch.Tensor) and not thing.is_leaf:
            return thing.detach().clone().requires_grad_()
        return thing

    return copy.deepcopy(tree_map(one, things))


def passed(assignment, task, solution, known=frozenset()):
    """Ids of the scored cells of checks, but for the known ones, that a solution passes in this process."""
    names, own = dict(assignment.namespace(task)), task_function(assignment, task)
    names[own], found = solution, set()
    for cell in assignment.checks[task]:
        if cell.id in known:
            continue
        torch.manual_seed(SEED)
        if passes(cell, names) and cell.metadata.nbgrader.points:
            found.add(cell.id)
        torch.set_grad_enabled(True)
    return found


@pytest.mark.parametrize(("number", "task"), TASKS, ids=["-".join(task) for task in TASKS])
def test_spoiled_arguments_gain_nothing(request, number, task):
    assignment = request.getfixturevalue(number)
    assignment = with_step(assignment) if (number, task) == ("ps5", "train") else assignment
    right = assignment.namespace(task)[task_function(assignment, task)]
    gained = {}
    for name, answer in ANSWERS.items():
        honest = passed(assignment, task, spoiling(right, answer, None))
        for way, spoil in WAYS.items():
            if way in JOBS.get((number, task), ()):
                continue
            if more := passed(assignment, task, spoiling(right, answer, spoil), honest):
                gained[name, way] = sorted(more)
    assert gained == {}
