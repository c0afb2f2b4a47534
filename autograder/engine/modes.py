"""The global states that a call may use and change: random numbers, and whether gradients are recorded."""

import random
import sys

from autograder.engine.wire import Malformed

WORDS = 624  # of a Mersenne twister


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
