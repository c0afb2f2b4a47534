"""Whose fault it is that nothing could be graded."""


class Unreadable(ValueError):
    """A submission's: what was handed in cannot be graded; the message says why."""


class EngineFailure(Exception):
    """The engine's own, or this machine's: nobody's points depend on it, and nothing is graded."""


def causes(error):
    """An exception, and what led to it, one after the other."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
