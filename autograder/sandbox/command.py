"""bubblewrap's command line, as a function of what a sandbox sees and may do."""

from dataclasses import dataclass, field
from pathlib import Path

COURSE, SUBMISSION, HOME, INIT = "/course", "/submission", "/student", "/run/first_process.py"
OWN = "/tmp/.own"  # what libraries keep for themselves
TEMPORARY = ("/tmp", "/dev/shm", HOME)


@dataclass(frozen=True)
class Sandbox:
    """One sandbox.

    Attributes:
        command: the program to run in it, with arguments.
        shown: paths of this machine, visible read-only where they are.
        hidden: folders below those, covered by an empty one.
        links: symbolic links, from path to target.
        binds: other places read-only, from path in the sandbox to path on this machine.
        data: small files, from path in the sandbox to the file descriptor that their text is read from.
        seccomp: file descriptor of the system call filter, or None.
        temporary: bytes that each temporary folder may hold.
        uid: the user to become, for a caller who is root; None: the caller's own, in a user namespace.
        environment: all variables.
    """

    command: tuple[str, ...]
    shown: tuple[Path, ...]
    hidden: tuple[Path, ...] = ()
    links: dict[str, str] = field(default_factory=dict)
    binds: dict[str, Path] = field(default_factory=dict)
    data: dict[str, int] = field(default_factory=dict)
    seccomp: int | None = None
    temporary: int = 512 << 20
    uid: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


def options(sandbox):
    """bubblewrap's options, without the command.

    Parents of a path are made before it, because bubblewrap makes missing ones for its own user alone; short
    paths come before long ones, so that what covers a folder is in turn covered by what is shown below it.
    The root and /dev become read-only at the end: else a student could fill them, and no limit counts there.
    """
    args = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    args += ["--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "sandbox"]
    if sandbox.uid is None:
        args += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    else:  # what setpriv needs to become another user, and nothing else
        args += ["--cap-drop", "ALL"]
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            args += ["--cap-add", f"CAP_{capability}"]
    for path, target in sorted(sandbox.links.items()):
        args += ["--symlink", target, path]
    # Memory of /dev/zero that is shared counts for nobody. /dev/full gives the same zeros, and no memory.
    args += ["--proc", "/proc", "--dev", "/dev", "--dev-bind", "/dev/full", "/dev/zero"]
    made = {"/", "/proc", "/dev"}
    for folder in TEMPORARY:
        args += [
            *_parents(folder, made),
            "--perms",
            "1777",
            "--size",
            str(sandbox.temporary),
            "--tmpfs",
            folder,
        ]
        made.add(folder)
    mounts = [(str(path), ("--ro-bind", str(path), str(path))) for path in sandbox.shown]
    mounts += [(str(path), ("--perms", "0755", "--tmpfs", str(path))) for path in sandbox.hidden]
    mounts += [(inside, ("--ro-bind", str(path), inside)) for inside, path in sandbox.binds.items()]
    mounts += [(inside, ("--ro-bind-data", str(fd), inside)) for inside, fd in sandbox.data.items()]
    for path, mount in sorted(mounts):
        if mount[0] == "--ro-bind-data":
            mount = ("--perms", "0444", *mount)
        args += [*_parents(path, made), *mount]
        made.add(path)
    for path in (*map(str, sandbox.hidden), "/dev", "/"):
        args += ["--remount-ro", path]
    args += ["--clearenv"]
    for name, value in sorted(sandbox.environment.items()):
        args += ["--setenv", name, value]
    if sandbox.seccomp is not None:
        args += ["--seccomp", str(sandbox.seccomp)]
    return [*args, "--chdir", HOME]


def _parents(path, made):
    """Options that make the parents of a path that no earlier option has made (existing ones stay)."""
    args = []
    for parent in map(str, reversed(Path(path).parents)):
        if parent not in made:
            args += ["--perms", "0755", "--dir", parent]
            made.add(parent)
    return args


def command(sandbox):
    """The program that bubblewrap runs: the sandbox's own, for root as another user without any privilege."""
    if sandbox.uid is None:
        return list(sandbox.command)
    user = ["--reuid", str(sandbox.uid), "--regid", str(sandbox.uid), "--clear-groups"]
    return ["setpriv", *user, "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", *sandbox.command]
