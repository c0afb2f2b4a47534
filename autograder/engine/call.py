"""The arguments of a call: sent as a pickle and a table of tensors, and after the call made what the call
left.

Code travels only from the checks to the student (`Parcel`); what comes back is data. Every tensor among the
arguments, wherever it is (in a network, an optimizer, a data set, a closure), and every object with a state
(`object_state.has_state`) is noted on the way out. Afterwards each tensor has the values, the memory, the
gradient and the flags that its copy had over there: what was changed in place is changed in place, what was
replaced is replaced.
"""

import io
import sys

import cloudpickle

from autograder.engine import random_state
from autograder.engine.protocol import Malformed


class NotPacked(Exception):
    """The arguments of a call cannot be sent, through no fault of the student's: the checks need another
    form."""


class Stays(TypeError):
    """An object of the submission that cannot be passed on."""


class Parcel:
    """A call on its way out.

    Args:
        function: proxy or function; with the code of functions and classes of the checks goes what they name.
        args, kwargs: its arguments.
        reference: function that takes an object and returns what it is called on the student's side
            (see `snapshot.Worker`), or None.
    """

    def __init__(self, function, args, kwargs, reference):
        self.objects, self.modes = [], random_state.get()
        self.table = _table()
        program = io.BytesIO()
        try:
            # the list of objects is filled while the arguments before it are pickled
            _pickler(program, self, reference).dump((function, args, kwargs, self.objects, self.modes))
        except Stays:
            raise
        except Exception as error:  # whatever an object among the arguments raises
            raise NotPacked(f"the arguments of a call cannot be sent: {error!r}") from error
        self.program = program.getvalue()
        self.rows, self.blob = self.table.pack() if self.table else ([], b"")
        tensors = self.table.objects if self.table else []
        self.inputs = [number for number, tensor in enumerate(tensors) if tensor.requires_grad]

    def settle(self, received, states, after):
        """Make the arguments what they are after the call.

        Args:
            received: `tensors.Received` of the reply, with `table.new` known; None where there are no
                tensors.
            states: data of `object_state.read`, one for each object, with this side's tensors.
            after: entries of `random_state.get` that the call changed.

        Raises: Malformed.
        """
        if received is not None:
            import torch

            with torch.no_grad():
                for number, content in received.changed.items():
                    self.table.new[number].copy_(content)
                for number, tensor in enumerate(self.table.objects):
                    self._settle_tensor(received, number, tensor)
        if not isinstance(states, list) or len(states) != len(self.objects) or not isinstance(after, dict):
            raise Malformed("the answer does not say what became of the arguments")
        if self.objects:
            from autograder.engine import object_state

            for thing, its_state in zip(self.objects, states, strict=True):
                object_state.write(thing, its_state)
        random_state.follow(self.modes, after)

    def _settle_tensor(self, received, number, tensor):
        before, now = self.rows[number], received.row(number)
        moved = now[0] == "new" or now[1:6] != before[1:6]
        kind, gradient = now[6], now[7]
        try:
            if moved:
                tensor.data = received.bare(number)
            if kind != before[6]:
                if not tensor.is_leaf:
                    tensor.detach_()
                tensor.requires_grad_(kind in ("leaf", "parameter", "graph"))
            if tensor.is_leaf and (gradient is not None or tensor.grad is not None):
                gradient = None if gradient is None else received.tensor(gradient)
                if tensor.grad is not gradient:
                    tensor.grad = gradient
        except (RuntimeError, TypeError) as error:
            raise Malformed(f"a tensor is no longer what it was before the call: {error}") from error


class Arrived:
    """A call that came in, on the student's side.

    Args:
        received: `tensors.Received`, or None where there are no tensors.
        objects: those with a state.
    """

    def __init__(self, received, objects):
        self.objects, self.memory, self.contents, self.tensors = objects, [], [], []
        if received is not None:
            self.memory = [received.new[number] for number in sorted(received.new)]
            self.contents = [memory.clone() for memory in self.memory]
            self.tensors = [received.tensor(number) for number in range(len(received.rows))]

    def table(self):
        """The table of the reply; its first rows are the tensors of the arguments, as they are now."""
        return _table(self.memory, self.contents, self.tensors)

    def states(self):
        """The states of the objects, as they are now."""
        if not self.objects:
            return []
        from autograder.engine import object_state

        return [object_state.read(thing) for thing in self.objects]


def _table(*arguments):
    if "torch" not in sys.modules:
        return None
    from autograder.engine.tensors import Table

    return Table(*arguments)


def _pickler(file, parcel, reference):
    torch = sys.modules.get("torch")
    seen = set()

    class Pickler(cloudpickle.Pickler):
        def persistent_id(self, thing):
            if (name := reference(thing)) is not None:
                return name
            if torch is not None:
                if type(thing) in (torch.Tensor, torch.nn.Parameter):
                    return "tensor", parcel.table.add(thing)
                from autograder.engine import object_state

                if id(thing) not in seen and object_state.has_state(thing):
                    seen.add(id(thing))
                    parcel.objects.append(thing)
            return None

    return Pickler(file)
