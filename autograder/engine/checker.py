"""The process that runs the cells of checks. Nothing of a student's is ever executed here.

`main` runs in a process that is started once: it imports what checks need, and forks a checker for every
submission, so that each begins with the same fresh state. It takes orders from `execute` (see `Checker`).
"""

import contextlib
import ctypes
import fcntl
import importlib
import io
import json
import os
import random
import resource
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell

from autograder import cases, notes, probe
from autograder.engine import protocol
from autograder.engine.cell_names import imports, names_defined, names_needed
from autograder.engine.messages import NO_SNAPSHOT, SAID, error_output, failure_output
from autograder.engine.proxies import Link

MEMORY = 2 << 30  # bytes that the checks of one submission may need beside what was imported
PR_SET_PDEATHSIG = 1
PRINTED = 20_000  # characters of what a cell prints
STARTING = 30.0  # seconds that a snapshot may take to answer
HELLO = 5.0  # and who connects, to say who it is
NO_HELLO = protocol.Lost, protocol.Malformed, TimeoutError, IndexError, KeyError, TypeError, ValueError
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
    fcntl.fcntl(control, fcntl.F_SETFL, 0)  # see `forkserver.py`
    control.sendall(b"1")
    parent, poll = os.getpid(), select.poll()
    grader = os.pidfd_open(os.getppid())  # its children may hold the other end of the socket longer than it
    for one in (descriptor, grader):
        poll.register(one, select.POLLIN)
    while grader not in {ready for ready, _ in poll.poll()}:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if not os.fork():
            end_with(parent)
            control.close()
            os.close(grader)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            limit_memory(MEMORY)
            Checker(socket.socket(fileno=descriptors[0]), shell).serve()
        os.close(descriptors[0])


def end_with(parent):
    """Let the system kill this process when its parent ends, whatever it is doing then."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended already
        os._exit(0)


class Unprepared(Exception):
    """A cell of checks cannot judge, because an earlier one that it builds on failed."""

    def __init__(self, name, cell):
        self.shown = f"the checks {cell!r}, which prepare these, did not succeed with your code"
        super().__init__(f"{self.shown}: {name} is missing")


@dataclass(frozen=True)
class Known:
    """What is known of a cell of the assignment before it runs: see `Checker.do_know`."""

    defined: set
    locked: bool
    prepares: bool


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
        self.cells, self.ended, self.bound = {}, {}, {}
        self.end, self.last, self.call_seconds = 0.0, 0.0, 20.0
        self.snapshot = self.current = None
        probe.run = self.probe
        random.seed()

    def serve(self):
        try:
            while True:
                (text,) = protocol.receive(self.orders)
                name, *arguments = json.loads(text)
                answer = getattr(self, f"do_{name}")(*arguments)
                protocol.send(self.orders, [json.dumps(answer).encode()])
                self.shell.last_execution_result = None  # with all that the cell held when it failed
        except protocol.Lost:
            pass
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def do_know(self, cells):
        """Take note of what the assignment's cells define, before the first of them runs.

        Args:
            cells: of each code cell, in the assignment's order, its name, its source, whether it is locked,
                and whether it prepares others (it is locked, and there are no points for it).
        """
        for name, source, locked, prepares in cells:
            self.cells[name] = Known(names_defined(source, self.shell), locked, prepares)

    def do_listen(self, path, token, folder, call_seconds, student, classmates):
        """Forget all snapshots and wait for those of a new kernel. The checks know the ids of the student and
        of the others."""
        self.shell.user_ns |= {"STUDENT": student, "CLASSMATES": frozenset(classmates)}
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

    def do_gather(self, expected, seconds):
        """Wait for the snapshots that the kernel says it has left, for all of them together. Returns: the
        numbers of those that came."""
        missing, end = set(expected), time.monotonic() + min(seconds, STARTING)
        while missing and (holder := self._accept("holder", end)) is not None:
            number, connection = holder
            if number in missing:
                self.holders[number] = connection
                missing.discard(number)
            else:  # any process of the student's may say that it is one
                connection.close()
        return sorted(self.holders)

    def do_notes(self):
        """What the cells of checks have noted since the last time: lines."""
        return notes.said()

    def do_support(self, name, source):
        """Run a cell without points, if it stands without the student. Returns: whether it ran without
        error; in any case what it defines is never taken from the student."""
        if names_needed(source, self.shell) - self._own_names():
            self._run(imports(source, self.shell))  # these stand alone: later cells need them
            self.ended[name] = None
            return False
        self.ended[name] = self._run(source)[1] is None
        return self.ended[name]

    def do_test(self, name, source, snapshot, seconds, left):
        """Run a cell of checks.

        Args:
            name, source: of the cell.
            snapshot: number of the snapshot that it judges.
            seconds: for the cell.
            left: seconds for the notebook; nothing here waits longer.

        Returns: its outputs, and why the student's process ended in it or None, and whether all of its kernel
            is gone; or, as a string, why the cell cannot judge anybody.
        """
        if snapshot != self.snapshot and (torch := sys.modules.get("torch")):
            torch.set_grad_enabled(True)  # an earlier task's code may have left it off
        now = time.monotonic()
        self.end, self.last, self.snapshot = now + min(seconds, left), now + left, snapshot
        inherited = self.links.get(snapshot)
        outputs, failure = self._attempt(name, source)
        if self.current is not None and self.current.dead and self.current is inherited:
            # What earlier checks have called may have ended the process, a moment later: these get their own.
            outputs, failure = self._attempt(name, source)
        link = self.current
        if link is not None and link.broken:
            return link.broken
        if self.asked and (link is None or link.dead):
            reason, gone = self._death(snapshot, link)
            if link is None and gone:  # it ended before this cell: nothing is said of this cell yet
                reason = None
            return (
                [*_without_error(outputs), error_output("Died", reason or "the kernel ended")],
                reason,
                gone,
            )
        if failure is not None:
            outputs = [*outputs, failure_output(failure, source, link)]
        return outputs, None, False

    def _attempt(self, name, source):
        """Run a cell of checks once. Returns: its outputs, and the exception or None."""
        self.current, self.asked, self.ended[name] = None, False, False
        cases.forget()
        try:
            with _alarm(self.end - time.monotonic()):
                self._refuse_unprepared(name, source)
                self._bind(name, source)
                outputs, failure = self._run(source)
        except Exception as error:  # an answer of any kind must not be the end of this process
            return [], error
        if failure is None:
            self.ended[name] = True
            for one in names_defined(source, self.shell):  # what the cell keeps of the student's is its own
                self.bound.pop(one, None)
        return outputs, failure

    def probe(self, function, args, kwargs):
        """Run a probe in the student's process (see `autograder.probe`)."""
        if self.snapshot is None:
            raise RuntimeError("probes run in cells of checks")
        return self._link().call(function, args, kwargs)

    def _remaining(self):
        left = max(0.1, self.end - time.monotonic())
        return min(self.call_seconds, left), min(PATIENCE * self.call_seconds, left)

    def _link(self):
        """The link to the worker of the present snapshot, a new one if the last has died.

        Made when a cell asks for it: a student's side cannot fail what needs nothing of it.
        """
        self.asked = True
        if self.current is not None:  # one cell, one worker: it is not the same any more if that one ended
            return self.current
        link = self.links.get(self.snapshot)
        if link is None or link.dead:
            holder = self.holders.get(self.snapshot)
            if holder is None:
                raise protocol.Lost("no snapshot")
            end = min(self.end, time.monotonic() + STARTING)
            protocol.send(holder, [protocol.dumps("fork")], max(0.1, end - time.monotonic()))
            worker = self._accept("worker", end)
            if worker is None or worker[0] != self.snapshot:
                raise protocol.Lost("no answer from the snapshot")
            link = self.links[self.snapshot] = Link(worker[1], self._remaining, self._deleted)
        self.current, link.last = link, None
        return link

    def _accept(self, role, end):
        """The next connection in a role: the number of its snapshot and the socket; None where none comes
        until `end`, on the clock of `time.monotonic`."""
        while (left := end - time.monotonic()) > 0:
            self.waiting.settimeout(left)
            try:
                connection, _ = self.waiting.accept()
            except OSError:  # too late; or more of them at once than this process may have open
                break
            try:
                left = min(HELLO, max(0.1, end - time.monotonic()))
                hello = dict(protocol.loads(protocol.receive(connection, left, 1000)[0]))
                if hello["token"] == self.token and hello["role"] == role and type(hello["snapshot"]) is int:
                    return hello["snapshot"], connection
            except NO_HELLO:
                pass
            connection.close()
        return None

    def _refuse_unprepared(self, name, source):
        """See that what a cell takes from earlier cells of the checks is there.

        A student's side can fail a cell that prepares others, at no cost: then these cannot judge, and what
        the cell had defined before it failed is as little worth as what it had not.

        Raises: Unprepared.
        """
        own = self._own_names()
        for one in names_needed(source, self.shell) - names_defined(source, self.shell):
            before = [other for other in self._before(name) if one in self.cells[other].defined]
            if before and self.cells[before[-1]].locked and not self.ended.get(before[-1]):
                failed = self.ended.get(before[-1], False) is False  # not: it was not to run
                if one not in own or (failed and self.cells[before[-1]].prepares):
                    raise Unprepared(one, before[-1])

    def _before(self, name):
        """Names of the assignment's cells before one, in their order."""
        names = list(self.cells)
        return names[: names.index(name)] if name in self.cells else names

    def _reserved(self, name):
        """Names that a cell never takes from the student, because a locked cell defines them.

        Whether that cell ran does not matter. Where other cells of the assignment define the same name, the
        last one before decides, as it does in the notebook: what the assignment asks for is the student's.
        """
        before, locked = self._before(name), {}
        for other in [other for other in self.cells if other not in before]:
            for one in self.cells[other].defined:
                locked[one] = locked.get(one, True) and self.cells[other].locked
        for other in before:
            locked |= dict.fromkeys(self.cells[other].defined, self.cells[other].locked)
        return {one for one, by_locked in locked.items() if by_locked}

    def _bind(self, name, source):
        """Let the names that a cell needs from the student be values and proxies of the student's."""
        names, own = self.shell.user_ns, self._own_names()
        for one in [one for one in self.bound if one not in own]:
            names.pop(one, None)
        wanted = (names_needed(source, self.shell) | set(self.bound)) - own - self._reserved(name)
        self.bound = self._link().lookup(sorted(wanted)) if wanted else {}
        names.update(self.bound)

    def _own_names(self):
        """Names that the checks have themselves: a student's cannot come in their place."""
        names = self.shell.user_ns
        return {name for name in names if name not in self.bound or names[name] is not self.bound[name]}

    def _deleted(self):
        """The student's names that the present cell has deleted: ``del squares``, to see who relies on it."""
        return sorted(name for name in self.bound if name not in self.shell.user_ns)

    def _death(self, snapshot, link):
        """Why a worker is no more, and whether its whole kernel is."""
        holder = self.holders.get(snapshot)
        if holder is None:
            return NO_SNAPSHOT, False
        try:
            for order in ("kill", "status"):
                protocol.send(holder, [protocol.dumps(order)], self._moment(5.0))
            status = protocol.loads(protocol.receive(holder, self._moment(10.0), 1000)[0])
        except (protocol.Lost, TimeoutError, protocol.Malformed, IndexError):
            return (link.dead if link else None) or "your notebook's kernel died", True
        reason = (link.dead if link else None) or "your code did not answer"
        if type(status) is int and -64 <= status < 256 and status and "ended its process" in reason:
            reason += f" ({f'signal {-status}' if status < 0 else f'exit status {status}'})"
        return reason, False

    def _moment(self, seconds):
        """So many seconds, or what is left of the notebook's."""
        return max(0.1, min(seconds, self.last - time.monotonic()))

    def _run(self, source):
        """Run a cell here. Returns: outputs without errors, and the exception or None."""
        printed = io.StringIO()
        # stderr is dropped: warnings quote the lines that they come from
        with redirect_stdout(printed), redirect_stderr(io.StringIO()):
            result = self.shell.run_cell(source, store_history=False)
        outputs = []
        if text := printed.getvalue():
            outputs.append({"output_type": "stream", "name": "stdout", "text": protocol.utf8(text[:PRINTED])})
        failure = result.error_before_exec or result.error_in_exec
        if failure is None and result.result is not None:
            data = {"text/plain": protocol.utf8(repr(result.result)[:SAID])}
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


@contextlib.contextmanager
def _alarm(seconds):
    """End what runs here after so many seconds."""

    def too_long(*_):
        raise TimeoutError("the checks of this cell took too long")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, max(0.1, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _without_error(outputs):
    return [output for output in outputs if output["output_type"] == "stream"]


if __name__ == "__main__":
    # Under its own name: the notebooks' names are to be those of __main__.
    importlib.import_module("autograder.engine.checker").main(int(sys.argv[1]), sys.argv[2:])
    os._exit(0)  # at once: what was imported would take seconds to be put away
