"""Starts bubblewrap, watches what the sandbox uses, ends it, and removes every trace of it.

A program of its own (`python -I -S supervise.py`, standard library only), so that a sandbox ends with the
grading process however that ends: the parent's death, the end of its pipe and a limit passed all lead to
`end`. If this program itself is killed, bubblewrap takes the sandbox with it, and `runtime.sweep` the rest.

It reads one line of JSON on standard input, the plan (see `provisioner.py`), later perhaps another one,
{"stop": reason}. It writes {"ready": true} once the kernel is up, and at the end
{"reason", "memory", "cpu", "wall"}.
"""

import contextlib
import functools
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

TICK = 0.05  # seconds between two looks at a sandbox
CLOCK = os.sysconf("SC_CLK_TCK")
NOTE = 4000  # bytes of the sandbox's own error output that are kept
INODE = 2048  # bytes that the kernel holds for a file beside its contents, about,
DESCRIPTOR = 10 << 10  # for one end of a pipe, which has two pages where its user has many,
TERMINAL = 160 << 10  # and for a pseudo terminal, both ways
SOCKET = 10  # times the usual buffer: a page that `sendfile` leaves in a socket is charged as less


def usage(root, temporary, files, exact=False):
    """What all processes of a sandbox use now.

    Args:
        root: file descriptor of the sandbox's root folder, whose /proc shows its processes and no others.
        temporary: its temporary folders, from there.
        files: number of files that a process may have open.
        exact: whether pages that processes share are divided among them (slower), or count for each.

    Returns: dict of memory (bytes, an upper bound: pages of temporary files count twice where a process maps
    them; pipes, sockets and terminals count as if they were full), cpu (seconds) and tasks.
    """
    memory = cpu = tasks = 0
    proc = os.open("proc", os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
    try:
        for process in filter(str.isdigit, os.listdir(proc)):
            if stat := _stat(process, proc):  # fields 14 to 17 and 20 of proc(5)
                cpu += sum(map(int, stat[11:15])) / CLOCK
                tasks += int(stat[17])
                living = _living(process, stat, proc)
                memory += _memory(living, proc, exact) + _open_files(living, proc, files)
        memory += _sockets(proc)
    finally:
        os.close(proc)
    memory += TERMINAL * len(_names("dev/pts", root)) + held(root, temporary)
    return {"memory": memory, "cpu": cpu, "tasks": tasks}


def held(root, temporary):
    """Bytes in the temporary folders of a sandbox."""
    total = 0
    for folder in temporary:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
        found = os.statvfs(handle)
        os.close(handle)
        total += (found.f_blocks - found.f_bfree) * found.f_frsize + (found.f_files - found.f_ffree) * INODE
    return total


def _stat(process, proc):
    """Fields from the third on; none where the process has ended."""
    return _read(f"{process}/stat", proc).rpartition(") ")[2].split()


def _living(process, stat, proc):
    """Where to ask for a process's memory: its first thread has none once it has ended before the others."""
    if stat[0] == "Z" and int(stat[17]) > 1:
        for thread in _names(f"{process}/task", proc):
            if _stat(f"{process}/task/{thread}", proc)[:1] not in ([], ["Z"]):
                return f"{process}/task/{thread}"
    return process


def _memory(process, proc, exact):
    """Bytes of a process's pages, in memory and swapped out, and of the tables that lead to them."""
    status = _numbers(_read(f"{process}/status", proc))
    pages = status.get("VmRSS:", 0) + status.get("VmSwap:", 0)
    if exact and (shares := _numbers(_read(f"{process}/smaps_rollup", proc))):
        pages = shares["Pss:"] + shares.get("SwapPss:", 0)
    return (pages + status.get("VmPTE:", 0)) << 10


def _open_files(process, proc, most):
    """Bytes that the kernel may hold for what a process has open."""
    closed = not os.access(f"{process}/fd", os.R_OK | os.X_OK, dir_fd=proc)  # a process can see to that
    return DESCRIPTOR * (most if closed else len(_names(f"{process}/fd", proc)))


def _sockets(proc):
    """Bytes that sockets may hold: their buffers, which nobody inside can enlarge but TCP itself."""
    counts = _numbers(_read("1/net/sockstat", proc) + _read("1/net/sockstat6", proc), place=2)
    used, tcp = counts.get("sockets:", 0), counts.get("TCP:", 0) + counts.get("TCP6:", 0)
    return used * SOCKET * _setting("core/wmem_default") + tcp * (
        _setting("ipv4/tcp_rmem") + _setting("ipv4/tcp_wmem")
    )


@functools.cache
def _setting(name):
    """The largest number of a setting of the network; Linux's own where a container does not show it."""
    text = Path("/proc/sys/net", name)
    return int(text.read_text().split()[-1]) if text.exists() else 212_992


def _numbers(text, place=1):
    """Numbers from lines such as "VmRSS: 12 kB", by their first words."""
    lines = (line.split() for line in text.splitlines())
    return {words[0]: int(words[place]) for words in lines if len(words) > place and words[place].isdigit()}


def _names(path, folder):
    """Names in a folder, none where it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    except OSError:
        return []
    try:
        return os.listdir(handle)
    except OSError:
        return []
    finally:
        os.close(handle)


def _read(name, folder):
    try:
        handle = os.open(name, os.O_RDONLY, dir_fd=folder)
    except OSError:
        return ""
    try:
        return os.read(handle, 1 << 16).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(handle)


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
        peak: the largest use seen, as `usage` returns it.
        reason: why it ended, in words, or None.
    """

    def __init__(self, plan, parent):
        self.plan, self.limits, self.parent = plan, plan["limits"], parent
        self.peak = {"memory": 0, "cpu": 0.0, "tasks": 0}
        self.reason = self.root = self.init = self.status_of_kernel = None
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
                    self.root = self._open_root()
                    say({"ready": self.root is not None})
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

    def _open_root(self):
        """The sandbox's root folder, through its first process."""
        try:
            return os.open(f"/proc/{self._statuses()['child-pid']}/root", os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            self.reason = f"the sandbox could not be watched: {error}"
            return None

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
        if self.root is None:
            return
        try:
            seen = self.root, self.plan["temporary"], self.limits["files"]
            now = usage(*seen)
            if now["memory"] > self.limits["memory"]:
                now = usage(*seen, exact=True)
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
        if self.root is None:
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
