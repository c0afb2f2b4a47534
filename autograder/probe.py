"""Measurements that must be made beside the code they measure.

    @probe
    def seen(f):
        x = torch.zeros(3)
        f(x)
        return x.data_ptr(), x

In a notebook, in *Validate* and in formgrader a probe is the function itself. When submissions are graded,
the student's functions are in another process than the checks: then the probe's code is sent there, runs
there, and what it returns comes back as data. So a probe returns raw measurements, compares nothing, and
names nothing that a student must not see.
"""

import functools


def run(function, args, kwargs):
    """Calls a probe. The engine puts its own function in this one's place."""
    return function(*args, **kwargs)


class Probe:
    """A function that is called where the student's code is."""

    def __init__(self, function):
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        return run(self.function, args, kwargs)

    def __reduce__(self):
        return Probe, (self.function,)


def probe(function):
    """Make a function of the checks a probe.

    Args:
        function: takes the student's functions, data, tensors, networks ...; returns data and tensors.

    Returns: a callable with the same arguments and result.
    """
    return Probe(function)
