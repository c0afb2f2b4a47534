"""What lies in `submitted/`, which can be whatever students put there: whose it is, or why nobody's."""

import contextlib
import fnmatch
import os
import stat

from nbgrader.api import Gradebook
from nbgrader.converters import NbGraderException
from nbgrader.utils import full_split

from autograder.engine.failures import Unreadable
from autograder.engine.names import listed, shown, student_id
from autograder.grade.walk import FOLDER, MACHINES, names_in, walk

SHOWN = 5  # names of what lies in a folder, in a message


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
                there = [one for one in names_in(handle, shown(folder)) if not one.startswith(".")]
                if name not in there:
                    strange = [entry for entry in there if entry not in known]
                    if strange or not there:
                        instead = listed_names(strange) or "nothing"
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


def listed_names(names):
    """Some names of files, as they can be shown in a message."""
    return listed([shown(one) for one in names], SHOWN)
