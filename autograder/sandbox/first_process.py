"""The first process of a sandbox: says that the sandbox stands, and clears away processes that have ended.

`python -I -S first_process.py <fd> <fd>`: the first says so, the end of the second, which the supervisor
holds, is the end of the sandbox. Signals from within do not reach the first process of a sandbox.
"""

import contextlib
import os
import signal
import sys


def clear_away(*_):
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


stands, supervisor = map(int, sys.argv[1:])
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, clear_away)
os.write(stands, b"1")
for fd in map(int, os.listdir("/proc/self/fd")):  # what bubblewrap's caller left open
    if fd not in (0, 1, 2, supervisor):
        with contextlib.suppress(OSError):  # the one that listed the folder
            os.close(fd)
os.read(supervisor, 1)
