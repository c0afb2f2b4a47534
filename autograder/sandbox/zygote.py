"""The process from which students' kernels are forked: Python and large libraries, imported once.

`python -I zygote.py <fd> <modules>`. No code of a student's ever runs in it, and it holds no secret: it
starts with the environment variables of a sandbox, imports, and waits. For every kernel it gets a socket, and
forks an *escort*, which enters the sandbox that bubblewrap has made, forks once more (the new process is
inside), and waits outside to say how that ended. The process inside gives up every privilege, as bubblewrap's
own program would, and becomes the kernel (`kernel_main.py`). Kernels have nothing in common but what was
imported, each its own copy.
"""

import ctypes
import fcntl
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path

NAMESPACES = {  # names in /proc/self/ns, CLONE_NEW…
    "user": 0x10000000,
    "mnt": 0x00020000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
}
OWN = ("mnt", "pid", "net", "ipc", "uts")  # that a sandbox must have for itself
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 4, 22, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL, SECCOMP_MODE_FILTER, CAPABILITY_VERSION = 4, 2, 0x20080522
MS_NOSUID, MS_REMOUNT_BIND_RDONLY = 0x2, 0x1021
LARGEST = 1 << 20  # bytes of a message

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """Call a function of the C library. Raises: OSError."""
    if getattr(libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def prctl(*arguments):
    numbers = (*arguments, 0, 0, 0, 0)[:5]
    call("prctl", *(ctypes.c_ulong(number) for number in numbers))


def serve(control):
    """Fork an escort for each socket that comes; returns when the grading process is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    poll = select.poll()
    parent = os.pidfd_open(os.getppid())  # its children may hold the other end of the socket longer than it
    for descriptor in (control, parent):
        poll.register(descriptor, select.POLLIN)
    fcntl.fcntl(control, fcntl.F_SETFL, 0)  # see `forkserver.py`
    control.sendall(b"1")
    while parent not in {descriptor for descriptor, _ in poll.poll()}:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, LARGEST, 16)
        except ConnectionResetError:  # the other side is gone and never asked: it has not read the "1"
            return
        if not message:
            return
        if not os.fork():
            try:
                control.close()
                escort(json.loads(message), descriptors)
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)


def escort(config, descriptors):
    """Wait until the sandbox stands, put a kernel into it, and say how it ended.

    Args:
        config: dict, see `provisioner.py`; "sockets" are numbers of the descriptors below.
        descriptors: the supervisor's socket, the filter of system calls, the kernel's sockets.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    supervisor = socket.socket(fileno=descriptors[0])
    message, received, _, _ = socket.recv_fds(supervisor, LARGEST, 3)
    if not message:
        os._exit(0)
    try:
        kernel = enter(config, json.loads(message)["pid"], descriptors, *received)
        for descriptor in received:  # a kernel that does not get ready must not look as if it might
            os.close(descriptor)
        said = {"status": os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1])}
    except (OSError, ValueError) as error:
        said = {"error": str(error)}
    supervisor.sendall(json.dumps(said).encode())
    os._exit(0)


def enter(config, pid, descriptors, init, ready, errors):
    """Fork a kernel into a sandbox.

    Args:
        config, descriptors: see `escort`.
        pid, init: number and file descriptor of the sandbox's first process.
        ready, errors: what the kernel writes to when it is up, and as its error output.

    Returns: the kernel's number. Raises: OSError, ValueError where the sandbox cannot be entered.
    """
    Path("/proc/self/oom_score_adj").write_text("1000")
    if config["cgroup"]:
        Path(config["cgroup"], "cgroup.procs").write_text(str(os.getpid()))
    others = {name for name in NAMESPACES if not _same(name, pid)}
    needed = {*OWN, *(["user"] if config["user"] is None else [])}
    if needed - others:
        raise ValueError(f"the sandbox has no own namespaces of {', '.join(sorted(needed - others))}")
    call("setns", init, sum(NAMESPACES[name] for name in others))
    if config["user"] is not None:
        keep_times_of_devices()
    if not (kernel := os.fork()):
        try:
            os.dup2(errors, 2)
            os.setsid()
            give_up_privileges(config["user"], descriptors[1])
            become_kernel(config, descriptors[2:], ready)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return kernel


def keep_times_of_devices():
    """Make devices read-only: they can be written to all the same, but not be given a time that others see.

    In a namespace of users nobody may do that: bubblewrap has given up what it takes.
    """
    for path in filter(Path.is_char_device, Path("/dev").iterdir()):
        if not path.is_symlink():
            call("mount", None, bytes(path), None, MS_REMOUNT_BIND_RDONLY | MS_NOSUID, None)


def _same(name, pid):
    return os.stat(f"/proc/self/ns/{name}").st_ino == os.stat(f"/proc/{pid}/ns/{name}").st_ino


def give_up_privileges(user, filter_fd):
    """Be a user without any capability, for good, who may not make the calls that the filter denies.

    Args:
        user: number to become, or None where the namespace of users is the sandbox's own.
        filter_fd: file descriptor of the filter.
    """
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = struct.pack("=II", CAPABILITY_VERSION, 0)
    call("capset", ctypes.create_string_buffer(header), ctypes.create_string_buffer(24))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 1)  # else its own /proc/self is closed to it
    program = os.pread(filter_fd, LARGEST, 0)
    instructions = ctypes.create_string_buffer(program, len(program))
    described = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    )
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(described))


def become_kernel(config, sockets, ready):
    """What a new Python with the sandbox's environment would be, then the kernel."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    os.chdir(config["home"])
    os.environ.clear()
    os.environ.update(config["environment"])
    forget()
    config["sockets"] = {port: sockets[number] for port, number in config["sockets"].items()}
    sys.argv[:] = [""]
    kernel_main.main(config, ready)


def forget():
    """What modules found out about the zygote's own place when they were imported, and drew at random."""
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None
    if (matplotlib := sys.modules.get("matplotlib")) is not None:
        for name in ("get_configdir", "get_cachedir"):  # each remembers the folder of the zygote
            setattr(matplotlib, name, getattr(matplotlib, name).__wrapped__)
    if "random" in sys.modules:
        sys.modules["random"].seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import kernel_main

        del sys.path[0]
        for module in sys.argv[2:]:
            importlib.import_module(module)
    except Exception as error:
        control.sendall(f"{type(error).__name__}: {error}".encode())
        raise SystemExit(1) from error
    serve(control)
    os._exit(0)  # at once: what was imported would take seconds to be put away
