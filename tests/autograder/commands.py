"""Commands of nbgrader and of autograder without the seconds that each takes to import them.

A process imports once what the commands import, and forks for each: the same code, arguments, folder,
environment and streams, and its own end. Threads have such a process each. What needs a new interpreter
(another PYTHONPATH, a signal to the command while it runs) starts one.
"""

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

NBGRADER = str(Path(sys.executable).with_name("nbgrader"))
NEW = {"PYTHONPATH", "PYTHONHASHSEED", "LANG", "LC_ALL", "PYTHONUTF8"}  # read as an interpreter starts
IDLE = []  # processes that wait for a command
PACKAGES = (
    *("nbgrader.apps", "nbgrader.converters", "nbgrader.preprocessors", "nbgrader.plugins"),
    *("autograder.engine", "autograder.grade", "autograder.plugins"),
)


def run(words, cwd, variables):
    """Run `nbgrader …` or `python -m autograder …`, its path or the interpreter's first, and wait for it.

    Args:
        variables: of its environment, all of them.

    Returns: the finished process, with its outputs as text.
    """
    words = [str(word) for word in words]
    if any(variables.get(name) != os.environ.get(name) for name in NEW):
        return subprocess.run(words, cwd=cwd, env=variables, capture_output=True, text=True)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        files = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)]
        told = {"words": words, "cwd": str(cwd), "variables": dict(variables), "files": files}
        with _server() as server:
            server.stdin.write(json.dumps(told) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(words, code, *texts)


@contextlib.contextmanager
def _server():
    """One that nobody else talks to; it is put back only if it answered."""
    pipe = subprocess.PIPE
    try:
        server = IDLE.pop()
    except IndexError:
        server = subprocess.Popen([sys.executable, __file__], stdin=pipe, stdout=pipe, text=True)
    yield server
    IDLE.append(server)


def _import_all():
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            with contextlib.suppress(ImportError):  # of what this course does not use
                importlib.import_module(module.name)


def _serve():
    """Fork for each line of the standard input; what returns, with its command, is a child."""
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if not pid:
            return told
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    os._exit(0)


def _become(told):
    for number, file in enumerate(told["files"], 1):
        os.dup2(os.open(file, os.O_RDWR), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(told["variables"])
    os.chdir(told["cwd"])
    first, *rest = told["words"]
    if first == NBGRADER:
        sys.argv, sys.path[0] = told["words"], str(Path(first).parent)
        sys.exit(importlib.import_module("nbgrader.apps.nbgraderapp").main())
    sys.argv, sys.path[0] = rest[1:], told["cwd"]
    runpy.run_module(rest[1], run_name="__main__", alter_sys=True)


def _end(told):
    """As an interpreter ends, but for what it frees: in a copy of a large process that takes a second."""
    code = 0
    try:
        _become(told)
    except SystemExit as end:
        code = end.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    _import_all()
    _end(_serve())
