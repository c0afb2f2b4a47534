"""The process that runs the cells of checks. Nothing of a student's is ever executed here.

`main` is a mother process, started once: it imports what checks need and forks a child for every submission,
so that each begins with the same fresh state. The child takes orders from `execute` (see `Checker`).
"""

import builtins
import importlib
import io
import json
import os
import random
import resource
import signal
import socket
import symtable
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell

from autograder import probe
from autograder.engine import frames, wire
from autograder.engine.proxies import Link

MEMORY = 2 << 30  # bytes that the checks of one submission may need beside what was imported
PRINTED, SAID = 20_000, 2000  # characters of what a cell prints, and of an error's message
STARTING = 30.0  # seconds that a snapshot may take to answer
PATIENCE = 4.0  # a call computes for so many seconds; on a busy machine they may take so many times as long


def main(descriptor, preload):
    """Wait for submissions: each comes as a socket, on which its child takes orders.

    Args:
        descriptor: of the unix socket that the sockets come through; its end ends this process.
        preload: names of modules to import now.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked for the checks decides when they end
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for name in preload:
        importlib.import_module(name)
    if "torch" in sys.modules:
        importlib.import_module("autograder.engine.tensors")
    shell = Shell.instance()
    control = socket.socket(fileno=descriptor)
    control.sendall(b"1")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if not os.fork():
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            limit_memory(MEMORY)
            Checker(socket.socket(fileno=descriptors[0]), shell).serve()
        os.close(descriptors[0])


def limit_memory(size):
    """Let this process have so many bytes more: what asks for them then gets a MemoryError.

    An answer of a few bytes can make a check build what is a billion times as large.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    most = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


class Checker:
    """Runs the cells of checks of one submission, as it is told to.

    Args:
        orders: socket to `execute`; a message is a JSON list of a method's name and its arguments.
        shell: Shell.
    """

    def __init__(self, orders, shell):
        self.orders, self.shell = orders, shell
        self.waiting, self.token, self.holders, self.links = None, None, {}, {}
        self.bound, self.reserved, self.end, self.call_seconds = {}, set(), 0.0, 20.0
        probe.run = self.probe
        random.seed()

    def serve(self):
        try:
            while True:
                (text,) = frames.receive(self.orders)
                name, *arguments = json.loads(text)
                answer = getattr(self, f"do_{name}")(*arguments)
                frames.send(self.orders, [json.dumps(answer).encode()])
                self.shell.last_execution_result = None  # with all that the cell held when it failed
        except frames.Lost:
            pass
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def do_listen(self, path, token, folder, call_seconds, student):
        """Forget all snapshots and wait for those of a new kernel. The checks know the student's id."""
        self.shell.user_ns["STUDENT"] = student
        for connection in [*self.holders.values(), *(link.connection for link in self.links.values())]:
            connection.close()
        if self.waiting is not None:
            self.waiting.close()
        self.holders, self.links, self.token, self.call_seconds = {}, {}, token, call_seconds
        os.chdir(folder)
        self.waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.waiting.bind(path)
        os.chmod(path, 0o666)  # the kernel's user is another one; it must know the token
        self.waiting.listen(256)

    def do_gather(self, expected):
        """Wait for the snapshots that the kernel says it has left. Returns: the numbers of those that
        came."""
        missing, end = set(expected), time.monotonic() + STARTING
        while missing and (holder := self._accept("holder", end - time.monotonic())) is not None:
            number, connection = holder
            if number in missing:
                self.holders[number] = connection
                missing, end = missing - {number}, time.monotonic() + STARTING
            else:  # any process of the student's may say that it is one
                connection.close()
        return sorted(self.holders)

    def do_support(self, source):
        """Run a cell without points, if it stands without the student. Returns: whether it ran without
        error; in any case what it defines is never taken from the student."""
        self.reserved |= names_defined(source, self.shell)
        wanted = names_needed(source, self.shell) - self._own_names()
        return not wanted and self._run(source)[1] is None

    def do_test(self, source, snapshot, seconds):
        """Run a cell of checks.

        Returns: its outputs, and why the student's process ended in it or None, and whether all of its kernel
            is gone; or, as a string, why the cell cannot judge anybody.
        """
        self.end = time.monotonic() + seconds
        link = failure = None
        try:
            link = self._link(snapshot)
            self._bind(source, link)
            outputs, failure = self._run(source, seconds)
        except Exception as error:  # an answer of any kind must not be the end of this process
            outputs, failure = [], error
        if link is not None and link.broken:
            return link.broken
        if link is None or link.dead:
            reason, gone = self._death(snapshot, link)
            if link is None and gone:  # it ended before this cell: nothing is said of this cell yet
                reason = None
            return (
                [*_without_error(outputs), _error_output("Died", reason or "the kernel ended")],
                reason,
                gone,
            )
        if failure is not None:
            outputs = [*outputs, _failure_output(failure)]
        return outputs, None, False

    def probe(self, function, args, kwargs):
        """Run a probe in the student's process (see `autograder.probe`)."""
        link = self.current
        if link is None:
            raise RuntimeError("probes run in cells of checks")
        return link.call(function, args, kwargs)

    current = None

    def _remaining(self):
        left = max(0.1, self.end - time.monotonic())
        return min(self.call_seconds, left), min(PATIENCE * self.call_seconds, left)

    def _link(self, snapshot):
        """The link to a snapshot's worker, a new one if the last has died."""
        link = self.links.get(snapshot)
        if link is None or link.dead:
            holder = self.holders.get(snapshot)
            if holder is None:
                raise frames.Lost("no snapshot")
            frames.send(holder, [wire.dumps("fork")], STARTING)
            worker = self._accept("worker", STARTING)
            if worker is None or worker[0] != snapshot:
                raise frames.Lost("no answer from the snapshot")
            link = self.links[snapshot] = Link(worker[1], self._remaining)
        self.current = link
        return link

    def _accept(self, role, seconds):
        """The next connection in a role: the number of its snapshot and the socket; None where none comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.waiting.settimeout(left)
            try:
                connection, _ = self.waiting.accept()
            except TimeoutError:
                break
            try:
                left = min(5.0, max(0.1, end - time.monotonic()))
                hello = dict(wire.loads(frames.receive(connection, left, 1000)[0]))
                if hello["token"] == self.token and hello["role"] == role and type(hello["snapshot"]) is int:
                    return hello["snapshot"], connection
            except (frames.Lost, TimeoutError, wire.Malformed, IndexError, KeyError, TypeError, ValueError):
                pass
            connection.close()
        return None

    def _bind(self, source, link):
        """Let the names that a cell needs from the student be values and proxies of the student's."""
        names, own = self.shell.user_ns, self._own_names()
        for name in [name for name in self.bound if name not in own]:
            names.pop(name, None)
        wanted = (names_needed(source, self.shell) | set(self.bound)) - own - self.reserved
        self.bound = link.lookup(sorted(wanted)) if wanted else {}
        names.update(self.bound)

    def _own_names(self):
        """Names that the checks have themselves: a student's cannot come in their place."""
        names = self.shell.user_ns
        return {name for name in names if name not in self.bound or names[name] is not self.bound[name]}

    def _death(self, snapshot, link):
        """Why a worker is no more, and whether its whole kernel is."""
        holder = self.holders.get(snapshot)
        if holder is None:
            return "no snapshot of your notebook was made before this cell", False
        try:
            frames.send(holder, [wire.dumps("kill")], 5.0)
            frames.send(holder, [wire.dumps("status")], 5.0)
            status = wire.loads(frames.receive(holder, 10.0, 1000)[0])
        except (frames.Lost, TimeoutError, wire.Malformed, IndexError):
            return (link.dead if link else None) or "your notebook's kernel died", True
        reason = (link.dead if link else None) or "your code did not answer"
        if type(status) is int and -64 <= status < 256 and status and "ended its process" in reason:
            reason += f" ({f'signal {-status}' if status < 0 else f'exit status {status}'})"
        return reason, False

    def _run(self, source, seconds=None):
        """Run a cell here. Returns: outputs without errors, and the exception or None."""
        printed = io.StringIO()
        if seconds is not None:
            signal.signal(signal.SIGALRM, _too_long)
            signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            # stderr is dropped: warnings quote the lines that they come from
            with redirect_stdout(printed), redirect_stderr(io.StringIO()):
                result = self.shell.run_cell(source, store_history=False)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        outputs = []
        if text := printed.getvalue():
            outputs.append({"output_type": "stream", "name": "stdout", "text": wire.utf8(text[:PRINTED])})
        failure = result.error_before_exec or result.error_in_exec
        if failure is None and result.result is not None:
            data = {"text/plain": wire.utf8(repr(result.result)[:SAID])}
            result = {"output_type": "execute_result", "execution_count": None, "data": data, "metadata": {}}
            outputs.append(result)
        return outputs, failure


class Hook(DisplayHook):
    """Keeps the value of a cell's last expression, and prints nothing."""

    def __call__(self, result=None):
        if result is not None and not self.quiet():
            self.fill_exec_result(result)


class Shell(InteractiveShell):
    """IPython without a terminal: errors are returned, not shown."""

    displayhook_class = Hook

    def init_history(self):
        self.config.HistoryManager.enabled = False
        super().init_history()

    def showtraceback(self, *args, **kwargs):
        pass

    showsyntaxerror = showindentationerror = showtraceback


def names_needed(source, shell):
    """Names that the code of a cell takes from outside of it: globals that are no built-ins.

    Returns: set of str, empty where the code does not compile (running it says why).
    """
    if (cell := _scope(source, shell)) is None:
        return set()
    own = {symbol.get_name() for symbol in cell.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    tables, needed = [cell], set()
    while tables:
        table = tables.pop()
        for symbol in table.get_symbols():
            outer = table is cell or (symbol.is_global() and symbol.get_name() not in own)
            if outer and symbol.is_referenced() and not symbol.is_imported():
                needed.add(symbol.get_name())
        tables += table.get_children()
    return {name for name in needed if not hasattr(builtins, name)} - {"get_ipython", "__name__"}


def names_defined(source, shell):
    """Names that the code of a cell gives to what it makes itself, not those of what it imports."""
    symbols = cell.get_symbols() if (cell := _scope(source, shell)) else []
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() and not symbol.is_imported()}


def _scope(source, shell):
    """The names of a cell's code, or None where it does not compile."""
    try:
        return symtable.symtable(shell.transform_cell(source), "cell", "exec")
    except (SyntaxError, ValueError):
        return None


def _too_long(*_):
    raise TimeoutError("the checks of this cell took too long")


def _failure_output(error):
    """An error as an output: for students its message, for instructors the lines of the cell that led to it.

    What a student's code has put into words could quote what it has seen of the checks: for instructors only.
    """
    try:
        message = str(error)
    except Exception:
        message = ""
    if isinstance(error, SyntaxError):
        message = f"{error.msg} (line {error.lineno})"
    lines = [
        f"line {frame.lineno}, in {frame.name}: {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "ipython-input" in frame.filename or "ipykernel" in frame.filename
    ]
    shown = getattr(error, "shown", message.partition(": ")[0] if isinstance(error, wire.Malformed) else None)
    return _error_output(type(error).__name__, message, lines, shown)


def _error_output(name, message, lines=(), shown=None):
    message = wire.utf8(message[:SAID])
    return {
        "output_type": "error",
        "ename": name,
        "evalue": message if shown is None else shown,
        "traceback": [*lines, f"{name}: {message}"],
    }


def _without_error(outputs):
    return [output for output in outputs if output["output_type"] == "stream"]


if __name__ == "__main__":
    # Under its own name: the notebooks' names are to be those of __main__.
    importlib.import_module("autograder.engine.checker").main(int(sys.argv[1]), sys.argv[2:])
