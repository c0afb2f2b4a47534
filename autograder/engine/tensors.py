"""Tensors as rows of a table and bytes of storages: one storage once, whoever shares it.

A row is `[place, storage, dtype, offset, shape, stride, kind, gradient]`: the storage is a number, counted
among those that the receiver knows already (`place` "known") or among the bytes that come along ("new"); a
tensor without values has neither (`place` "meta"). `kind` is "plain", "parameter", "leaf" (a plain tensor
that needs its gradient), "frozen" (a parameter that does not) or "graph" (a tensor that came out of
differentiable operations). `gradient` is the row of `.grad`, or None.
"""

import math

import torch
from safetensors.torch import load, save
from torch import nn

from autograder.engine.protocol import Malformed, Unsendable

KINDS = ("plain", "parameter", "leaf", "frozen", "graph")
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip
DIMENSIONS, ROWS = 16, 50_000
# Of all new tensors of an answer together, each with its whole shape and as often as it is named: a stride of
# 0 makes any size out of a few bytes, and checks make lists, texts and copies of it. Two networks of the
# course have 6 million weights; their gradients and the state of their optimizers are three times as many.
ELEMENTS = 1 << 25


class Table:
    """The tensors of one message, on the side that sends it.

    Args:
        known: storages (uint8 tensors) that the receiver has, in its order; those that are equal to their
            copy in `contents` are not sent again.
        contents: copies of what they held.
        first: tensors that get the first rows, in this order.
    """

    def __init__(self, known=(), contents=(), first=()):
        self.rows, self.objects = [None] * len(first), list(first)
        self._at = {id(tensor): number for number, tensor in enumerate(first)}
        self.known = {storage.untyped_storage().data_ptr(): number for number, storage in enumerate(known)}
        self.new, self._new_at, self._kept = [], {}, list(known)
        self.changed = [
            number
            for number, (now, before) in enumerate(zip(known, contents, strict=True))
            if not torch.equal(now, before)
        ]
        for number, tensor in enumerate(first):
            self._fill(number, tensor)

    def add(self, tensor):
        """Number of a tensor's row; one object has one row.

        Raises: Unsendable for layouts and dtypes that do not travel.
        """
        if id(tensor) in self._at:
            return self._at[id(tensor)]
        number = self._at[id(tensor)] = len(self.rows)
        self.objects.append(tensor)  # kept alive: its id stays its own
        self.rows.append(None)
        self._fill(number, tensor)
        return number

    def _fill(self, number, tensor):
        with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
            self.rows[number] = self._row(tensor)

    def _row(self, tensor):
        dtype = str(tensor.dtype).removeprefix("torch.")
        if tensor.layout != torch.strided or dtype not in DTYPES or tensor.device.type not in ("cpu", "meta"):
            raise Unsendable(f"a tensor of {tensor.dtype}, {tensor.layout} on {tensor.device} cannot travel")
        data = tensor.detach().as_subclass(torch.Tensor).resolve_conj().resolve_neg()
        gradient = None
        if tensor.is_leaf and tensor.grad is not None:
            gradient = self.add(tensor.grad)
        geometry = [data.storage_offset(), list(data.shape), list(data.stride())]
        if data.device.type == "meta":
            return ["meta", 0, dtype, *geometry, kind(tensor), gradient]
        storage = data.untyped_storage()
        pointer = storage.data_ptr()
        if pointer in self.known:
            return ["known", self.known[pointer], dtype, *geometry, kind(tensor), gradient]
        if pointer not in self._new_at or not storage.nbytes():
            self._new_at[pointer] = len(self.new)
            self.new.append(flat(data))
        return ["new", self._new_at[pointer], dtype, *geometry, kind(tensor), gradient]

    def pack(self):
        """The rows, and the bytes: new storages and changed known ones, as safetensors."""
        bytes_of = {f"new {number}": storage for number, storage in enumerate(self.new)}
        bytes_of |= {f"known {number}": self._kept[number] for number in self.changed}
        return self.rows, save(
            {name: storage.clone() for name, storage in bytes_of.items()}
        ) if bytes_of else b""


class Received:
    """The tensors of a message, on the side that got it.

    Args:
        rows, blob: what `Table.pack` made, or anything else.
        known: this side's storages, in the order that both know.
        sent: rows that this side has sent; tensors that are still as they were there are not new.

    Attributes:
        changed: dict from the number of a known storage to its new content (uint8 tensor).

    Raises: Malformed.
    """

    def __init__(self, rows, blob, known=(), sent=()):
        if not isinstance(rows, list) or len(rows) > ROWS:
            raise Malformed("the answer has too many tensors, or none where they were announced")
        self.rows, self.known, self.sent, self._made = rows, known, sent, {}
        self.left = ELEMENTS
        try:
            stored = load(blob) if blob else {}
        except Exception as error:  # whatever the parser raises
            raise Malformed("the tensors of the answer cannot be read") from error
        self.new, self.changed = {}, {}
        for name, content in stored.items():
            place, _, number = name.partition(" ")
            if (
                content.dtype != torch.uint8
                or content.dim() != 1
                or not number.isdecimal()
                or len(number) > 9
            ):
                raise Malformed("the tensors of the answer are not in the agreed form")
            content, number = content.clone(), int(number)  # aligned, whatever the file's offsets are
            if place == "new":
                self.new[number] = content
            elif place == "known" and number < len(known) and len(known[number]) == len(content):
                self.changed[number] = content
            else:
                raise Malformed("the answer names memory that does not exist")

    def bare(self, number):
        """The values of a row: a tensor without gradient and graph, in the memory of the row's storage."""
        place, storage, dtype, offset, shape, stride, _, _ = self.row(number)
        try:
            if place == "meta":
                return torch.empty_strided(shape, stride, dtype=DTYPES[dtype], device="meta")
            memory = self._memory(place, storage)
            view = torch.empty(0, dtype=DTYPES[dtype]).set_(memory.untyped_storage(), offset, shape, stride)
        except (RuntimeError, OverflowError) as error:
            raise Malformed("a tensor of the answer cannot be made") from error
        if dtype == "bool" and view.numel() and memory.max() > 1:
            raise Malformed("a truth value of the answer is neither 0 nor 1")
        return view

    def charge(self, number):
        """Count the elements of a row against the limit of the answer. Raises: Malformed above it."""
        self.left -= math.prod(self.row(number)[4])
        if self.left < 0:
            raise Malformed(f"the tensors of the answer have more than {ELEMENTS} elements")

    def _was_sent(self, number):
        return number < len(self.sent) and self.rows[number][1:6] == self.sent[number][1:6]

    def tensor(self, number):
        """The tensor of a row, counted where it is new."""
        if not _is_count(number):
            raise Malformed("the answer names a tensor that does not exist")
        if not self._was_sent(number):
            self.charge(number)
        return self.make(number)

    def make(self, number):
        """The tensor of a row with its kind and its gradient; one row is one object."""
        if number in self._made:
            return self._made[number]
        tensor = self._made[number] = of_kind(self.bare(number), self.rows[number][6])
        gradient = self.rows[number][7]
        if gradient is not None:
            if not tensor.is_leaf or self.row(gradient)[7] is not None:
                raise Malformed("a gradient of the answer belongs to no tensor, or has a gradient itself")
            try:
                tensor.grad = self.tensor(gradient)
            except (RuntimeError, TypeError) as error:
                raise Malformed("a gradient of the answer does not fit its tensor") from error
        return tensor

    def stand_for(self, tensors):
        """Let the first rows be these objects, whatever else is said of them."""
        self._made = dict(enumerate(tensors))

    def _memory(self, place, storage):
        memory = self.new.get(storage) if place == "new" else None
        if place == "known" and storage < len(self.known):
            memory = self.known[storage]
        if memory is None:
            raise Malformed("the answer names memory that does not exist")
        return memory

    def row(self, number):
        """The row, if it describes a tensor that lies within its storage."""
        if not _is_count(number) or number >= len(self.rows):
            raise Malformed("the answer names a tensor that does not exist")
        row = self.rows[number]
        if not isinstance(row, list) or len(row) != 8:
            raise Malformed("a tensor of the answer is not described")
        place, storage, dtype, offset, shape, stride, its_kind, gradient = row
        if (
            place not in ("meta", "known", "new")
            or not (isinstance(dtype, str) and dtype in DTYPES)
            or not (isinstance(its_kind, str) and its_kind in KINDS)
            or not (_is_count(storage) and _is_count(offset))
            or not (isinstance(shape, list) and isinstance(stride, list) and len(shape) == len(stride))
            or len(shape) > DIMENSIONS
            or not all(map(_is_count, [*shape, *stride]))
            or not (gradient is None or _is_count(gradient))
        ):
            raise Malformed("a tensor of the answer is not described in the agreed form")
        differentiable = DTYPES[dtype].is_floating_point or DTYPES[dtype].is_complex
        if not differentiable and its_kind not in ("plain", "frozen"):
            raise Malformed(f"a tensor of dtype {dtype} cannot need a gradient")
        count, last = 1, offset
        for size, step in zip(shape, stride, strict=True):
            count *= size
            last += (size - 1) * step
        if count > ELEMENTS and not self._was_sent(number):
            raise Malformed(f"a tensor of the answer has {count} elements, above the limit of {ELEMENTS}")
        if place == "meta" and max([count, last]) >= 1 << 62:
            raise Malformed("a tensor of the answer is larger than there can be")
        if place != "meta" and count:
            size = len(self._memory(place, storage))
            if (last + 1) * DTYPES[dtype].itemsize > size:
                raise Malformed("a tensor of the answer reaches beyond its memory")
        elif offset >= 1 << 62 or max([0, *stride]) >= 1 << 62:
            raise Malformed("a tensor of the answer reaches beyond its memory")
        return row


class _Anchored(torch.autograd.Function):
    """A tensor in the same memory that came out of a differentiable operation, and is no view."""

    @staticmethod
    def forward(ctx, anchor, data):
        return torch.empty(0, dtype=data.dtype, device=data.device).set_(data)

    @staticmethod
    def backward(ctx, slope):
        return None, None


def kind(tensor):
    """Which of KINDS a tensor is."""
    if isinstance(tensor, nn.Parameter):
        return "parameter" if tensor.requires_grad else "frozen"
    if not tensor.requires_grad:
        return "plain"
    return "leaf" if tensor.is_leaf else "graph"


def of_kind(data, its_kind):
    """A tensor of a kind, in the memory of `data`."""
    if its_kind == "parameter" or its_kind == "frozen":
        return nn.Parameter(data, requires_grad=its_kind == "parameter")
    if its_kind == "leaf":
        return data.requires_grad_()
    if its_kind == "graph":
        with torch.enable_grad():
            return _Anchored.apply(torch.zeros((), requires_grad=True), data)
    return data


def flat(tensor):
    """All bytes of the storage that a tensor lies in: uint8 (n,), the same memory."""
    return torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())


def _is_count(value):
    return type(value) is int and 0 <= value < 1 << 62
