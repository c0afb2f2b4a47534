"""The student's side of a call: snapshots of the student's kernel, and what they answer.

`snapshot` forks the kernel. The child, a *holder*, keeps the names of the notebook as they were at that
moment and waits; for the checks it forks a *worker*, which calls what it is told to call. A worker that dies
or hangs costs nothing but itself. Nothing here is trusted by who asks: a student's code can change all of it.
"""

import contextlib
import io
import os
import pickle
import signal
import socket
import sys
import time
import traceback

from autograder.engine import protocol, random_state
from autograder.engine.call import Arrived

CALLS = 64  # whose graphs are kept for a backward pass
PIECES = 2000  # characters of a message


class TooLong(BaseException):
    """Raised in a call that has used up its time."""


def prepare():
    """Make this kernel one whose snapshots can do all that it could, before any code of the student's runs.

    Simulated tensors (`torch.compile`, `torch.export`) let torch believe that there is a GPU. It starts the
    threads for backward passes at the first of them, once and for all: with a GPU it starts some and then
    refuses every backward pass in a fork, without one it starts none. `torch.compile` compiles in processes
    that a fork has lost, so what it is given runs as it is. And ipykernel's `exit()` lets the cell go on and
    ends the kernel a moment later, in the middle of another cell: here it ends nothing, as at the end of a
    notebook.
    """
    os.environ["TORCH_COMPILE_DISABLE"] = "1"  # for who imports it later
    if dynamo := sys.modules.get("torch._dynamo"):
        dynamo.config.disable = True
    if torch := sys.modules.get("torch"):
        torch.zeros((), requires_grad=True).backward()
    sys.modules["IPython"].get_ipython().unobserve_all("exit_now")


def snapshot(path, token, number, names):
    """Leave a holder behind in this process's place; returns at once, in the parent.

    Args:
        path, token: the unix socket on which the checks wait, and what they know their snapshots by.
        number: of the snapshot.
        names: dict of the notebook's names.
    """
    if os.fork():
        return
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _hold(path, {"token": token, "snapshot": number}, names)
    finally:
        os._exit(0)


def _hold(path, hello, names):
    control = _connect(path, hello | {"role": "holder"})
    worker = None
    while True:
        (text,) = protocol.receive(control)
        order = protocol.loads(text)
        if order == "fork":
            worker = os.fork()
            if not worker:
                control.close()
                Worker(_connect(path, hello | {"role": "worker"}), names).work()
        elif order == "kill" and worker:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        elif order == "status" and worker:
            protocol.send(control, [protocol.dumps(_status(worker))])
            worker = None


def _status(worker, seconds=2.0):
    """How a process ended: its exit status, minus the signal that ended it, or None where it still runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(worker, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def _connect(path, hello):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    protocol.send(connection, [protocol.dumps([[name, value] for name, value in hello.items()])])
    return connection


class Worker:
    """Answers calls, one after the other, until the other side hangs up."""

    def __init__(self, connection, names):
        self.connection, self.names = connection, names
        self.handles, self.calls, self.hidden = [], {}, {}

    def work(self):
        try:
            sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = _Nowhere()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if "torch" in sys.modules:  # the parent's threads did not come along
                sys.modules["torch"].set_num_threads(1)
            while True:
                request = protocol.receive(self.connection)
                protocol.send(self.connection, self.answer(*request))
        finally:
            os._exit(0)

    def answer(self, text, blob=b"", program=b""):
        """The parts of the reply to a request."""
        request = protocol.loads(text)
        operation, number = request[0], request[1]
        try:
            return getattr(self, f"_{operation}")(number, *request[2:], blob, program)
        except (Exception, TooLong, KeyboardInterrupt, SystemExit) as error:
            return [protocol.dumps([number, "error", _error(error), None, None])]

    def _lookup(self, number, names, blob, program):
        """The values of names: data as it is, of the rest what it is."""
        self._give_back()
        found, table = [], _table()
        for name in names:
            if name in self.names:
                try:
                    data = protocol.encode(self.names[name], table.add, self._other(["name", name]))
                except protocol.Unsendable as error:
                    data = ["unsendable", str(error)[:PIECES]]
                found.append([name, data])
        return [protocol.dumps([number, "ok", found, table.rows, None]), table.pack()[1]]

    def _hide(self, number, names, blob, program):
        """Take these names away from the student's code: the checks have deleted them, and no others."""
        self._give_back()
        self.hidden = {name: self.names.pop(name) for name in names if name in self.names}
        return [protocol.dumps([number, "ok", None, [], None])]

    def _give_back(self):
        for name, value in self.hidden.items():
            self.names.setdefault(name, value)
        self.hidden = {}

    def _call(self, number, rows, milliseconds, blob, program):
        """Run what the program names, and report its result and what it changed."""
        received = None
        if rows:
            from autograder.engine.tensors import Received

            received = Received(rows, blob, sent=rows)
        function, args, kwargs, objects, before = _Unpickler(program, self, received).load()
        arrived = Arrived(received, objects)
        error = result = None
        random_state.put(before)
        try:
            with _within(*milliseconds):
                result = function(*args, **kwargs)
        except (Exception, TooLong, KeyboardInterrupt, SystemExit) as raised:
            error = _error(raised, self.names, function)
        after = random_state.changed(before, random_state.get())
        random_state.put({"grad": False})
        table = arrived.table() or _NoTable()
        if error is None:
            try:
                data = protocol.encode(result, table.add, self._other())
            except protocol.Unsendable as unsendable:
                error = _error(unsendable)
        state = protocol.encode([arrived.states(), after], table.add)
        self.calls[number] = table.objects, arrived.tensors
        self.calls.pop(number - CALLS, None)
        rows, blob = table.pack()
        status = ["ok", data] if error is None else ["error", error]
        return [protocol.dumps([number, *status, rows, state]), blob]

    def _backward(self, number, rows, call, output, inputs, milliseconds, blob, program):
        """Gradients of the output of an earlier call with respect to its inputs."""
        import torch

        from autograder.engine.tensors import Received

        objects, tensors = self.calls[call]
        slope = Received(rows, blob).bare(0)
        inputs = [tensors[one] for one in inputs]
        wanted = [one for one in inputs if one.requires_grad]  # the call may have frozen some
        with _within(*milliseconds), torch.enable_grad():
            slopes = iter(
                torch.autograd.grad(objects[output], wanted, slope, allow_unused=True, retain_graph=True)
            )
        slopes = [next(slopes) if one.requires_grad else None for one in inputs]
        table = _table()
        data = protocol.encode([slope if slope is None else slope.detach() for slope in slopes], table.add)
        rows, blob = table.pack()
        return [protocol.dumps([number, "ok", data, rows, None]), blob]

    def refer(self, ref):
        """The object that a name or a handle stands for."""
        kind, what = ref
        if kind == "name":
            names = self.hidden | self.names
            if what not in names:
                raise NameError(f"name {what!r} is not defined")
            return names[what]
        owner, place = what
        if owner != os.getpid():
            raise RuntimeError("this object was made for earlier checks and is gone")
        return self.handles[place]

    def _other(self, ref=None):
        """What stands for an object that is no data: a name or a handle by which to call it."""

        def describe(value, encode):
            if type(value) is type(sys):
                return ["module", str(value.__name__)]
            where = ref
            if where is None:
                self.handles.append(value)
                where = ["handle", [os.getpid(), len(self.handles) - 1]]
            name = getattr(value, "__name__", None)
            name = name if type(name) is str else type(value).__name__
            return [
                "function" if callable(value) else "object",
                where,
                name[:100],
                type(value).__name__[:100],
            ]

        return describe


class _Unpickler(pickle.Unpickler):
    def __init__(self, program, worker, received):
        super().__init__(io.BytesIO(program))
        self.worker, self.received = worker, received

    def persistent_load(self, ref):
        kind, what = ref
        return self.received.tensor(what) if kind == "tensor" else self.worker.refer(ref)


class _Nowhere(io.TextIOBase):
    """Takes all text and keeps none: what a call prints is nobody's output."""

    def write(self, text):
        return len(text)


class _NoTable:
    """Where torch was never imported there are no tensors."""

    rows, objects = [], []

    def add(self, tensor):
        raise protocol.Unsendable("tensors need torch")

    def pack(self):
        return self.rows, b""


def _table():
    if "torch" not in sys.modules and "numpy" not in sys.modules:
        return _NoTable()
    from autograder.engine.tensors import Table

    return Table()


@contextlib.contextmanager
def _within(computing, waiting):
    """Interrupt Python code that computes or waits longer, again every second in case it does not stop.

    Args:
        computing: milliseconds of processor time of this process, whatever else the machine does.
        waiting: milliseconds on the clock.
    """
    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, computing),
        (signal.SIGALRM, signal.ITIMER_REAL, waiting),
    )

    def stop(number, _):
        (spent,) = (limit for its_signal, _, limit in timers if its_signal == number)
        raise TooLong(f"took more than {spent / 1000:g} s")

    for its_signal, timer, limit in timers:
        signal.signal(its_signal, stop)
        signal.setitimer(timer, limit / 1000, 1.0)
    try:
        yield
    finally:
        for _, timer, _ in timers:
            signal.setitimer(timer, 0)


def _error(error, names=None, function=None):
    """An exception as data: the names of its type and of the types it derives from, its message, and where it
    was raised: [line, of the cell of this function, in code beyond that of these names]. Line 0 is none."""
    try:
        message = str(error)
    except Exception:
        message = ""
    kinds = [kind.__name__ for kind in type(error).__mro__][:20]
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [number for number, (frame, _) in enumerate(frames) if frame.f_globals is names]
    if not own:
        return [kinds, message[:PIECES], [0, False, False]]
    frame, line = frames[own[-1]]
    # A probe is the checks' own function: then the student's was the first of these frames.
    code = frames[own[0]][0].f_code
    if getattr(function, "__globals__", None) is names:
        code = function.__code__
    file = code.co_filename
    beyond = any("ipython-input" in deeper.f_code.co_filename for deeper, _ in frames[own[-1] + 1 :])
    return [kinds, message[:PIECES], [line, frame.f_code.co_filename == file, beyond]]
