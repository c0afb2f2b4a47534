"""The checks' side of a call: what stands in for the names that a student defined."""

import builtins
import functools
import sys

from autograder.engine import messages, protocol
from autograder.engine.call import NotPacked, Parcel, Stays
from autograder.engine.protocol import Malformed

# A reply is waited for a little longer than the call may take: Python code is interrupted over there.
GRACE = 4.0
KINDS = {*vars(builtins), "function", "method", "generator", "module"}  # a name may be a message to students
NOT_RAISED_HERE = (StopIteration, StopAsyncIteration, UnicodeError, BaseExceptionGroup)


class Died(RuntimeError):
    """The student's process ended, or had to be ended, during a call."""


class Remote:
    """An object of the submission that is no data: all that can be done with it is to pass it on."""

    def __init__(self, link, reference, name, kind):
        self._link, self._reference, self.__name__, self._kind = link, reference, name, kind

    def __repr__(self):
        return f"<{self.__name__} of the submission, of type {self._kind}>"

    def _is_no_value(self, *_):
        raise TypeError(f"{self.__name__} is an object of type {self._kind}, not a plain value")

    __bool__ = __len__ = __iter__ = __eq__ = __float__ = __lt__ = __le__ = __gt__ = __ge__ = _is_no_value
    __hash__ = object.__hash__


class RemoteFunction(Remote):
    """A function or class of the submission: calling it calls it over there."""

    def __call__(self, *args, **kwargs):
        return self._link.call(self, args, kwargs)

    def __bool__(self):
        return True

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__


# What messages say of a type: `not an object of type your own`.
Remote.__name__ = RemoteFunction.__name__ = "your own"


class Link:
    """Calls to one worker.

    Args:
        connection: socket to the worker.
        remaining: function that returns the seconds that a call may compute now, and those that it may be
            waited for.
        deleted: function that returns the student's names that the checks have deleted, as a list.

    Attributes:
        dead: why no more calls can be made, or None.
        broken: why a call could not be sent, or None: then the checks are wrong, and nobody can be judged.
        last: name and result of the last call of a student's function, or None.
    """

    def __init__(self, connection, remaining, deleted=list):
        self.connection, self.remaining, self.deleted, self.hidden = connection, remaining, deleted, []
        self.number, self.dead, self.broken, self.last = 0, None, None, None

    def lookup(self, names):
        """Dict of those of the names that the student has defined, to their values or proxies."""
        payload, rows, _, blob = self._ask("names", ["lookup", names])
        self.hidden = []
        received = _received(rows, blob, [])
        values = {}
        if not isinstance(payload, list):
            raise Malformed("the answer is not in the agreed form")
        for pair in payload:
            if not isinstance(pair, list) or len(pair) != 2 or pair[0] not in names:
                raise Malformed("the answer names what was not asked for")
            try:
                values[pair[0]] = protocol.decode(pair[1], _tensors(received), self._others(pair[0]))
            except Malformed as error:
                values[pair[0]] = Remote(self, None, pair[0], f"unknown ({error})")
        return {name: value for name, value in values.items() if value is not _MISSING}

    def call(self, function, args, kwargs):
        """The result of a call, with everything that it changed in its arguments changed here too.

        Raises: what the function raised, as a built-in exception; Died, TimeoutError, Malformed.
        """
        name = getattr(function, "__name__", type(function).__name__)
        called = name if isinstance(function, RemoteFunction) else None
        try:
            parcel = Parcel(function, args, kwargs, _reference)
        except NotPacked as error:
            self.broken = str(error)
            raise
        if (deleted := self.deleted()) != self.hidden:
            self._ask("names", ["hide", deleted])
            self.hidden = deleted
        request = ["call", parcel.rows, self._milliseconds()]
        payload, rows, state, blob = self._ask(name, request, parcel.blob, parcel.program, errors=False)
        status, payload = payload
        if status == "error" and state is None:  # nothing was called
            raise exception(name, payload, called)
        known = parcel.table.new if parcel.table else []
        received = _received(rows, blob, known, parcel.rows)
        if received is not None and parcel.table:
            received.stand_for(parcel.table.objects)
        settled = protocol.decode(state, _tensors(received))
        if not isinstance(settled, list) or len(settled) != 2:
            raise Malformed("the answer does not say what became of the arguments")
        first = len(parcel.rows)
        if received is not None and len(received.rows) < first:
            raise Malformed("the answer does not say what became of the arguments")
        parcel.settle(received if first else None, *settled)
        if status == "error":
            raise exception(name, payload, called)
        result = protocol.decode(payload, self._results(received, parcel, self.number), self._others())
        self.last = called and (called, result)
        return result

    def backward(self, call, output, inputs, slope):
        """Gradients through an earlier call, one or None for each input."""
        from autograder.engine.tensors import Table

        table = Table()
        table.add(slope.detach())
        rows, blob = table.pack()
        payload, rows, _, blob = self._ask(
            "the backward pass",
            ["backward", rows, call, output, inputs, self._milliseconds()],
            blob,
        )
        return protocol.decode(payload, _tensors(_received(rows, blob, [])))

    def _milliseconds(self):
        return [round(1000 * seconds) for seconds in self.remaining()]

    def _ask(self, name, request, blob=b"", program=b"", *, errors=True):
        if self.dead:
            raise Died(self.dead)
        self.number += 1
        text = protocol.dumps([request[0], self.number, *request[1:]])
        seconds = self.remaining()[1] + GRACE
        try:
            protocol.send(self.connection, [text, blob, program], seconds)
            while True:
                parts = protocol.receive(self.connection, seconds)
                reply = protocol.loads(parts[0]) if parts else None
                if not isinstance(reply, list) or len(reply) != 5 or reply[1] not in ("ok", "error"):
                    raise Malformed("the answer is not in the agreed form")
                if reply[0] == self.number:
                    break
        except TimeoutError:
            self.dead = f"{name} took more than {seconds - GRACE:.0f} s and could not be interrupted"
            raise Died(self.dead) from None
        except protocol.Lost as error:
            self.dead = f"{name} ended its process"
            raise Died(self.dead) from error
        _, status, payload, rows, state = reply
        blob = parts[1] if len(parts) > 1 else b""
        if not errors:
            return (status, payload), rows, state, blob
        if status == "error":
            raise exception(name, payload)
        return payload, rows, state, blob

    def _others(self, name=messages.RESULT):
        """Decoders of what is no data: proxies, and modules that this process has imported itself.

        What a proxy is called here, and in messages, is up to the checks: students read these messages.
        """

        def proxy(kind):
            def make(items, decode):
                if len(items) != 3 or not all(type(item) is str for item in items[1:]):
                    raise Malformed("an object of the answer is not described")
                return kind(self, _checked(items[0]), name, items[2] if items[2] in KINDS else "unknown")

            return make

        def module(items, decode):
            return sys.modules.get(items[0], _MISSING) if items and type(items[0]) is str else _MISSING

        def unsendable(items, decode):
            return Remote(self, None, name, "unknown")

        return {
            "function": proxy(RemoteFunction),
            "object": proxy(Remote),
            "module": module,
            "unsendable": unsendable,
        }

    def _results(self, received, parcel, call):
        """Tensors of a result: those of the arguments are themselves, differentiable ones lead back."""
        made = {}

        def tensor(number):
            if received is None:
                raise Malformed("the answer names a tensor that does not exist")
            row = received.row(number)
            received.charge(number)
            if number in made:
                return made[number]
            import torch

            if number >= len(parcel.rows) and row[6] == "graph" and parcel.inputs and torch.is_grad_enabled():
                inputs = [parcel.table.objects[one] for one in parcel.inputs]
                made[number] = _led().apply(self, call, number, parcel.inputs, received.bare(number), *inputs)
            else:
                made[number] = received.make(number)
            return made[number]

        return tensor


_MISSING = object()


@functools.cache
def _led():
    """The differentiable function whose backward pass happens over there. (Made late: it needs torch.)"""
    import torch
    from torch.autograd.function import once_differentiable

    class Led(torch.autograd.Function):
        @staticmethod
        def forward(ctx, link, call, output, numbers, value, *inputs):
            ctx.link, ctx.call, ctx.output, ctx.numbers = link, call, output, numbers
            ctx.likes = [(one.shape, one.dtype) for one in inputs]
            return torch.empty(0, dtype=value.dtype, device=value.device).set_(value)

        @staticmethod
        @once_differentiable
        def backward(ctx, slope):
            slopes = ctx.link.backward(ctx.call, ctx.output, ctx.numbers, slope)
            if not isinstance(slopes, list) or len(slopes) != len(ctx.likes):
                raise Malformed("the gradients of the answer are not those that were asked for")
            for one, like in zip(slopes, ctx.likes, strict=True):
                if one is not None and (not isinstance(one, torch.Tensor) or (one.shape, one.dtype) != like):
                    raise Malformed("a gradient of the answer does not fit its tensor")
            return None, None, None, None, None, *slopes

    return Led


def exception(name, payload, called=None):
    """The exception of a failed call: of the nearest built-in type, with the message it had over there.

    Args:
        name: what the request is called in messages for instructors.
        payload: of the reply, see `snapshot`.
        called: name of the function of the student's that was called, or None: a probe.
    """
    if (read := messages.raised(payload, called)) is None:
        return Malformed("the answer is not in the agreed form")
    kinds, message, _ = payload
    if kinds[0] == "TooLong":
        error = TimeoutError(f"{name} {message}")
        error.shown = f"{f'your {called}' if called else 'your code'} took longer than it may"
        return error
    for kind in kinds:
        here = getattr(builtins, kind, None)
        if isinstance(here, type) and issubclass(here, Exception) and not issubclass(here, NOT_RAISED_HERE):
            break
    else:
        here = RuntimeError
    if here.__name__ != kinds[0]:
        message = f"{kinds[0][:60]}: {message}"
    error = here(message)
    error.shown, error.kind = read  # to students, in place of the message and the type
    return error


def _checked(reference):
    """What a reply calls an object by (`snapshot.Worker.refer`): a name, or a process and a place in it."""
    match reference:
        case ["name", str()] | ["handle", [int(), int()]]:
            return tuple(reference)
    raise Malformed("an object of the answer cannot be called by anything")


def _reference(thing):
    if isinstance(thing, Remote):
        if thing._reference is None:
            raise Stays(f"{thing!r} cannot travel")
        return thing._reference
    return None


def _received(rows, blob, known, sent=()):
    if not rows and not blob:
        return None
    from autograder.engine.tensors import Received

    return Received(rows, blob, known, sent)


def _tensors(received):
    def tensor(number):
        if received is None:
            raise Malformed("the answer names a tensor that does not exist")
        return received.tensor(number)

    return tensor
