"""How a submission is taken in: one walk through descriptors, one copy, and only the copy is used.

What lies in `submitted/` is whatever students could put there. No link is followed at any level below it, and
everything that is looked at is counted and timed: whatever a submission is, it fails alone.
"""

import codecs
import contextlib
import errno
import fnmatch
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dateutil.parser
from dateutil.tz import gettz
from nbgrader.api import Gradebook
from nbgrader.converters import NbGraderException
from nbgrader.utils import full_split, parse_utc

from autograder.engine.names import listed, shown, student_id
from autograder.engine.notebooks import Unreadable
from autograder.sandbox.leases import lock
from autograder.sandbox.submission import make_folder

BYTES, FILES, DEPTH = 512 << 20, 1000, 20  # of a submission's folder; files and folders count
MOST = 2 * FILES  # entries of one folder, with those that are ignored
PATH = 1000  # bytes of a path in it: more than nbgrader can put elsewhere when the course's own is long
SECONDS = 120.0  # for reading one submission
TIMESTAMP = 200  # bytes of a timestamp.txt; the time to read one grows with its square
SHOWN = 5  # names of what lies in a folder, in a message

# Errors of this machine, not of a submission.
MACHINES = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
COPIES = "taken-"  # how the names of folders with copies begin
OWN = ".grading"  # in autograded/: nbgrader's globs pass over it
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


class Submitted:
    """What lies in `submitted/` for an assignment.

    Args:
        coursedir: nbgrader's CourseDirectory; its patterns of student and notebook are obeyed.
        assignment: name.

    Attributes:
        folders: dict from the id of each student who has handed the assignment in to the folder's name.
        failed: dict from the id of each whose submission cannot be taken to the reason.
        refused: dict from a name that is no id, as it can be shown, to the reason.

    Raises: NbGraderException where nothing is handed in, or the course's folders are named in another way.
    """

    def __init__(self, coursedir, assignment):
        self.coursedir, self.assignment = coursedir, assignment
        self.folders, self.failed, self.refused = {}, {}, {}
        parts = full_split(coursedir.directory_structure)
        (place, *more) = [n for n, part in enumerate(parts) if "{student_id}" in part] or [None, None]
        if more:
            raise NbGraderException(
                "c.CourseDirectory.directory_structure must have {student_id} in the name of one folder, "
                f"it is {coursedir.directory_structure!r}"
            )
        steps = [n for n, part in enumerate(parts) if "{nbgrader_step}" in part]
        first = min(place, max(steps, default=-1) + 1)  # the folders before it are the instructor's own
        names = [part.replace("{student_id}", "\0").format(**self._names()) for part in parts]
        self.root = os.path.join(coursedir.root, *names[:first])
        self.middle, self.name, self.after = names[first:place], names[place], names[place + 1 :]
        self._list()

    def _names(self):
        return {"nbgrader_step": self.coursedir.submitted_directory, "assignment_id": self.assignment}

    def path(self, student):
        """The folder of a submission as it is called in messages."""
        root = os.path.relpath(self.root, self.coursedir.root)
        folder = self.folders.get(student, self.name.replace("\0", student))
        return shown(os.path.join(root, *self.middle, folder, *self.after))

    @contextlib.contextmanager
    def _opened(self, student):
        """The descriptor of a submission's folder. Raises: Unreadable."""
        with self._base() as base:
            handle = self._down(base, [self.folders[student], *self.after])
            try:
                yield handle
            finally:
                os.close(handle)

    def take(self, student, target=None):
        """See `walk`. Returns: Taken. Raises: Unreadable, OSError."""
        if student in self.failed:
            raise Unreadable(self.failed[student])
        with self._opened(student) as handle:
            return walk(handle, self.path(student), self.coursedir.ignore, target)

    @contextlib.contextmanager
    def _base(self):
        try:
            root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NbGraderException(f"there is no folder {self.root}: nothing was handed in") from error
        try:
            base = self._down(root, self.middle)
        except Unreadable as error:
            raise NbGraderException(str(error)) from error
        finally:
            os.close(root)
        try:
            yield base
        finally:
            os.close(base)

    def _down(self, handle, names):
        """Open a folder below another one, no link on the way. Raises: Unreadable."""
        handle = os.dup(handle)
        for name in names:
            try:
                below = os.open(name, FOLDER, dir_fd=handle)
            except OSError as error:
                if error.errno in MACHINES:
                    raise
                raise Unreadable(_no_folder(handle, name, error)) from error
            finally:
                os.close(handle)
            handle = below
        return handle

    def _list(self):
        known, (before, _, after) = self._assignments(), self.name.partition("\0")
        with self._base() as base:
            for folder in sorted(os.listdir(base)):
                name = folder[len(before) : len(folder) - len(after)]
                if name and folder == f"{before}{name}{after}":
                    self._look(base, folder, name, known)
        if not self.folders and not self.failed and not self.refused:
            pattern = self.coursedir.student_id
            folder = self.path("STUDENT" if pattern == "*" else pattern)
            raise NbGraderException(f"nothing was handed in: there is no folder {folder}")

    def _look(self, base, folder, name, known):
        """Find out what a student's folder holds of the assignment."""
        try:
            student, wrong = student_id(name), None
        except ValueError as error:
            student, wrong = shown(name), f"the folder's name is no student's id: {error}"
        pattern = self.coursedir.student_id
        wanted = student == pattern or fnmatch.fnmatchcase(student, pattern)
        if not wanted or student in self.coursedir.student_id_exclude.split(","):
            return
        try:
            found, why = self._holds(base, folder, known), wrong
        except Unreadable as error:
            found, why = not name.startswith("."), wrong or str(error)  # else it is such as .DS_Store
        if not found:
            return
        if wrong:
            self.refused[student] = wrong
        elif student in self.folders or student in self.failed:
            self.folders.pop(student, None)
            self.failed[student] = "two folders have this id: its letters are composed in two ways"
        elif why:
            self.failed[student] = why
        else:
            self.folders[student] = folder

    def _holds(self, base, folder, known):
        """Whether the assignment's folder is in a student's; not if nothing is but other assignments.

        Raises: Unreadable where something else is there in its place.
        """
        handle = self._down(base, [folder])
        try:
            for name in self.after:
                there = [one for one in _names(handle, shown(folder)) if not one.startswith(".")]
                if name not in there:
                    strange = [entry for entry in there if entry not in known]
                    if strange or not there:
                        instead = _listed(strange) or "nothing"
                        raise Unreadable(f"there is no folder {name} in {shown(folder)}, but {instead}")
                    return False
                below = self._down(handle, [name])
                os.close(handle)
                handle = below
            return True
        finally:
            os.close(handle)

    def _assignments(self):
        """Names of the course's assignments, as far as they are known."""
        names = {self.assignment}
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            names |= {one.name for one in book.assignments}
        for step in (self.coursedir.source_directory, self.coursedir.release_directory):
            folder = self.coursedir.format_path(step, ".", ".")
            with contextlib.suppress(OSError):
                names |= set(os.listdir(folder))
        return names


def _no_folder(handle, name, error):
    """Why a folder could not be opened."""
    try:
        mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
    except OSError:
        mode = 0
    if stat.S_ISLNK(mode):
        return f"{shown(name)} is a link: such a submission is not graded"
    if mode and not stat.S_ISDIR(mode):
        return f"{shown(name)} is no folder"
    return f"{shown(name)} cannot be opened: {error.strerror}"


def _listed(names):
    return listed([shown(one) for one in names], SHOWN)


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
    levels = [(os.dup(top), "", iter(_names(top, called)))]  # the open folders, each in the one before
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
                levels[-1] = below, f"{path}/", iter(_names(below, what))
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


def _names(handle, what):
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


def notebooks_of(folder, called, names):
    """The notebooks of a submission that the assignment has, as paths in a copy.

    Args:
        folder: that `walk` has made.
        called: the folder in messages.
        names: of the assignment's notebooks, as files.

    Raises: Unreadable where there is none.
    """
    there = sorted(os.listdir(folder))
    for name in names:
        if os.path.isdir(os.path.join(folder, name)):
            raise Unreadable(f"{called}/{name} is a folder, and should be the notebook")
    if found := [name for name in names if name in there]:
        return [os.path.join(folder, name) for name in found]
    raise Unreadable(f"there is no {' or '.join(names)} in {called}, but {_listed(there) or 'nothing'}")


def renamed(folder, names):
    """What a submission has in the place of notebooks that it lacks.

    Args:
        folder: that `walk` has made.
        names: of the assignment's notebooks.

    Returns: dict from each that is missing to what is there instead, as a sentence; empty where no file is
        left that could be one.
    """
    missing = [name for name in names if not os.path.isfile(os.path.join(folder, f"{name}.ipynb"))]
    known, others = {f"{name}.ipynb" for name in names}, []
    for place, _, files in os.walk(folder):
        found = [name for name in sorted(files) if ".ipynb" in name.lower() and not name.startswith(".")]
        below = os.path.relpath(place, folder)
        others += [os.path.normpath(os.path.join(below, name)) for name in found]
    others = [path for path in others if path not in known]
    if not others:
        return {}
    there = f"there is {_listed(others)}, which no notebook of the assignment is called"
    return {name: f"{name}.ipynb is missing; {there}" for name in missing}


def check_beside(folder, called, source):
    """See that what the instructor's files take the place of are files. Raises: Unreadable."""
    for place, folders, files in os.walk(source):
        below = os.path.relpath(place, source)
        for names, is_one, kind in ((folders, os.path.isdir, "folder"), (files, os.path.isfile, "file")):
            for name in names:
                path = os.path.normpath(os.path.join(below, name))
                if os.path.exists(own := os.path.join(folder, path)) and not is_one(own):
                    raise Unreadable(f"{called}/{shown(path)} should be a {kind}, the assignment's own")


def check_time(folder, called):
    """See that the time in a submission's ``timestamp.txt`` can be read, and make the file plain text.

    Returns: whether there is a time; an empty file says none, as for nbgrader.
    Raises: Unreadable: what cannot be read must not count as in time.
    """
    path = Path(folder, "timestamp.txt")
    if not path.exists():
        return False
    what = f"{called}/timestamp.txt"
    if not path.is_file():
        raise Unreadable(f"{what} is a folder, and should be a file with the time of the submission")
    if (size := path.stat().st_size) > TIMESTAMP:
        raise Unreadable(f"{what} has {size} bytes; a time has {TIMESTAMP} at most")
    text = _text(path.read_bytes()).strip()
    if not text:
        path.write_text("")
        return False
    try:
        with warnings.catch_warnings(action="error"):
            _complete(text)
            parse_utc(text)
    except Exception as error:  # whatever a parser of any text raises
        raise Unreadable(
            f"{what} holds {shown(text)!r}, and should hold a time such as 2026-01-31 10:00:00 UTC"
        ) from error
    path.write_text(text, encoding="utf-8")
    return True


def _text(data):
    """A text that some editor has written, with or without a mark of the order of its bytes."""
    wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return data.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _complete(text):
    """Raises: ValueError where a text names no day, or a time zone that there is not."""
    parts = text.split(" ")
    if len(parts) == 3:
        zone = parts.pop()
        known = re.fullmatch(r"[+-]?\d+", zone) or (re.fullmatch(r"[A-Za-z][\w+/-]*", zone) and gettz(zone))
        if not known:
            raise ValueError(f"there is no time zone {zone}")
    for_another_day = (datetime(2001, 1, 1), datetime(2002, 2, 2))
    first, second = (dateutil.parser.parse(" ".join(parts), default=one) for one in for_another_day)
    if first.date() != second.date():
        raise ValueError("it names no day")


def leave_out(folder, notebooks):
    """Remove of a graded submission what is in the way of its pages, and names that cannot be shown.

    Args:
        folder: in `autograded/`.
        notebooks: paths of its notebooks.
    """
    taken = {os.path.splitext(os.path.basename(one))[0] + ".html" for one in notebooks}
    top = os.fspath(folder)
    for place, folders, files in os.walk(top):
        for name in list(folders):
            if (place == top and name in taken) or shown(name) != name:
                shutil.rmtree(os.path.join(place, name))
                folders.remove(name)
        for name in files:
            if shown(name) != name:
                os.remove(os.path.join(place, name))


class Copies:
    """Copies of submissions, in a folder that nbgrader takes for `submitted/` where it is told to.

    The copies are gone when this is closed; what was killed before has left is removed by the next one.

    Args:
        coursedir: nbgrader's CourseDirectory.
        assignment: name.
        submitted: Submitted.

    Attributes:
        own: the folder that they are in, with the records of what was graded.

    Raises: nbgrader.api.MissingEntry for an assignment that the gradebook does not have.
    """

    def __init__(self, coursedir, assignment, submitted):
        self.coursedir, self.assignment, self.submitted = coursedir, assignment, submitted
        with Gradebook(coursedir.db_url, coursedir.course_id) as book:
            names = [one.name for one in book.find_assignment(assignment).notebooks]
        self.names = [f"{name}.ipynb" for name in names if fnmatch.fnmatchcase(name, coursedir.notebook_id)]
        if not self.names:
            raise NbGraderException(f"{assignment} has no notebook {coursedir.notebook_id}, but {names}")
        self.own = Path(os.path.normpath(coursedir.format_path(self._step(), ".", ".")))
        self.own.mkdir(parents=True, exist_ok=True)
        _sweep(self.own)
        self.root = Path(tempfile.mkdtemp(prefix=COPIES, dir=self.own))
        self._lock = os.open(self.root, FOLDER)
        lock(self._lock)

    def _step(self, *more):
        return os.path.join(self.coursedir.autograded_directory, OWN, *more)

    def close(self):
        os.close(self._lock)
        shutil.rmtree(self.root, ignore_errors=True)
        with contextlib.suppress(OSError):  # it holds something
            self.root.parent.rmdir()

    def folder(self, student):
        """Where the copy of a student's submission is."""
        return self.coursedir.format_path(self._step(self.root.name), student, self.assignment)

    def take(self, student):
        """Copy a submission.

        Returns: Taken, and the paths of the notebooks in the copy.
        Raises: Unreadable; OSError where this machine fails.
        """
        self.drop(student)
        folder, called = self.folder(student), self.submitted.path(student)
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        try:
            taken = self.submitted.take(student, folder)
            notebooks = notebooks_of(folder, called, self.names)
            source = self.coursedir.format_path(self.coursedir.source_directory, ".", self.assignment)
            check_beside(folder, called, source)
            check_time(folder, called)
        except BaseException:
            self.drop(student)
            raise
        return taken, notebooks

    def drop(self, student=None):
        """Remove the copy of a submission, if there is one; of all without `student`."""
        for path in self.root.iterdir() if student is None else [self.folder(student)]:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def as_submitted(self):
        """While the block runs, nbgrader finds the copies where it looks for submissions."""
        before = self.coursedir.submitted_directory
        self.coursedir.submitted_directory = self._step(self.root.name)
        try:
            yield
        finally:
            self.coursedir.submitted_directory = before


def _sweep(folder):
    """Remove copies whose process is gone: its lock went with it."""
    for path in folder.glob(f"{COPIES}*"):
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, FOLDER)
            try:
                if lock(descriptor):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
