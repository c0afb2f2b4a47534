"""The global states that a call may use and change: random numbers, and whether gradients are recorded."""

import random
import struct
import sys

from autograder.engine.wire import Malformed

WORDS = 624  # of a Mersenne twister
UPPER, LOWER, MATRIX = 0x80000000, 0x7FFFFFFF, 0x9908B0DF
TWISTS = 5000  # that a call may take: three million numbers
HEADER, CACHE = 24, 24 + 8 * WORDS  # where in torch's state the words begin and end


def get():
    """The states of this process: of Python's generator, and of numpy's and torch's where they are
    imported."""
    modes = {"python": random.getstate()}
    if numpy := sys.modules.get("numpy"):
        name, words, *rest = numpy.random.get_state()
        modes["numpy"] = (name, words.tobytes(), *rest)
    if torch := sys.modules.get("torch"):
        modes["torch"] = torch.get_rng_state().numpy().tobytes()
        modes["grad"] = torch.is_grad_enabled()
    return modes


def put(modes):
    """Make the states of this process what `get` found, here or on the other side.

    Raises: Malformed where they are none.
    """
    try:
        if "python" in modes:
            random.setstate(modes["python"])
        if "numpy" in modes and (numpy := sys.modules.get("numpy")):
            name, words, position, *rest = modes["numpy"]
            # numpy itself does not look at the position, and reads beyond the words
            if name != "MT19937" or len(words) != 4 * WORDS or not 0 <= position <= WORDS:
                raise ValueError("no state of a Mersenne twister")
            numpy.random.set_state((name, numpy.frombuffer(words, numpy.uint32), position, *rest))
        if torch := sys.modules.get("torch"):
            if "torch" in modes:
                torch.set_rng_state(torch.frombuffer(bytearray(modes["torch"]), dtype=torch.uint8))
            if "grad" in modes:
                torch.set_grad_enabled(modes["grad"] is True)
    except (AttributeError, KeyError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise Malformed(f"the state of the random numbers after the call is none: {error}") from error


def changed(before, after):
    """The entries of `after` that differ."""
    return {name: state for name, state in after.items() if before.get(name) != state}


def follow(before, after):
    """Make the states of this process what a call says that it left, as far as a call can have left it.

    A state of random numbers is their future: who may choose it chooses the inputs that checks draw next. So
    one counts only where drawing numbers leads to it, from the state before the call or from a seed.

    Args:
        before: what `get` found before the call.
        after: the entries that have changed since.

    Raises: Malformed where they are none.
    """
    try:
        known = {
            name: _FOLLOWED[name](before[name], state) for name, state in after.items() if name in before
        }
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise Malformed(f"the state of the random numbers after the call is none: {error}") from error
    put({name: state for name, state in known.items() if state is not None})


def _python(before, after):
    version, (*words, position), _ = after
    led = version == before[0] and 0 <= position <= WORDS and _leads([before[1][:WORDS]], words)
    return (version, (*words, position), None) if led else None


def _numpy(before, after):
    _, words, position, *_ = after
    return (before[0], words, position, 0, 0.0) if _leads([_words32(before[1])], _words32(words)) else None


def torch_followed(before, after):
    """The state of a generator of torch, as `follow` takes it; None where drawing does not lead there.

    Args:
        before, after: what `torch.Generator.get_state` returns, as bytes.
    """
    import torch

    if len(after) != len(before):
        raise ValueError(f"{len(after)} bytes, not {len(before)}")
    words, (seed,) = _words64(after), struct.unpack_from("Q", after)
    seeded = torch.Generator().manual_seed(seed).get_state().numpy().tobytes()
    sources = [_words64(before), _words64(seeded)]
    if not _leads(sources if after[:8] == before[:8] else sources[::-1], words):
        return None
    x, y, _, _, sample = struct.unpack_from("dddif", after, CACHE)
    if (
        0 <= x < 1 and 0 <= y < 1 and abs(sample) < 9
    ):  # half of a pair of normal numbers, kept for the next draw
        return after
    return after[:CACHE] + bytes(len(after) - CACHE)


_FOLLOWED = {"python": _python, "numpy": _numpy, "torch": torch_followed, "grad": lambda before, after: after}


def _words32(state):
    import numpy

    return numpy.frombuffer(state, numpy.uint32)


def _words64(state):
    import numpy

    return numpy.frombuffer(state, numpy.uint64, WORDS, HEADER)


def _leads(sources, words):
    """Whether a Mersenne twister comes from one of some states to another in at most TWISTS steps."""
    import numpy

    words = numpy.array(words, numpy.uint64)
    for source in sources:
        source = numpy.array(source, numpy.uint64)
        for _ in range(TWISTS):
            if numpy.array_equal(source, words):
                return True
            _twist(source)
    return False


def _twist(words):
    """The next state of MT19937, in place: 624 more numbers. Source: Matsumoto and Nishimura (1998)."""
    for first, last, other in ((0, 227, 397), (227, 454, -227), (454, 623, -227)):
        mixed = (words[first:last] & UPPER) | (words[first + 1 : last + 1] & LOWER)
        words[first:last] = words[first + other : last + other] ^ (mixed >> 1) ^ ((mixed & 1) * MATRIX)
    mixed = (int(words[623]) & UPPER) | (int(words[0]) & LOWER)
    words[623] = int(words[396]) ^ (mixed >> 1) ^ ((mixed & 1) * MATRIX)
