"""Starts a kernel in a sandbox, for jupyter_client: makes the sockets, the folder and the plan."""

import asyncio
import contextlib
import json
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Any

from autograder.sandbox import cgroup, command, leases, visible
from autograder.sandbox.forkserver import fork_server
from autograder.sandbox.leases import SandboxUnavailable
from autograder.sandbox.seccomp import MACHINES, seccomp_filter
from autograder.sandbox.submission import copy_files, make_folder

HERE = Path(__file__).parent
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
OPEN_FILES = 512  # of a process
ENDING = 30  # seconds that a killed sandbox may take to be gone


def text_file(text):
    """An open file in memory. Args: text, str or bytes. Returns: its file descriptor."""
    descriptor = os.memfd_create("sandbox", 0)
    os.write(descriptor, text if isinstance(text, bytes) else text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def machine():
    """This machine's kind. Raises: SandboxUnavailable where there is no filter of system calls for it."""
    if (name := platform.machine()) not in MACHINES:
        raise SandboxUnavailable(f"sandboxes work on {' and '.join(MACHINES)}, this machine is {name}")
    return name


def environment(threads):
    """All environment variables of a sandbox. What libraries keep for themselves is not in the home folder:
    there a submission may have files of these names."""
    own = {"XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data"}
    own |= {"IPYTHONDIR": "ipython", "JUPYTER_CONFIG_DIR": "jupyter", "MPLCONFIGDIR": "matplotlib"}
    return {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": command.HOME,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # a kernel's own, before it has begun
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "NBGRADER_EXECUTION": "autograde",  # as nbgrader tells its kernels
        **{name: f"{command.OWN}/{folder}" for name, folder in own.items()},
    }


def zygote(modules, threads):
    """The process that kernels are forked from. Returns: ForkServer, which may still be importing."""
    own = str(leases.base() / "zygote")  # the sandbox's folders are not there yet
    variables = {name: value.replace(command.OWN, own) for name, value in environment(threads).items()}
    return fork_server(["-I", str(HERE / "zygote.py")], modules, variables | {"HOME": own})


def resource_limits(limits):
    """What every process of a sandbox is held to. Returns: dict from a name in `resource` to a value."""
    return {
        "RLIMIT_DATA": limits.memory,
        "RLIMIT_CPU": int(limits.cpu) + 2,  # the supervisor, which gives the reason, is to come first
        "RLIMIT_NPROC": limits.tasks,
        "RLIMIT_FSIZE": limits.file,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 0,
    }


class Materials:
    """What one sandbox holds outside of itself: its folder and user, with their locks, and open files.

    Attributes:
        folder: path. user: number, or None where a namespace of users takes its place.
        locks, files, sockets: file descriptors; those of the sockets are the kernel's.
    """

    def __init__(self):
        self.files, self.sockets, self.user = [], [], None
        self.folder, lock = leases.new_folder()
        self.locks = [lock]
        if leases.may_give_users():
            try:
                self.user, lock = leases.new_user()
            except BaseException:
                self.remove()
                self.close()
                raise
            self.locks.append(lock)

    def file(self, text):
        """A new open file, see `text_file`."""
        self.files.append(text_file(text))
        return self.files[-1]

    def listen(self, path):
        """A new unix socket that listens. Returns: its place among the sockets."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        listening.listen(16)
        self.sockets.append(listening.detach())
        return len(self.sockets) - 1

    def remove(self):
        """Remove what has a name, where no supervisor has begun to (it does at the end)."""
        if (note := self.folder / "cgroup").exists():
            cgroup.remove(Path(note.read_text()))
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self):
        """Let go of the open files; who inherited them keeps them."""
        for descriptor in (*self.files, *self.sockets, *self.locks):
            os.close(descriptor)
        self.files, self.sockets, self.locks = [], [], []


def describe(materials, inner, limits, *, binds=None, show=(), hide=()):
    """The sandbox for a command, with the files that every one has. Returns: command.Sandbox."""
    uid = 1000 if materials.user is None else materials.user
    shown = visible.shown_paths(show)
    texts = {
        "/etc/passwd": f"student:x:{uid}:{uid}::{command.HOME}:/bin/sh\n",
        "/etc/group": f"student:x:{uid}:\n",
        "/etc/hosts": "127.0.0.1 localhost\n",
    }
    return command.Sandbox(
        command=tuple(map(str, inner)),
        shown=tuple(shown),
        hidden=tuple(visible.hidden_paths(shown, hide)),
        links=visible.links(),
        binds=binds or {},
        data={path: materials.file(text) for path, text in texts.items()},
        seccomp=materials.file(seccomp_filter(machine())),
        temporary=limits.temporary,
        uid=materials.user,
        environment=environment(limits.threads),
    )


def bubblewrap(materials, sandbox):
    """bubblewrap, with its options in a file that the sandbox cannot read. Returns: list of str."""
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxUnavailable(
            "bubblewrap is not installed (Debian, Ubuntu, Fedora: the package bubblewrap)"
        )
    arguments = "".join(f"{argument}\0" for argument in command.options(sandbox))
    return [found, "--args", str(materials.file(arguments))]


class SandboxProvisioner(KernelProvisionerBase):
    """Starts and ends one sandbox after another for a kernel manager.

    Attributes:
        files, limits, preload, show, hide: see `manager.sandboxed_kernel`.
        packages: dict like that of `visible.public_modules`.
        report: what the supervisor said at the end of the last sandbox, see `supervise.py`.
    """

    files, limits, preload, packages, show, hide = Any(), Any(), Any(()), Any({}), Any(()), Any(())
    process = Any(None, help="the supervisor")
    report = Any(None)

    @property
    def has_process(self):
        return self.process is not None

    async def pre_launch(self, **kwargs):
        return {"cmd": []}

    async def launch_kernel(self, cmd, **kwargs):
        materials = Materials()
        try:
            plan = self._plan(materials)
            self._supervise(materials, plan)
        except BaseException:
            materials.remove()
            raise
        finally:
            materials.close()
        line = await asyncio.to_thread(self.process.stdout.readline)
        if not json.loads(line or "{}").get("ready"):
            self.report = json.loads(line or "{}")
            await self.wait()
            reason = self.report.get("reason") or f"its supervisor ended: {self._last_words()}"
            raise SandboxUnavailable(f"no sandbox could be started: {reason}")
        return self.connection_info

    def _plan(self, materials):
        """Make everything that the sandbox needs. Returns: dict for `supervise.py`."""
        folder, limits = materials.folder, self.limits
        binds = {command.INIT: HERE / "first_process.py", command.SUBMISSION: folder / "files"}
        modules = self.packages | visible.public_modules()
        binds |= {f"{command.COURSE}/{name}": path for name, path in modules.items()}
        if self.files is None:
            make_folder(folder / "files")
        else:
            copy_files(self.files, folder / "files", size=limits.submission, count=limits.submission_files)
        inner = [sys.executable, "-I", "-S", command.INIT]
        sandbox = describe(materials, inner, limits, binds=binds, show=self.show, hide=self.hide)
        group = cgroup.make(limits.memory, limits.tasks + 8)
        if group is not None:
            (folder / "cgroup").write_text(str(group))
        return {
            "bubblewrap": bubblewrap(materials, sandbox),
            "command": command.command(sandbox),
            "folder": str(folder),
            "temporary": [path.lstrip("/") for path in command.TEMPORARY],
            "cgroup": group and str(group),
            "fds": materials.files,
            "locks": materials.locks,
            "escort": self._escort(materials, sandbox, group),
            "parent": os.getpid(),
            "limits": {name: getattr(limits, name) for name in ("memory", "cpu", "wall", "tasks")}
            | {"files": OPEN_FILES},
        }

    def _escort(self, materials, sandbox, group):
        """Ask for a kernel. Returns: file descriptor of the socket to the process that will put it inside."""
        key, folder = secrets.token_hex(16), materials.folder
        config = {
            "sockets": {port: materials.listen(folder / f"s-{port}") for port in range(1, len(CHANNELS) + 1)},
            "key": key,
            "limits": resource_limits(self.limits),
            "course": command.COURSE,
            "submission": command.SUBMISSION,
            "copied": self.limits.temporary // 4,
            "home": command.HOME,
            "user": sandbox.uid,
            "environment": sandbox.environment,
            "cgroup": group and str(group),
        }
        self._connect(folder, key)
        ours, theirs = socket.socketpair()
        materials.sockets.append(ours.detach())
        with theirs:
            given = [theirs.fileno(), sandbox.seccomp, *materials.sockets[:-1]]
            try:
                zygote(self.preload, self.limits.threads).send(json.dumps(config).encode(), given)
            except OSError as error:
                raise SandboxUnavailable(f"what kernels are forked from did not start: {error}") from error
        return materials.sockets[-1]

    def _connect(self, folder, key):
        manager = self.parent
        manager.transport, manager.ip = "ipc", str(folder / "s")
        manager.session.key = key.encode()
        for port, channel in enumerate(CHANNELS, 1):
            setattr(manager, f"{channel}_port", port)
        self.connection_info = manager.get_connection_info()

    def _supervise(self, materials, plan):
        self.report = None
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HERE / "supervise.py"), plan["folder"]],  # which `ps` shows
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[*materials.files, *materials.locks, plan["escort"]],
            start_new_session=True,
        )
        self.process.stdin.write(json.dumps(plan).encode() + b"\n")
        self.process.stdin.flush()

    def stop(self, reason):
        """Ask for the end of the sandbox; `reason` (str, or None for an ordinary end) is what is reported."""
        try:
            self.process.stdin.write(json.dumps({"stop": reason}).encode() + b"\n")
            self.process.stdin.flush()
        except (AttributeError, BrokenPipeError, ValueError):  # it has ended already
            pass

    def why_dead(self):
        """See `manager.why_dead`."""
        if self.process is not None and self.process.poll() is not None:
            self._hear()
        return (self.report or {}).get("reason")

    def _hear(self):
        if self.report is None:
            line = self.process.stdout.readline()
            said = {"reason": f"the sandbox's supervisor ended: {self._last_words()}"}
            self.report = json.loads(line) if line else said

    def _last_words(self):
        return self.process.stderr.read().decode(errors="replace").strip()[-500:] or "it was killed"

    async def poll(self):
        return 0 if self.process is None else self.process.poll()

    async def wait(self):
        """Wait until the sandbox is gone; all of it, when this returns."""
        if self.process is None:
            return 0
        status = await asyncio.to_thread(self.process.wait, ENDING)
        self._hear()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.process = None
        return status

    async def kill(self, restart=False):
        self.stop(None)
        await asyncio.to_thread(self.process.wait, ENDING)

    async def terminate(self, restart=False):
        await self.kill(restart)

    async def send_signal(self, signum):
        if signum in (signal.SIGKILL, signal.SIGTERM):
            await self.kill()
        elif signum:
            raise ValueError(
                f"a sandboxed kernel is interrupted by a message and can be killed; not signal {signum}"
            )

    async def shutdown_requested(self, restart=False):
        self.stop(None)

    async def cleanup(self, restart=False):
        await self.wait()
