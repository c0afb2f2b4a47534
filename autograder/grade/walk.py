"""One walk through what a student could put into a folder: through descriptors, everything counted and timed.

No link is followed at any level, and only the copy that the walk makes is used.
"""

import contextlib
import errno
import fnmatch
import hashlib
import os
import stat
import time
from dataclasses import dataclass

from autograder.engine.failures import Unreadable
from autograder.engine.names import shown
from autograder.sandbox.submission import make_folder

BYTES, FILES, DEPTH = 512 << 20, 1000, 20  # of a submission's folder; files and folders count
MOST = 2 * FILES  # entries of one folder, with those that are ignored
PATH = 1000  # bytes of a path in it: more than nbgrader can put elsewhere when the course's own is long
SECONDS = 120.0  # for reading one submission

# Errors of this machine, not of a submission.
MACHINES = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Taken:
    """What a submission holds.

    Attributes:
        files: sorted tuple of (path below its folder, bytes, SHA-256 digest).
        newest: when the last of them was changed, in seconds since 1970.
    """

    files: tuple
    newest: float

    @property
    def fingerprint(self):
        """A text that changes with the names and contents of the files, ``timestamp.txt`` among them."""
        digest = hashlib.sha256()
        for path, size, content in self.files:
            name = os.fsencode(path)
            digest.update(b"%d %d " % (len(name), size) + name + content)
        return digest.hexdigest()

    @property
    def size(self):
        return sum(size for _, size, _ in self.files)


def walk(top, called, ignore=(), target=None):
    """Look at every file of a submission, once.

    Args:
        top: descriptor of its folder.
        called: the folder in messages.
        ignore: names and globs of what does not count, as nbgrader's ``CourseDirectory.ignore``.
        target: folder to make with copies of the files and folders, or None.

    Returns: Taken.
    Raises: Unreadable naming the first link, device, pipe or socket, or the file at which it is too much;
        OSError where this machine fails.
    """
    end, left, count, files, newest = time.monotonic() + SECONDS, BYTES, FILES, [], 0.0
    levels = [(os.dup(top), "", iter(names_in(top, called)))]  # the open folders, each in the one before
    try:
        if target is not None:
            make_folder(target)
        while levels:
            handle, folder, names = levels[-1]
            if (name := next(names, None)) is None:
                os.close(levels.pop()[0])
                continue
            if _ignored(name, ignore):
                continue
            path = f"{folder}{name}"
            what, count = f"{called}/{shown(path)}", count - 1
            if count < 0:
                raise Unreadable(f"{what}: with it the submission has more than {FILES} files and folders")
            if len(os.fsencode(path)) > PATH:
                raise Unreadable(f"{what[:PATH]}…: a path in a submission may have {PATH} bytes")
            if len(levels) > DEPTH:
                raise Unreadable(f"{what}: a submission's folders may be {DEPTH} deep")
            if time.monotonic() > end:
                raise Unreadable(f"{what}: reading the submission takes more than {SECONDS:.0f} s")
            copy = None if target is None else os.path.join(target, path)
            with _of_the_submission(what):
                mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
                if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                    raise Unreadable(f"{what} is a link, or no file: such a submission is not graded")
                below = os.open(name, FOLDER if stat.S_ISDIR(mode) else FILE, dir_fd=handle)
            if stat.S_ISDIR(mode):
                levels.append((below, f"{path}/", iter(())))  # so that it is closed whatever comes
                levels[-1] = below, f"{path}/", iter(names_in(below, what))
                if copy is not None:
                    make_folder(copy)
                continue
            with open(below, "rb", buffering=0) as file:
                size, digest, changed = _read(file, what, copy, left, end)
            left, newest = left - size, max(newest, changed)
            files.append((path, size, digest))
    finally:
        for handle, _, _ in levels:
            os.close(handle)
    return Taken(tuple(sorted(files)), newest)


@contextlib.contextmanager
def _of_the_submission(what):
    """Whatever cannot be read is the submission's fault, but for what this machine cannot do at all."""
    try:
        yield
    except OSError as error:
        if error.errno in MACHINES:
            raise
        raise Unreadable(f"{what} cannot be read: {error.strerror}") from error


def names_in(handle, what):
    """The sorted names in a folder. Raises: Unreadable where there are more than a submission may have."""
    found = []
    with _of_the_submission(what), os.scandir(handle) as entries:
        for entry in entries:
            found.append(entry.name)
            if len(found) > MOST:
                raise Unreadable(f"{what} holds more than {MOST} files and folders")
    return sorted(found)


def _ignored(name, patterns):
    """Whether one of the globs is for the name: as for nbgrader, a star is for no dot at the beginning."""
    hidden = name.startswith(".")
    return any(fnmatch.fnmatchcase(name, one) and one.startswith(".") >= hidden for one in patterns)


def _read(file, what, copy, most, end):
    """Read one file, and copy it. Returns: its bytes, its digest, when it was changed."""
    digest, size, found = hashlib.sha256(), 0, os.fstat(file.fileno())
    with contextlib.ExitStack() as stack:
        if copy is not None:
            written = stack.enter_context(open(copy, "xb", buffering=0))
            os.fchmod(written.fileno(), 0o644)  # whatever the umask
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable(f"{what} is no file: such a submission is not graded")
        over = found.st_size > most  # also where it is full of holes
        while not over:
            with _of_the_submission(what):
                block = file.read(1 << 20)
            if not block:
                return size, digest.digest(), found.st_mtime
            size += len(block)
            digest.update(block)
            if copy is not None:
                view = memoryview(block)
                while view:
                    view = view[written.write(view) :]
            over = size > most
            if time.monotonic() > end:
                raise Unreadable(f"{what}: reading the submission takes more than {SECONDS:.0f} s")
    raise Unreadable(f"{what}: with it the submission has more than {BYTES} bytes")
