"""Processes that have imported what others need, and fork them on request: one set for a run of grading.

Each has hundreds of megabytes, and a process that grades may live for long (a server whose button grades): so
who ends a run calls `close_all`. They end as well with the process that has started them, however it ends.
"""

import atexit
import fcntl
import os
import socket
import subprocess
import sys

STARTING = 180  # seconds that the imports may take
ENDING = 1  # second after which a server that does not end is killed

_servers = {}


class ForkServer:
    """One such process; it ends with this one. It is being made ready while others go on.

    Args:
        program: arguments of Python. The file descriptor of a socket follows, on which it says "1" when it is
            ready, or why it is not, and takes messages with file descriptors; then `modules`. While it
            imports, and hears nothing, the end of that socket kills it: it calls `fcntl(…, F_SETFL, 0)` then.
        modules: names of what it imports.
        environment: all of its variables.
    """

    def __init__(self, program, modules, environment):
        ours, theirs = socket.socketpair()
        with theirs:
            # Its end raises SIGIO in its owner, which nobody handles. First: a server may be ready at once.
            fcntl.fcntl(theirs, fcntl.F_SETFL, os.O_ASYNC)
            self.process = subprocess.Popen(
                [sys.executable, *program, str(theirs.fileno()), *modules],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                cwd="/",
            )
            fcntl.fcntl(theirs, fcntl.F_SETOWN, self.process.pid)
        self.control, self.ready = ours, False
        ours.settimeout(STARTING)
        atexit.register(self.close)

    def send(self, message, descriptors):
        """Ask for a process.

        Args: message, bytes; descriptors, of files for it.
        Raises: OSError where the server did not start, or is gone.
        """
        if not self.ready and (said := self.control.recv(1000)) != b"1":
            raise OSError(said.decode() or f"it ended with status {self.process.wait()}")
        self.ready = True
        socket.send_fds(self.control, [message], descriptors)

    def close(self):
        atexit.unregister(self.close)
        self.control.close()
        try:
            self.process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def fork_server(program, modules, environment):
    """The server with these arguments, see `ForkServer`; started where this process has none."""
    key = os.getpid(), tuple(program), tuple(modules), tuple(sorted(environment.items()))
    found = _servers.get(key)
    if found is None or found.process.poll() is not None:
        found = _servers[key] = ForkServer(program, modules, environment)
    return found


def close_all():
    """End the servers that this process has started. What they have forked goes on, but for checkers."""
    for key in [key for key in _servers if key[0] == os.getpid()]:
        _servers.pop(key).close()
