"""Which case a cell of checks is at, in its author's words: the message of a failure then names it.

    for name, model in cases({"a model without parameters": nn.ReLU(), "a frozen model": frozen}):
        assert generate(model, 3).shape == (3, 2), "a shape"

A case's name tells a student enough to write it down, and nothing about a student's values.
"""

import contextlib

_present = []


def cases(labelled):
    """Go through cases one after the other, each under its name.

    Args:
        labelled: dict from name to case, or an iterable of such pairs.

    Yields: pairs (name, case).
    """
    depth = len(_present)
    for name, one in labelled.items() if hasattr(labelled, "items") else labelled:
        _present[depth:] = [str(name)]
        yield name, one
    del _present[depth:]


@contextlib.contextmanager
def case(name):
    """The same for the lines of a block; blocks and loops nest."""
    depth = len(_present)
    _present[depth:] = [str(name)]
    yield  # what leaves by an exception stays the present case, for the message
    del _present[depth:]


def present():
    """Names of the cases that the checks are at, the outermost first; "" outside of all."""
    return ", ".join(_present)


def forget():
    """Begin a cell: no case is present."""
    _present.clear()
