"""Commands that are forked from a process that has imported them."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from commands import NBGRADER, run


def test_each_thread_gets_the_end_and_the_text_of_its_own_commands(tmp_path):
    """Some fail at once, some take a while: whoever reads another's answer would see it."""
    wrong = [sys.executable, "-m", "autograder", "no-such-command"]

    def ends(place):
        right = place % 2 == 0
        done = run([NBGRADER, "--version"] if right else wrong, tmp_path, dict(os.environ))
        return done.returncode == 0 if right else done.returncode == 2 and "no-such-command" in done.stderr

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ends, range(24)))
