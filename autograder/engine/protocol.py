"""What two processes of the engine say to each other: messages over a stream socket, and the data in them.

A message is a few byte strings. An answer is JSON, with the tensors beside it (`tensors`): plain data, never
pickles. Everything but null, booleans, whole numbers and strings is a list that begins with its type.
Whatever a receiver is given, it gets data or raises Malformed.
"""

import base64
import json
import math
import struct
import sys
import time

MESSAGE = 192 << 20  # bytes: two networks of the course with gradients and the state of their optimizers
PARTS = 4
TEXT, NODES, DEPTH, DIGITS, HASHED = 16 << 20, 500_000, 100, 1000, 20_000


class Lost(ConnectionError):
    """The other side is gone, or sent what is no message."""


def send(connection, parts, seconds=60.0):
    """Send one message.

    Args:
        connection: stream socket.
        parts: at most 4 byte strings, 192 MiB together.
        seconds: for the whole message.

    Raises: ValueError above the limits; Lost, TimeoutError.
    """
    if len(parts) > PARTS or sum(map(len, parts)) > MESSAGE:
        size = sum(map(len, parts))
        raise ValueError(
            f"a message has at most {PARTS} parts and {MESSAGE} bytes, not {len(parts)} and {size}"
        )
    connection.settimeout(seconds)
    try:
        connection.sendall(struct.pack(f"!B{len(parts)}Q", len(parts), *map(len, parts)))
        for part in parts:
            connection.sendall(part)
    except TimeoutError:
        raise
    except OSError as error:
        raise Lost(f"the other side is gone: {error}") from error


def receive(connection, seconds=None, limit=MESSAGE):
    """Receive one message; nothing above the limit is read.

    Args:
        connection: stream socket.
        seconds: for the whole message; None waits for ever.
        limit: bytes of all parts together.

    Returns: list of bytes.
    Raises: Lost, TimeoutError.
    """
    end = None if seconds is None else time.monotonic() + seconds
    (count,) = _exactly(connection, 1, end)
    if count > PARTS:
        raise Lost(f"a message has at most {PARTS} parts, not {count}")
    sizes = struct.unpack(f"!{count}Q", _exactly(connection, 8 * count, end))
    if sum(sizes) > limit:
        raise Lost(f"a message of {sum(sizes)} bytes, above the limit of {limit}")
    return [bytes(_exactly(connection, size, end)) for size in sizes]


def _exactly(connection, size, end):
    """`size` bytes. Memory is taken as they come, so that an announced size costs nothing."""
    read = bytearray()
    while len(read) < size:
        if end is not None and end <= time.monotonic():
            raise TimeoutError("no complete message in time")
        connection.settimeout(None if end is None else max(end - time.monotonic(), 0.001))
        try:
            piece = connection.recv(min(size - len(read), 1 << 20))
        except TimeoutError:
            raise
        except OSError as error:
            raise Lost(f"the other side is gone: {error}") from error
        if not piece:
            raise Lost("the other side is gone")
        read += piece
    return read


class Malformed(Exception):
    """An answer that is no data, or more of it than allowed. The message may be shown to its author."""


class Unsendable(TypeError):
    """A value that does not travel; the message names its type."""


def encode(value, tensor, other=None):
    """A value as what JSON has.

    Args:
        value: None, numbers, strings, bytes, lists, tuples, sets, dicts, tensors, numpy arrays and scalars,
            torch's dtypes, devices and sizes, in each other.
        tensor: function that takes a tensor and returns the number it travels under.
        other: function that takes anything else, and a function that encodes, and returns a list that begins
            with its type; None refuses.

    Returns: lists, strings, whole numbers, booleans, None.
    Raises: Unsendable for other types and for what is nested deeper than 100, or in itself.
    """

    def inner(value, depth):
        if depth > DEPTH:
            raise Unsendable(f"a value that contains itself, or is nested deeper than {DEPTH}, cannot travel")
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            if value.bit_length() > 3 * DIGITS:
                raise Unsendable(f"a whole number of {value.bit_length()} bits cannot travel")
            return value
        if kind is float or kind is complex:
            return [kind.__name__, *_floats(value)]
        torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
        if torch is not None:
            if isinstance(value, torch.Tensor):
                return ["tensor", tensor(value)]
            if kind is torch.Size:
                return ["size", *map(int, value)]
            if kind is torch.dtype or kind is torch.device:
                return [kind.__name__, str(value).removeprefix("torch.")]
        if numpy is not None:
            if isinstance(value, numpy.generic) and value.dtype.kind in "biufc":
                return ["numpy", value.dtype.name, inner(value.item(), depth + 1)]
            if kind is numpy.ndarray and value.dtype.kind in "biufc":
                return ["array", tensor(_torch().from_numpy(value.copy()))]
        if kind is bytes:
            return ["bytes", base64.b64encode(value).decode()]
        for base in (list, tuple, set, frozenset):
            if isinstance(value, base):
                return [base.__name__, *(inner(item, depth + 1) for item in base(value))]
        if isinstance(value, dict):
            return ["dict", *([inner(key, depth + 1), inner(item, depth + 1)] for key, item in value.items())]
        if other is not None:
            return other(value, lambda value: inner(value, depth + 1))
        raise Unsendable(f"an object of type {kind.__name__} cannot travel: data and tensors can")

    return inner(value, 0)


def utf8(text):
    """A text that UTF-8 can hold: a student's, and JSON's, can have halves of characters."""
    return text.encode("utf-8", "replace").decode()


def decode(data, tensor, other=None):
    """The value that `encode` took.

    Args:
        data: what `loads` returned.
        tensor: function from a number to its tensor; raises Malformed where there is none.
        other: dict from the further types that are allowed to functions of the rest of the list and a
            function that decodes.

    Returns: the value.
    Raises: Malformed, and nothing else.
    """

    def inner(data, depth):
        if depth > DEPTH:
            raise Malformed(f"the answer is nested deeper than {DEPTH}")
        if data is None or type(data) in (bool, str, int):
            return data
        if type(data) is not list or not data or type(data[0]) is not str:
            raise Malformed("the answer is not in the agreed form")
        kind, *items = data
        if kind in ("list", "tuple", "set", "frozenset"):
            values = [inner(item, depth + 1) for item in items]
            return values if kind == "list" else tuple(values) if kind == "tuple" else _hashed(kind, values)
        if kind == "dict":
            if not all(type(pair) is list and len(pair) == 2 for pair in items):
                raise Malformed("a dict of the answer is not made of pairs")
            return _hashed("dict", [(inner(key, depth + 1), inner(item, depth + 1)) for key, item in items])
        if kind == "size":
            return _size(items)
        if kind == "numpy" and len(items) == 2:
            return _numpy_scalar(items[0], inner(items[1], depth + 1))
        if kind == "tensor" and len(items) == 1:
            return tensor(items[0])
        if kind == "array" and len(items) == 1:
            return _array(tensor(items[0]))
        if kind in _SIMPLE and len(items) == _SIMPLE[kind][0] and all(type(item) is str for item in items):
            return _SIMPLE[kind][1](*items)
        if other is not None and kind in other:
            return other[kind](items, lambda data: inner(data, depth + 1))
        raise Malformed("the answer holds what is no type of the agreed form")

    return inner(data, 0)


def dumps(data):
    """JSON, as bytes. Raises Unsendable above 16 MiB."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).encode()
    if len(text) > TEXT:
        raise Unsendable(f"an answer of {len(text)} bytes of text is above the limit of {TEXT}")
    return text


def loads(text):
    """The data in some bytes of JSON. Raises Malformed, and nothing else."""
    if len(text) > TEXT:
        raise Malformed(f"an answer of {len(text)} bytes of text is above the limit of {TEXT}")
    if text.count(b",") + text.count(b"[") + text.count(b"{") > NODES:
        raise Malformed(f"the answer has more than {NODES} parts")
    try:
        return json.loads(text.decode(), parse_constant=_refuse, parse_float=_refuse, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise Malformed("the answer is not in the agreed form") from error


def _refuse(text):
    raise ValueError(text)


def _whole(text):
    if len(text) > DIGITS:
        raise ValueError(text[:20])
    return int(text)


def _floats(value):
    return [part.hex() for part in ((value.real, value.imag) if isinstance(value, complex) else (value,))]


def _float(text):
    try:
        return float.fromhex(text if len(text) < 40 else "")
    except (ValueError, OverflowError) as error:
        raise Malformed("a number of the answer is not in the agreed form") from error


def _base64(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed("bytes of the answer are not in the agreed form") from error


def _dtype(name):
    dtype = getattr(_torch(), name, None) if name.isidentifier() else None
    if not isinstance(dtype, _torch().dtype):
        raise Malformed("there is no such dtype")
    return dtype


def _device(name):
    try:
        return _torch().device(name)
    except RuntimeError as error:
        raise Malformed("there is no such device") from error


_SIMPLE = {
    "float": (1, _float),
    "complex": (2, lambda real, imaginary: complex(_float(real), _float(imaginary))),
    "bytes": (1, _base64),
    "dtype": (1, _dtype),
    "device": (1, _device),
}


def _hashed(kind, values):
    """A set or dict; not of a size at which chosen hashes could stop the process."""
    if len(values) > HASHED:
        raise Malformed(f"a {kind} of the answer has {len(values)} entries, above the limit of {HASHED}")
    try:
        return {"set": set, "frozenset": frozenset, "dict": dict}[kind](values)
    except TypeError as error:
        raise Malformed(f"a {kind} of the answer holds what cannot be hashed") from error


def _size(items):
    if not all(type(item) is int and 0 <= item < 1 << 62 for item in items):
        raise Malformed("a size of the answer is not made of whole numbers")
    return _torch().Size(items)


def _numpy_scalar(name, value):
    import numpy

    if type(name) is not str or type(value) not in (bool, int, float, complex):
        raise Malformed("a number of the answer is not in the agreed form")
    try:
        dtype = numpy.dtype(name)
        with numpy.errstate(all="ignore"):
            scalar = dtype.type(value) if dtype.kind in "biufc" else None
    except (TypeError, ValueError, OverflowError) as error:
        raise Malformed("a number of the answer is not in the agreed form") from error
    if scalar is None or (scalar.item() != value and not _is_nan(value)):
        raise Malformed("a number of the answer does not fit its type")
    return scalar


def _is_nan(value):
    return isinstance(value, (float, complex)) and (math.isnan(value.real) or math.isnan(value.imag))


def _array(tensor):
    try:
        return tensor.detach().numpy()
    except (TypeError, RuntimeError) as error:
        raise Malformed("an array of the answer has a type that arrays do not have") from error


def _torch():
    import torch

    return torch
