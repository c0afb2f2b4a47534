"""A copy of the files that belong to a submission: what its notebook may read beside it."""

import errno
import os
import stat
from pathlib import Path

LEFT_OUT = {".ipynb_checkpoints", "__pycache__", ".git"}
DEPTH = 20  # folders in folders: each holds a file descriptor while they are walked
ODD = (
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)  # the submission's fault, not this machine's


def copy_files(source, target, *, size, count):
    """Copy a submission's regular files, without its notebooks, into a new folder that nobody may write to.

    Symbolic links, devices, pipes and sockets are left out: nothing is followed that leads elsewhere.

    Args:
        source: folder of the submission, whose names and contents are the student's.
        target: folder to make.
        size: bytes that may be copied.
        count: files and folders that may be copied.

    Raises: ValueError naming the file or folder that passes a limit or cannot be read.
    """
    source, target = Path(source), Path(target)
    make_folder(target)
    left, entries = size, 0
    for folder, folders, files, handle in os.fwalk(source, follow_symlinks=False):
        folder = Path(folder).relative_to(source)
        folders[:] = [name for name in folders if name not in LEFT_OUT and not _is_link(name, handle)]
        entries += len(folders) + len(files)
        if entries > count:
            raise ValueError(f"{_shown(folder)}: the submission holds more than {count} files")
        if len(folder.parts) > DEPTH:
            raise ValueError(f"{_shown(folder)}: the submission's folders are more than {DEPTH} deep")
        if folder.parts:
            make_folder(target / folder)
        for name in files:
            if name.lower().endswith(".ipynb"):
                continue
            try:
                left -= _copy(name, handle, target / folder / name, left)
            except OSError as error:
                if error.errno not in ODD:
                    raise
                raise ValueError(f"{_shown(folder / name)} cannot be read: {error.strerror}") from error
            if left < 0:
                raise ValueError(
                    f"{_shown(folder / name)}: the submission's files hold more than {size} bytes"
                )


def make_folder(path):
    """Make a folder that everybody may enter, whatever the umask: the sandbox's user is another one."""
    os.mkdir(path)
    os.chmod(path, 0o755)


def open_to_all(folder):
    """Let everybody read what is below a folder, whatever the umask of who made it; no links are in it."""
    for place, _, files in os.walk(folder):
        os.chmod(place, 0o755)
        for name in files:
            path = os.path.join(place, name)
            os.chmod(path, os.stat(path).st_mode | 0o444)


def _shown(path):
    """A path as text that can be printed, whatever bytes its name has."""
    return os.fsencode(path).decode(errors="replace")[:200]


def _is_link(name, handle):
    return stat.S_ISLNK(os.lstat(name, dir_fd=handle).st_mode)


def _copy(name, handle, target, most):
    """Copy one regular file; returns its bytes, `most` + 1 where there are more, 0 for anything else."""
    if not stat.S_ISREG(os.lstat(name, dir_fd=handle).st_mode):
        return 0
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
    with open(descriptor, "rb") as original:
        if os.fstat(descriptor).st_size > most:
            return most + 1
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444), "wb") as copy:
            os.fchmod(copy.fileno(), 0o444)  # whatever the umask
            copied = 0
            while block := original.read(min(1 << 20, most - copied + 1)):
                copied += len(block)
                if copied > most:
                    break
                copy.write(block)
    return copied
