"""The global states that a call may use and change: random numbers, and whether gradients are recorded."""

import random
import struct
import sys

from autograder.engine.protocol import Malformed

WORDS = 624  # of a Mersenne twister
UPPER, LOWER, MATRIX = 0x80000000, 0x7FFFFFFF, 0x9908B0DF
TWISTS = 5000  # that a call may take: three million numbers
# torch's state (ATen/CPUGeneratorImpl.cpp): seed, left, seeded, next, the words; of a kept pair of normal
# numbers x, y (the second one), rho and whether there is one; the same for a float, which nothing keeps
TORCH = struct.Struct(f"=QiiQ{WORDS}QdddixxxxfBxxx")


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
    version, (*words, position), kept = before
    if after[0] != version or len(after) != 3:
        raise ValueError(f"not of version {version}")
    normal = _within(words, position, after[1][:WORDS], after[1][WORDS], kept, after[2], _of_python)
    return None if normal is _NOWHERE else (version, tuple(after[1]), normal)


def _numpy(before, after):
    import numpy

    name, words, position, *normal = before
    if type(after[1]) is not bytes:
        raise TypeError("words that are no bytes")
    _, its_words, its_position, *its_normal = after
    kept, cached = (number if valid else None for valid, number in (normal, its_normal))
    words, its_words = (numpy.frombuffer(one, numpy.uint32).tolist() for one in (words, its_words))
    normal = _within(words, position, its_words, its_position, kept, cached, _of_numpy)
    if normal is _NOWHERE:
        return None
    return name, after[1], its_position, int(normal is not None), normal or 0.0


def torch_followed(before, after):
    """The state of a generator of torch, as `follow` takes it; None where drawing does not lead there.

    torch reads where `next` says, and looks for the end of the words by `left`: so both are made here, from
    the one number that is believed, which is the place in the words.

    Args:
        before, after: what `torch.Generator.get_state` returns, as bytes.
    """
    import torch

    if len(before) != TORCH.size or len(after) != TORCH.size:
        raise ValueError(f"{len(after)} bytes, not {TORCH.size}")
    seed, left, _, _, *words = TORCH.unpack(before)[: 4 + WORDS]
    its_seed, its_left, _, _, *its_words = TORCH.unpack(after)[: 4 + WORDS]
    kept, cached = map(_cached, (before, after))
    fresh = torch.Generator().manual_seed(its_seed).get_state().numpy().tobytes()
    seeded = list(TORCH.unpack(fresh)[4 : 4 + WORDS])
    sources = [(seed, words, left, kept), (its_seed, seeded, 1, None)]
    for from_seed, source, its_begin, number in sources if its_seed == seed else sources[::-1]:
        position = WORDS + 1 - its_left
        normal = _within(source, WORDS + 1 - its_begin, its_words, position, number, cached, _of_torch)
        if normal is not _NOWHERE:
            # before the first draw there are no numbers yet, and torch's own `next` is 0
            place = 0 if its_left == 1 and its_words == seeded else position
            pair = (0.0, normal or 0.0, 0.0, int(normal is not None), 0.0, False)
            return TORCH.pack(from_seed, its_left, 1, place, *its_words, *pair)
    return None


_FOLLOWED = {"python": _python, "numpy": _numpy, "torch": torch_followed, "grad": lambda before, after: after}
_NOWHERE = object()


def _cached(state):
    """The second number of a pair of normal ones, which torch keeps for the next draw, or None."""
    _, number, _, valid, *_ = TORCH.unpack(state)[4 + WORDS :]
    return number if valid else None


def _within(source, begin, target, end, kept, cached, normals):
    """What a Mersenne twister keeps for its next normal number, where drawing leads from here to there.

    Args:
        source, begin: 624 words, and how many of them have been drawn.
        target, end: where drawing is said to have led.
        kept: the number that was kept before, or None.
        cached: the one that is said to be kept now, or None.
        normals: function from all numbers that were drawn to those that may have been kept.

    Returns: float or None; _NOWHERE where drawing does not lead there in at most TWISTS steps.
    """
    import numpy

    if not all(type(number) is int for number in (end, *target)) or type(cached) not in (float, type(None)):
        raise TypeError("not made of numbers")
    if not 0 <= end <= WORDS or len(target) != WORDS:
        return _NOWHERE
    words, target = numpy.array(source, numpy.uint64), numpy.array(target, numpy.uint64)
    drawn = [words[begin:].copy()]
    while not numpy.array_equal(words, target):
        if len(drawn) > TWISTS:
            return _NOWHERE
        _twist(words)
        drawn.append(words.copy())
    if len(drawn) == 1 and end < begin:
        return _NOWHERE
    if cached is None or cached == kept:
        return cached
    drawn[-1] = drawn[-1][: end if len(drawn) > 1 else end - begin]
    numbers = normals(_tempered(numpy.concatenate(drawn)))
    # a hair of difference: other libraries' logarithms
    return cached if (abs(numbers - cached) <= 1e-12 * abs(numbers)).any() else None


def _tempered(words):
    """The numbers that words of the state are drawn as. Source: Matsumoto and Nishimura (1998)."""
    words = words ^ (words >> 11)
    words = words ^ ((words << 7) & 0x9D2C5680)
    words = words ^ ((words << 15) & 0xEFC60000)
    return words ^ (words >> 18)


def _of_torch(drawn):
    """Of each four numbers in turn, torch's second normal number (ATen/core/DistributionsHelper.h)."""
    import numpy

    first, second = _four(drawn, lambda a, b: ((a << 32 | b) & (1 << 53) - 1) * 2.0**-53)
    return numpy.sqrt(-2 * numpy.log1p(-second)) * numpy.sin(2 * numpy.pi * first)


def _of_python(drawn):
    """The second number of `random.gauss`."""
    import numpy

    first, second = _four(drawn, _uniform)
    return numpy.sin(2 * numpy.pi * first) * numpy.sqrt(-2 * numpy.log(1 - second))


def _of_numpy(drawn):
    """The second number of `numpy.random.randn` (legacy_gauss in legacy-distributions.c)."""
    import numpy

    first, second = (2 * number - 1 for number in _four(drawn, _uniform))
    square = first * first + second * second
    first, square = (number[(square > 0) & (square < 1)] for number in (first, square))
    return numpy.sqrt(-2 * numpy.log(square) / square) * first


def _uniform(a, b):
    return ((a >> 5) * 67108864.0 + (b >> 6)) / (1 << 53)


def _four(drawn, uniform):
    """Of each four numbers in turn, the two uniform ones that they make."""
    a, b, c, d = (drawn[place : max(0, len(drawn) - 3) + place] for place in range(4))
    return uniform(a, b), uniform(c, d)


def _twist(words):
    """The next state of MT19937, in place: 624 more numbers. Source: Matsumoto and Nishimura (1998)."""
    for first, last, other in ((0, 227, 397), (227, 454, -227), (454, 623, -227)):
        mixed = (words[first:last] & UPPER) | (words[first + 1 : last + 1] & LOWER)
        words[first:last] = words[first + other : last + other] ^ (mixed >> 1) ^ ((mixed & 1) * MATRIX)
    mixed = (int(words[623]) & UPPER) | (int(words[0]) & LOWER)
    words[623] = int(words[396]) ^ (mixed >> 1) ^ ((mixed & 1) * MATRIX)
