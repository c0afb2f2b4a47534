"""A checker (`checker`), as the grading process sees it."""

import json
import os
import socket
import sys

from autograder.engine import protocol
from autograder.engine.failures import EngineFailure
from autograder.sandbox.forkserver import fork_server


def new_checker(modules):
    """A new checker, forked from a process that has these modules.

    Args:
        modules: names of what checkers have at once.

    Returns: CheckerProcess. Raises: EngineFailure where it does not start.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("NBGRADER_")}
    environment = own | {  # without what nbgrader sets for a while: one process serves a whole run
        "NBGRADER_EXECUTION": "autograde",
        "PYTHONPATH": python_path(),
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            server = fork_server(["-P", "-m", "autograder.engine.checker"], modules, environment)
            server.send(b"1", [theirs.fileno()])
    except OSError as error:
        raise EngineFailure(f"the process of the checks: {error}") from error
    return CheckerProcess(ours)


class CheckerProcess:
    """One checker, which takes orders (see `checker.Checker`)."""

    def __init__(self, connection):
        self.connection = connection

    def ask(self, order, *arguments, seconds=60.0):
        """The answer to an order. Raises: EngineFailure."""
        try:
            protocol.send(self.connection, [json.dumps([order, *arguments]).encode()])
            (text,) = protocol.receive(self.connection, seconds)
        except (protocol.Lost, TimeoutError, ValueError) as error:
            raise EngineFailure(f"the process of the checks failed at {order!r}: {error}") from error
        return json.loads(text)

    def close(self):
        self.connection.close()


def python_path():
    """The folders from which this process imports, for another one's environment."""
    return os.pathsep.join(path for path in sys.path if path and os.path.isdir(path))
