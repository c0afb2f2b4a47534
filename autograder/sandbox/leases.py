"""Folders and users that one sandbox has for itself, and what remains of sandboxes that were killed.

Both are held by a lock on an open file. The kernel drops it when its last holder is gone, however it went, so
whatever can be locked belongs to nobody.
"""

import fcntl
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from autograder.sandbox import cgroup

PREFIX = "kernel-"
LOCKS = Path("/run/gan-sandbox-users")  # one for the machine, whatever temporary folder a process has
USERS = 4096
FIRST_USERS = (0x70000000, 50_000)  # far from people's; the second where a container maps 65,536 users
NEEDED = (6, 7, 8, 21)  # CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SYS_ADMIN
LONGEST = 107  # bytes in the path of a unix socket


class SandboxUnavailable(RuntimeError):
    """No sandbox can be made on this machine; the message names what is missing and the ways out."""


def base():
    """The folder below which sandboxes of this user have theirs, made where it is missing.

    Raises: SandboxUnavailable where it is somebody else's, or open to others.
    """
    return _private(Path(tempfile.gettempdir(), f"gan-sandbox-{os.geteuid()}"))


def _private(path):
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        user = os.geteuid()
        raise SandboxUnavailable(
            f"{path} must be a folder of user {user} that others cannot enter; remove it"
        )
    return path


def lock(descriptor):
    """Returns: whether the open file could be locked at once (else another one holds it)."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def new_folder():
    """A folder for one sandbox.

    Returns: its path, and the file descriptor that holds its lock.
    """
    sweep()
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base()))
        if len(os.fsencode(path)) + 6 > LONGEST:
            path.rmdir()
            raise SandboxUnavailable(f"{path} is too long for a socket's path; set TMPDIR to a shorter one")
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # another process swept it between the two lines
            continue
        if lock(descriptor) and os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def sweep():
    """Remove what sandboxes left whose supervisor was killed. Returns: the folders removed."""
    removed = []
    for path in base().glob(f"{PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        if lock(descriptor):
            note = path / "cgroup"
            if note.exists():
                cgroup.remove(Path(note.read_text()))
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
        os.close(descriptor)
    return removed


def may_give_users():
    """Whether this process may make namespaces and become other users by itself: root with all of its
    capabilities. Without them (root of most containers), it can do what an ordinary user can."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = int(status["CapEff"], 16)
    return os.geteuid() == 0 and all(held >> number & 1 for number in NEEDED)


def new_user():
    """A user that owns no file, no process and no other sandbox: limits on tasks count by user.

    Returns: its number, and the file descriptor that holds its lock.
    Raises: SandboxUnavailable where the caller is root of a container with too few users.
    """
    folder = _private(LOCKS)
    first = next((number for number in FIRST_USERS if _mapped(number, number + USERS)), None)
    if first is None:
        raise SandboxUnavailable(f"no unused user here: /proc/self/uid_map maps none of {FIRST_USERS}")
    for number in range(first, first + USERS):
        try:
            pwd.getpwuid(number)
            continue
        except KeyError:
            pass
        descriptor = os.open(folder / str(number), os.O_RDWR | os.O_CREAT, 0o600)
        if lock(descriptor):
            return number, descriptor
        os.close(descriptor)
    raise SandboxUnavailable(f"all {USERS} users for sandboxes are in use")


def _mapped(first, end):
    ranges = (map(int, line.split()) for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(start <= first and end <= start + length for start, _, length in ranges)
