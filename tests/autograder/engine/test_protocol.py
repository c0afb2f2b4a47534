"""The wire format: what is encoded comes back, and whatever arrives gives data or Malformed."""

import json
import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from autograder.engine.protocol import Malformed, Unsendable, decode, dumps, encode, loads
from autograder.engine.tensors import DTYPES, KINDS, Received, Table

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary()
)
HASHABLE = st.recursive(
    SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.sets(HASHABLE) | st.dictionaries(HASHABLE, inner)
    ),
    max_leaves=20,
)


def no_tensor(number):
    raise Malformed("no tensors here")


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            any(same(key, its) and same(value, its_value) for its, its_value in other.items())
            for key, value in one.items()
        )
    if isinstance(one, (set, frozenset)):
        return len(one) == len(other) and all(any(same(item, its) for its in other) for item in one)
    return one == other or repr(one) == repr(other)


@given(DATA)
def test_data_come_back(value):
    assert same(decode(loads(dumps(encode(value, no_tensor))), no_tensor), value)


def test_minus_zero_and_the_smallest_number_come_back():
    for value in (-0.0, 5e-324, math.pi):
        got = decode(encode(value, no_tensor), no_tensor)
        assert got == value and math.copysign(1, got) == math.copysign(1, value)


# whatever arrives

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 1 << 70)
    | st.text(max_size=8)
    | st.sampled_from(
        ["list", "tuple", "set", "frozenset", "dict", "float", "complex", "bytes", "dtype", "device", "size",
         "numpy", "tensor", "array", "function", "float32", "nan", "0x1p3", "new", "known", "meta", "leaf"]
    ),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=30,
)  # fmt: skip
TYPED = st.recursive(
    SCALARS.map(lambda value: encode(value, no_tensor)) | JSON,
    lambda inner: st.builds(
        lambda kind, items: [kind, *items],
        st.sampled_from(
            [
                "list",
                "tuple",
                "set",
                "frozenset",
                "dict",
                "float",
                "numpy",
                "size",
                "array",
                "tensor",
                "device",
            ]
        ),
        st.lists(inner | st.lists(inner, min_size=2, max_size=2), max_size=4),
    ),
    max_leaves=15,
)


def read(text, blob=b""):
    """What a receiver does with an answer of a value and rows of tensors."""
    value, rows = decode_pair(loads(text))
    received = Received(rows, blob, [torch.zeros(16, dtype=torch.uint8)])
    for number in range(len(rows)):
        received.tensor(number).sum()
    return decode(value, received.tensor)


def decode_pair(data):
    if not isinstance(data, list) or len(data) != 2:
        raise Malformed("no pair")
    return data


def is_data_or_malformed(text, blob=b""):
    try:
        read(text, blob)
    except Malformed as error:
        assert str(error) and len(str(error)) < 300


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(TYPED | JSON, st.lists(JSON, max_size=3))
def test_any_json_gives_data_or_malformed(value, rows):
    is_data_or_malformed(json.dumps([value, rows]).encode())


@settings(max_examples=1000, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(alphabet='[]{},:"0123456789eE+-.truefalsn\\u', max_size=80).map(str.encode),
    st.binary(max_size=80),
)
def test_any_bytes_give_data_or_malformed(text, blob):
    is_data_or_malformed(text, blob)


COUNTS = st.integers(-2, 20) | st.sampled_from(
    [1 << 31, 1 << 40, (1 << 62) - 1, 1 << 63, 1 << 70, True, None, 1.5]
)
ROWS = st.tuples(
    st.sampled_from(["new", "known", "meta", "old"]),
    COUNTS,
    st.sampled_from([*DTYPES, "float", "quint8"]),
    COUNTS,
    st.lists(COUNTS, max_size=4),
    st.lists(COUNTS, max_size=4),
    st.sampled_from([*KINDS, "odd"]),
    st.none() | st.integers(0, 4),
).map(list)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(
    st.lists(ROWS | st.just(["new", 0, "float32", 1, [2], [1], "leaf", 1]), max_size=5),
    st.binary(max_size=64),
    st.binary(max_size=64),
)
def test_any_rows_give_tensors_within_their_memory_or_malformed(rows, first, second):
    memory = {"new 0": first, "new 1": second}
    blob = save({name: torch.tensor(list(content), dtype=torch.uint8) for name, content in memory.items()})
    try:
        rows = json.loads(json.dumps(rows))
        received = Received(rows, blob, [torch.zeros(16, dtype=torch.uint8)])
    except Malformed:
        return
    for number in range(len(rows)):
        try:
            tensor = received.tensor(number)
        except Malformed:
            continue
        assert tensor.numel() <= 1 << 28
        if tensor.device.type == "cpu":
            tensor.detach().to(torch.complex128).sum()


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(DATA, st.integers(0, 2**32))
def test_a_damaged_answer_gives_data_or_malformed(value, seed):
    text = bytearray(dumps([encode(value, no_tensor), []]))
    chance = random.Random(seed)
    for _ in range(3):
        at = chance.randrange(len(text))
        text[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    is_data_or_malformed(bytes(text))


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"NaN",
        b"[Infinity, []]",
        b"1e999",
        b"0.5",
        b"9" * 5000,
        b'["float", "' + b"f" * 3_000_000 + b'"]',
        b"[" + b"0," * 600_000 + b"0]",
        b" " * (17 << 20),
        '"\ud800"'.encode("utf-8", "surrogatepass"),
        json.dumps(["set", *range(30_000)]).encode(),
        json.dumps(["set", ["list"]]).encode(),
    ],
    ids=range(13),
)
def test_text_that_is_refused(text):
    with pytest.raises(Malformed):
        decode(loads(text), no_tensor)


def test_depth_is_limited_on_both_sides():
    deep = []
    for _ in range(150):
        deep = [deep]
    with pytest.raises(Unsendable, match="deeper than 100"):
        encode(deep, no_tensor)
    data = ["list"]
    for _ in range(150):
        data = ["list", data]
    with pytest.raises(Malformed, match="deeper than 100"):
        decode(data, no_tensor)


# tensors


def there_and_back(*tensors):
    table = Table()
    numbers = [table.add(tensor) for tensor in tensors]
    rows, blob = table.pack()
    received = Received(json.loads(json.dumps(rows)), blob)
    return [received.tensor(number) for number in numbers]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_every_dtype_shape_and_stride_comes_back(dtype):
    base = torch.arange(24).reshape(2, 3, 4).to(dtype)
    views = base, base.transpose(0, 2), base[:, 1:, ::2], base[0, 0, 0], base[:0], base[:, :1].expand(2, 5, 4)
    for view, got in zip(views, there_and_back(*views), strict=True):
        assert torch.equal(got, view) and got.dtype == dtype and got.stride() == view.stride()


def test_storages_travel_once_and_stay_shared():
    base = torch.zeros(1000)
    table = Table()
    for start in range(100):
        table.add(base[start:])
    assert len(table.pack()[1]) < 5000
    first, second = there_and_back(base[:500], base[100:])
    first[100] = 7
    assert second[0] == 7


HALF = ["new", 0, "float32", 0, [1 << 24], [0], "plain", None]


@pytest.mark.parametrize(
    "rows, named",
    [
        ([["new", 0, "float32", 0, [(1 << 25) + 1], [0], "plain", None]], [0]),
        ([["new", 0, "uint8", 0, [1 << 13, 1 << 13], [0, 0], "plain", None]], [0]),
        ([["meta", 0, "float32", 0, [1 << 40], [1], "plain", None]], [0]),
        ([HALF, HALF, HALF], [0, 1, 2]),
        ([HALF], [0, 0, 0]),
    ],
)
def test_elements_are_counted_where_bytes_are_few(rows, named):
    received = Received(rows, save({"new 0": torch.zeros(4, dtype=torch.uint8)}))
    with pytest.raises(Malformed, match=f"elements|more than {1 << 25}"):
        for number in named:
            received.tensor(number)


def test_what_was_sent_is_not_counted_until_it_is_an_answer():
    large = torch.zeros(1).expand(1 << 26)
    table = Table()
    table.add(large)
    rows, blob = table.pack()
    received = Received(rows, blob, sent=rows)
    assert [received.tensor(0).shape for _ in range(3)] == [large.shape] * 3
    with pytest.raises(Malformed, match="elements"):
        received.charge(0)


def test_kinds_and_gradients_come_back():
    parameter, leaf = torch.nn.Parameter(torch.ones(2)), torch.ones(2, requires_grad=True)
    parameter.grad = torch.full((2,), 3.0)
    tensors = (
        parameter,
        torch.nn.Parameter(torch.ones(2), requires_grad=False),
        leaf,
        2 * leaf,
        parameter.grad,
    )
    got = there_and_back(*tensors)
    assert [(type(one), one.requires_grad, one.is_leaf) for one in got] == [
        (type(one), one.requires_grad, one.is_leaf) for one in tensors
    ]
    assert got[0].grad is got[4]


def test_gradients_of_gradients_in_a_chain_or_a_circle_are_refused():
    blob = save({"new 0": torch.zeros(4, dtype=torch.uint8)})
    for target in (0, 1):
        rows = [
            ["new", 0, "float32", 0, [1], [1], "leaf", 1],
            ["new", 0, "float32", 0, [1], [1], "leaf", target],
        ]
        with pytest.raises(Malformed, match="gradient"):
            Received(rows, blob).tensor(0)


def test_truth_values_are_checked():
    blob = save({"new 0": torch.tensor([2], dtype=torch.uint8)})
    with pytest.raises(Malformed, match="neither 0 nor 1"):
        Received([["new", 0, "bool", 0, [1], [1], "plain", None]], blob).tensor(0)


def test_other_tensors_do_not_travel():
    for tensor in (torch.eye(2).to_sparse(), torch.ones(2, dtype=torch.float8_e5m2)):
        with pytest.raises(Unsendable, match="cannot travel"):
            Table().add(tensor)
