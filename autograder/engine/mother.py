"""The mother process of the checkers (`checker`), as the grading process sees it."""

import atexit
import json
import os
import socket
import subprocess
import sys

from autograder.engine import frames

_mothers = {}


class EngineFailure(Exception):
    """The engine itself failed: nobody's points depend on it, and nothing is graded."""


class Mother:
    """A process from which checkers are forked; lives as long as this process.

    Args:
        preload: names of modules that it imports, so that checkers have them at once.

    Raises: EngineFailure where it does not start.
    """

    def __init__(self, preload):
        ours, theirs = socket.socketpair()
        environment = os.environ | {
            "PYTHONPATH": python_path(),
            "MPLBACKEND": "agg",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        command = [sys.executable, "-P", "-m", "autograder.engine.checker", str(theirs.fileno()), *preload]
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL, cwd="/"
        )
        theirs.close()
        self.control = ours
        ours.settimeout(180)
        try:
            ready = ours.recv(1)
        except OSError as error:
            raise EngineFailure(f"the process of the checks does not answer: {error}") from error
        if not ready:
            raise EngineFailure(f"the process of the checks ended with status {self.process.wait()}")
        atexit.register(self.close)

    def checker(self):
        """A new checker. Raises: EngineFailure."""
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.control, [b"1"], [theirs.fileno()])
        except OSError as error:
            raise EngineFailure(f"the process of the checks is gone: {error}") from error
        theirs.close()
        return CheckerProcess(ours)

    def close(self):
        self.control.close()
        self.process.wait()


class CheckerProcess:
    """One checker, which takes orders (see `checker.Checker`)."""

    def __init__(self, connection):
        self.connection = connection

    def ask(self, order, *arguments, seconds=60.0):
        """The answer to an order. Raises: EngineFailure."""
        try:
            frames.send(self.connection, [json.dumps([order, *arguments]).encode()])
            (text,) = frames.receive(self.connection, seconds)
        except (frames.Lost, TimeoutError, ValueError) as error:
            raise EngineFailure(f"the process of the checks failed at {order!r}: {error}") from error
        return json.loads(text)

    def close(self):
        self.connection.close()


def mother(preload):
    """The mother process with these modules, started when it is first needed."""
    found = _mothers.get(preload)
    if found is None or found.process.poll() is not None:
        found = _mothers[preload] = Mother(preload)
    return found


def python_path():
    """The folders from which this process imports, for another one's environment."""
    return os.pathsep.join(path for path in sys.path if path and os.path.isdir(path))
