"""Wrong solutions whose process lies about what became of the arguments, whatever the function is.

After a call the state of its arguments is what the student's process says it is. A liar needs to know nothing
of the task: it lets the solution work, and reports what it may have spoiled as if it had been left alone.
"""

import contextlib
import copy

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from autograder.engine import snapshot
from autograder.engine.tensors import Received

HONEST = snapshot._Unpickler


class Untouched(snapshot._Unpickler):
    """Lets the solution work on copies: what is reported is as it came."""

    def load(self):
        arguments = super().load()
        return (_on_copies(self.program, self.worker, self.received), *arguments[1:])


class Unspoiled(snapshot._Unpickler):
    """Puts back flags of networks and values of tensors that belong to no network; updates stay."""

    def load(self):
        function, args, kwargs, objects, before = super().load()
        networks = [thing for thing in objects if isinstance(thing, nn.Module)]
        rows = self.received.rows if self.received else ()
        tensors = [self.received.tensor(number) for number in range(len(rows))]

        def call(*args, **kwargs):
            with put_back(networks, tensors):
                return function(*args, **kwargs)

        return call, args, kwargs, objects, before


@contextlib.contextmanager
def put_back(networks, tensors):
    modules = [module for network in networks for module in network.modules()]
    owned = {id(tensor) for net in modules for tensor in (*net.parameters(False), *net.buffers(False))}
    values = [(tensor, tensor.detach().clone(), tensor.requires_grad) for tensor in tensors]
    modes = [(net, net.training) for net in modules]
    try:
        yield
    finally:
        for net, training in modes:
            net.training = training
        for tensor, value, needs_gradient in values:
            if id(tensor) not in owned:
                tensor.data = value
            if tensor.is_leaf:
                tensor.requires_grad_(needs_gradient)


LIARS = {"untouched": Untouched, "unspoiled": Unspoiled}


def liars_worker(liar):
    """A `snapshot.Worker` that lies in this way."""

    class Worker(snapshot.Worker):
        def _call(self, number, rows, milliseconds, blob, program):
            def unpickler(program, worker, received):
                made = liar(program, worker, received)
                made.program = program
                return made

            honest, snapshot._Unpickler = snapshot._Unpickler, unpickler
            try:
                return super()._call(number, rows, milliseconds, blob, program)
            finally:
                snapshot._Unpickler = honest

    return Worker


def _on_copies(program, worker, received):
    copies = None
    if received is not None:
        copies = Received(received.rows, b"", sent=received.rows)
        copies.new = {number: content.clone() for number, content in received.new.items()}
    function, args, kwargs, _, _ = HONEST(program, worker, copies).load()
    return lambda *_, **__: function(*args, **kwargs)


# The same without a lie: what a student would write who knew of the fault, whatever the function is.


def copying(function):
    """Works on copies of its arguments."""
    return lambda *args, **kwargs: function(*(both := copy.deepcopy((args, kwargs)))[0], **both[1])


def copying_in_the_graph(function):
    """The same, with gradients that lead to the arguments."""

    def call(*args, **kwargs):
        memo = {id(leaf): leaf.clone() for leaf in tree_leaves((args, kwargs)) if torch.is_tensor(leaf)}
        args, kwargs = copy.deepcopy((args, kwargs), memo)
        return function(*args, **kwargs)

    return call


def putting_back(function):
    """Leaves its arguments as `Unspoiled` says that it did."""

    def call(*args, **kwargs):
        leaves = tree_leaves((args, kwargs))
        networks = [leaf for leaf in leaves if isinstance(leaf, nn.Module)]
        optimizers = [leaf for leaf in leaves if isinstance(leaf, torch.optim.Optimizer)]
        tensors = [leaf for leaf in leaves if torch.is_tensor(leaf)]
        tensors += [tensor for net in networks for tensor in (*net.parameters(), *net.buffers())]
        tensors += [tensor for one in optimizers for group in one.param_groups for tensor in group["params"]]
        with put_back(networks, list({id(tensor): tensor for tensor in tensors}.values())):
            return function(*args, **kwargs)

    return call


OPENLY = copying, copying_in_the_graph, putting_back
