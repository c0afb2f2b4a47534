"""Starts bubblewrap, watches what the sandbox uses, ends it, and removes every trace of it.

A program of its own (`python -I -S supervise.py`, standard library only), so that a sandbox ends with the
grading process however that ends: the parent's death, the end of its pipe and a limit passed all lead to
`end`. If this program itself is killed, bubblewrap takes the sandbox with it, and `runtime.sweep` the rest.

It reads one line of JSON on standard input, the plan (see `provisioner.py`), later perhaps another one,
{"stop": reason}. It writes {"ready": true} once the kernel is up, and at the end
{"reason", "memory", "cpu", "wall"}.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from meter import Meter

TICK = 0.05  # seconds between two looks at a sandbox
NOTE = 4000  # bytes of the sandbox's own error output that are kept


def size(count):
    """A number of bytes in words: "1.5 GiB"."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.4g} {unit}"
        count /= 1024


def say(report):
    """Tell the grading process, if it still listens."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(report).encode() + b"\n")


class Supervisor:
    """One sandbox from its start to its end.

    Attributes:
        peak: the largest use seen, as `Meter.look` returns it.
        reason: why it ended, in words, or None.
    """

    def __init__(self, plan, parent):
        self.plan, self.limits, self.parent = plan, plan["limits"], parent
        self.peak = {"memory": 0, "cpu": 0.0, "tasks": 0}
        self.reason = self.meter = self.init = self.status_of_kernel = None
        self.escort = socket.socket(fileno=plan["escort"])
        self.commands = self.status = self.note = b""
        self.begin = time.monotonic()

    def start(self):
        """Fork bubblewrap."""
        status, status_end = os.pipe()
        stands, stands_end = os.pipe()
        life, self.life_end = os.pipe()  # closed, however this process ends
        ready, self.ready_end = os.pipe()
        errors, self.errors_end = os.pipe()
        self.child = os.fork()
        if not self.child:
            try:
                self._become_bubblewrap(status_end, self.errors_end, (stands_end, life))
            finally:
                os._exit(127)
        for fd in (status_end, stands_end, life, *self.plan["fds"]):
            os.close(fd)
        self.status_fd, self.stands_fd, self.ready_fd, self.errors_fd = status, stands, ready, errors
        os.set_blocking(errors, False)
        self.child_fd = os.pidfd_open(self.child)

    def _become_bubblewrap(self, status, errors, init):
        nothing = os.open(os.devnull, os.O_RDWR)
        for source, target in ((nothing, 0), (nothing, 1), (errors, 2)):
            os.dup2(source, target)
        for fd in (status, *init):
            os.set_inheritable(fd, True)
        if group := self.plan["cgroup"]:
            Path(group, "cgroup.procs").write_text(str(os.getpid()))
        # Should the machine run out of memory, the sandbox goes before the grading process does.
        Path("/proc/self/oom_score_adj").write_text("1000")
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        argv = [
            *self.plan["bubblewrap"],
            "--json-status-fd",
            str(status),
            "--",
            *self.plan["command"],
            *map(str, init),
        ]
        os.execvpe(argv[0], argv, {"PATH": os.environ.get("PATH", os.defpath)})

    def watch(self):
        """Returns when the sandbox is to end or has ended."""
        poll = select.poll()
        escort = self.escort.fileno()
        for fd in (0, self.parent, self.child_fd, self.status_fd, self.stands_fd, self.ready_fd, escort):
            poll.register(fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(TICK * 1000)}
            self._note()
            if self.status_fd in ready and not self._read_status():
                poll.unregister(self.status_fd)
            if self.stands_fd in ready and self.init is not None:
                poll.unregister(self.stands_fd)
                if os.read(self.stands_fd, 1):
                    self._let_in()
            if self.ready_fd in ready:
                poll.unregister(self.ready_fd)
                if os.read(self.ready_fd, 1):
                    self.meter = self._new_meter()
                    say({"ready": self.meter is not None})
            if escort in ready:
                self._hear()
                return
            if self.parent in ready:
                self.reason = "the grading process ended"
            if self.child_fd in ready or self.reason:
                return
            if 0 in ready and self._read_command():
                return
            self._check()
            if self.reason:
                return

    def _let_in(self):
        """Ask the escort for a kernel in the sandbox that now stands."""
        message = json.dumps({"pid": self._statuses()["child-pid"]}).encode()
        handed = [self.init, self.ready_end, self.errors_end]
        with contextlib.suppress(OSError):  # it is gone: what it has said, if anything, is read next
            socket.send_fds(self.escort, [message], handed)
        for fd in handed[1:]:
            os.close(fd)

    def _hear(self):
        """What the escort says of the kernel's end."""
        try:
            said = json.loads(self.escort.recv(4096))
        except (OSError, ValueError):
            said = {"error": "the process that was to start it is gone"}
        self.status_of_kernel = said.get("status")
        if "error" in said:
            self.reason = f"the kernel did not start: {said['error']}"

    def _read_status(self):
        """Returns: whether bubblewrap may say more."""
        block = os.read(self.status_fd, 4096)
        self.status += block
        if self.init is None and b"\n" in self.status:
            with contextlib.suppress(OSError, KeyError):  # it ended at once
                self.init = os.pidfd_open(self._statuses()["child-pid"])
        return bool(block)

    def _statuses(self):
        merged = {}
        for line in self.status.decode().splitlines():
            merged |= json.loads(line)
        return merged

    def _new_meter(self):
        """Of the sandbox, whose root folder is found through its first process."""
        try:
            root = os.open(f"/proc/{self._statuses()['child-pid']}/root", os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            self.reason = f"the sandbox could not be watched: {error}"
            return None
        return Meter(root, self.plan["temporary"], self.limits["files"], self.limits["memory"])

    def _read_command(self):
        """Returns: whether the grading process wants an end."""
        block = os.read(0, 4096)
        self.commands += block
        if block and b"\n" not in self.commands:
            return False
        self.reason = json.loads(self.commands)["stop"] if block else None
        return True

    def _note(self):
        try:
            if block := os.read(self.errors_fd, 1 << 16):
                self.note = (self.note + block)[-NOTE:]
        except BlockingIOError:
            pass

    def _check(self):
        wall = time.monotonic() - self.begin
        if wall > self.limits["wall"]:
            self.reason = f"wall clock: the sandbox ran longer than {self.limits['wall']:g} s"
        if self.meter is None:
            return
        try:
            now = self.meter.look()
        except OSError:  # it is ending: the next look at child_fd says so
            return
        self.peak = {what: max(self.peak[what], now[what]) for what in now}
        if now["memory"] > self.limits["memory"]:
            used, most = size(now["memory"]), size(self.limits["memory"])
            self.reason = f"memory: the sandbox used {used} of the {most} allowed"
        elif self.peak["cpu"] > self.limits["cpu"]:
            self.reason = f"CPU time: the sandbox used more than {self.limits['cpu']:g} s"
        elif now["tasks"] > self.limits["tasks"] + 2:  # bubblewrap's own
            self.reason = f"tasks: the sandbox had {now['tasks']} of the {self.limits['tasks']} allowed"

    def end(self):
        """Kill what lives, wait until it is gone, and remove the sandbox's folder and group."""
        ended = self.status_of_kernel is not None or select.select([self.child_fd], [], [], 0)[0]
        asked = self.reason is not None or not ended
        for fd in (self.init, self.child_fd):
            with contextlib.suppress(OSError, TypeError):  # gone, or never there
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        _, code = os.waitpid(self.child, 0)
        if self.init is not None:  # readable once every process of the sandbox is gone
            select.select([self.init], [], [], 10)
        while self.status_fd is not None and self._read_status():
            pass
        self._note()
        if self._out_of_memory():
            self.reason = f"memory: the sandbox used more than the {size(self.limits['memory'])} allowed"
        elif not asked:
            self.reason = self._exit(os.waitstatus_to_exitcode(code))
        if self.plan["cgroup"]:
            self._remove_group()
        shutil.rmtree(self.plan["folder"], ignore_errors=True)
        wall = round(time.monotonic() - self.begin, 3)
        return {"reason": self.reason, "wall": wall, "cpu": self.peak["cpu"], "memory": self.peak["memory"]}

    def _exit(self, code):
        """Why the sandbox ended by itself."""
        if self.meter is None:
            status = code if self.status_of_kernel is None else self.status_of_kernel
            note = self.note.decode(errors="replace").strip() or f"status {status}"
            return f"the kernel did not start: {note}"
        if self.status_of_kernel is None:
            return f"its first process ended with status {self._statuses().get('exit-code', code)}"
        code = self.status_of_kernel
        if code == -signal.SIGXCPU:
            return f"CPU time: a process used more than {self.limits['cpu']:g} s"
        if code >= 0:
            return f"exited with status {code}"
        try:
            return f"killed by signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"killed by signal {-code}"

    def _out_of_memory(self):
        if not self.plan["cgroup"]:
            return False
        try:
            events = Path(self.plan["cgroup"], "memory.events").read_text().split()
        except OSError:
            return False
        return "oom_kill" in events and events[events.index("oom_kill") + 1] != "0"

    def _remove_group(self):
        for _ in range(100):  # the kernel lets go of the last task a moment after it has ended
            try:
                os.rmdir(self.plan["cgroup"])
                return
            except OSError:
                time.sleep(0.01)


def main():
    line = b""
    while not line.endswith(b"\n"):
        if not (block := os.read(0, 1)):
            return
        line += block
    plan = json.loads(line)
    for fd in (*plan["locks"], plan["escort"]):
        os.set_inheritable(fd, False)
    parent = os.pidfd_open(os.getppid())
    if os.getppid() != plan["parent"]:  # it died meanwhile
        shutil.rmtree(plan["folder"], ignore_errors=True)
        return
    supervisor = Supervisor(plan, parent)
    try:
        supervisor.start()
        supervisor.watch()
    finally:
        report = supervisor.end()
    say(report)


if __name__ == "__main__":
    sys.exit(main())
