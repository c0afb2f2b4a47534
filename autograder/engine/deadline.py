"""The one deadline of a notebook, for whatever is waited for."""

import time

WALL = 2.0  # seconds on the clock for each of processor time: on a busy machine a process gets half of one


class Deadline:
    """What is left of the time for a notebook.

    Args:
        seconds: of processor time for all of the student's processes, one kernel after the other; and WALL
            times as many on the clock, for all that is done and waited for.
    """

    def __init__(self, seconds):
        self.seconds = self.processor = float(seconds)
        self.begin()

    def begin(self):
        """Let the time on the clock begin now."""
        self.end = time.monotonic() + WALL * self.seconds

    def left(self):
        """Seconds on the clock that are left; 0 where the processor time is used up."""
        return max(0.0, self.end - time.monotonic()) if self.processor > 0 else 0.0

    def at_most(self, seconds):
        """So many seconds, or what is left of the notebook's."""
        return min(seconds, self.left())

    def spend(self, seconds):
        """Count processor time."""
        self.processor -= seconds
