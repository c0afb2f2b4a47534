"""The kernel manager of a sandbox, as nbclient wants it."""

import time
from pathlib import Path

import zmq
import zmq.asyncio
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from traitlets import Any, Float, Int, List, Type, default

from autograder.sandbox import visible
from autograder.sandbox.limits import Limits
from autograder.sandbox.provisioner import SandboxProvisioner, zygote
from autograder.sandbox.relay import Relay

QUEUED = 200  # messages of one channel that may wait unread in this process
ENVELOPE = 1024  # bytes of a message beside its content
PORTS = [f"{channel}_port" for channel in ("shell", "iopub", "stdin", "control", "hb")]
DYING = 0.8  # seconds that a kernel may take to end when its connections have


class SandboxClient(AsyncKernelClient):
    """A client whose sockets end their connection at a message above a limit, and let few messages wait."""

    message = Int(help="the largest message, in bytes")
    monitors = List(help="of the sockets: what happens to their connections")

    def _create_connected_socket(self, channel, identity=None):
        made = super()._create_connected_socket(channel, identity)
        self.monitors.append(zmq.Socket.shadow(made.get_monitor_socket(zmq.EVENT_DISCONNECTED)))
        return made

    def disconnected(self):
        """Whether the kernel's side or a message above the limit has ended a connection."""
        return any(not monitor.closed and monitor.poll(0) for monitor in self.monitors)

    @default("context")
    def _context_default(self):
        self._created_context = True
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, self.message)
        context.setsockopt(zmq.RCVHWM, QUEUED)
        return context


class SandboxManager(AsyncKernelManager):
    """A kernel manager that knows one way to start a kernel, whatever kernelspecs a notebook names."""

    client_factory = Type(SandboxClient)
    clients = List()
    silent = Float(None, allow_none=True, help="since when a connection is seen to have ended, monotonic")
    sandbox = Any(help="keyword arguments of the provisioner: files, limits, preload, packages, show, hide")

    @property
    def kernel_spec(self):
        return KernelSpec(display_name="sandbox", language="python", interrupt_mode="message")

    async def _async_pre_start_kernel(self, **kw):
        self.clients, self.silent = [], None  # those of a kernel that ran before have lost theirs
        if self.provisioner is None:
            self.provisioner = SandboxProvisioner(
                kernel_spec=self.kernel_spec, parent=self, kernel_id="", **self.sandbox
            )
        return await super()._async_pre_start_kernel(**kw)

    def client(self, **kw):
        limits = self.sandbox["limits"]
        client = super().client(message=limits.message, **kw)
        most = 4 * limits.output + ENVELOPE * limits.output_messages  # a character has up to 4 bytes
        outside, info = f"{self.ip}{len(self.clients)}", client.get_connection_info()
        ports = [info[port] for port in PORTS]
        Relay(outside, self.ip, ports, most, lambda: self.provisioner.stop(f"output: more than {most} bytes"))
        client.ip = outside
        self.clients.append(client)
        return client

    async def _async_is_alive(self):
        """Ends a sandbox that lives and whose messages cannot be read any more: nobody need wait for it."""
        alive = await super()._async_is_alive()
        if alive and any(client.disconnected() for client in self.clients):
            self.silent = self.silent or time.monotonic()
            if time.monotonic() - self.silent > DYING:
                most = self.sandbox["limits"].message
                self.provisioner.stop(f"output: a message of more than {most / 2**20:g} MiB")
        return alive

    is_alive = _async_is_alive


def sandboxed_kernel(files=None, limits=None, *, preload=(), packages=(), show=(), hide=()):
    """A manager of a kernel that will run in a sandbox of its own; nothing is started yet.

    Args:
        files: folder of the submission; each kernel has copies of its files that are no notebooks in its
            working folder (and links to what is large). None: an empty one. Links and special files are left
            out.
        limits: Limits; None for the defaults.
        preload: names of modules that are imported once, outside, for all kernels that name the same ones.
        packages: names of more packages that its code may import, see `visible.packages`.
        show: more paths to show read-only, where they are.
        hide: folders that must not be seen even where they lie in the Python environment or the system: the
            one with the gradebook, for instance. The course's own packages are hidden anyway.

    Returns: an AsyncKernelManager. `await manager.start_kernel()` returns once the kernel is up,
        `manager.client()` gives an AsyncKernelClient, `await manager.shutdown_kernel(now=True)` ends the
        sandbox and leaves nothing behind. Students' code imports what is installed (but for
        `visible.HIDDEN`), what `visible.PUBLIC` names, and `packages`.
    Raises: ValueError for a package that is not found. At start_kernel: SandboxUnavailable where no sandbox
        can be made or the kernel does not start (the message says why), ValueError for a submission above
        the limits (it names the file).
    """
    arguments = {
        "files": None if files is None else Path(files),
        "limits": limits or Limits(),
        "preload": tuple(preload),
        "packages": visible.packages(packages),
        "show": tuple(map(Path, show)),
        "hide": tuple(map(Path, hide)),
    }
    return SandboxManager(sandbox=arguments)


def begin_imports(preload, limits):
    """Begin to import what `sandboxed_kernel` with the same arguments needs, and do not wait for it."""
    zygote(tuple(preload), limits.threads)


def stop(manager, reason):
    """Kill a sandbox at once, and let `why_dead` give this reason ("output: ...", for who counts it)."""
    if manager.provisioner is not None:
        manager.provisioner.stop(reason)


def why_dead(manager):
    """Why a sandbox ended, in words for feedback, or None where it lives or was shut down on request.

    It begins with "memory:", "CPU time:", "wall clock:" or "tasks:" where that limit was passed; with what
    `stop` was given; else it is "exited with status 3" or "killed by signal 11 (SIGSEGV)".
    """
    return manager.provisioner.why_dead() if manager.provisioner is not None else None
