"""``python -m autograder migrate``: a course that lies beside the package moves to a folder of its own.

Until it has, every command of nbgrader and of this package refuses: it would begin with an empty course.
"""

import contextlib
import fcntl
import os
import shlex
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from autograder.grade.record import AnotherOne, only_writer

# What nbgrader makes or reads in the folder of a course. A gradebook's journal is a part of it.
COURSE = (
    "source",
    "source_with_tests",
    "release",
    "downloaded",
    "submitted",
    "autograded",
    "feedback",
    "solution",
    "gradebook.db*",
)
TABLES = "report-*.html", "*.csv"  # go with a course, and are none: who exports to this folder may do so


class Old(SystemExit):
    """A course lies in the old place; ends a command with a line that says so.

    Attributes:
        old, new: folders.
    """

    def __init__(self, old, new):
        command = f"python -m autograder migrate --course {shlex.quote(str(old))}"
        names = ", ".join(_names(old, COURSE))
        super().__init__(f"{old} still holds a course ({names}), which belongs in {new} now: run `{command}`")
        self.old, self.new = old, new


def refuse_old(old, new):
    """End the command where a course is still in its old place. A line of the settings calls this.

    Args:
        old: folder of the settings, where courses once were.
        new: folder of the course.

    Raises: Old.
    """
    old, new = Path(old), Path(new)
    if old != new and _names(old, COURSE):
        raise Old(old, new)


def _names(folder, patterns):
    """Names of what is there, in the order of the patterns. Empty folders are no source."""
    there = sorted(os.listdir(folder))
    names = [name for one in patterns for name in there if fnmatchcase(name, one)]
    return [name for name in names if name != "source" or _holds_files(folder / name)]


def _holds_files(folder):
    return not folder.is_dir() or any(files for _, _, files in os.walk(folder))


def migrate(course):
    """Move a course from the folder of its settings to where the settings say that it is.

    Args:
        course: folder with `nbgrader_config.py`.

    Returns: exit status: 0, or 1 if it has not moved, or not all of it; the last line says why.
    """
    from autograder.grade.course import open_course  # seconds to import: not for the settings

    try:
        app = open_course(course)
    except Old as found:
        return _migrate(found.old, found.new)
    print(f"There is nothing to move: the course is in {app.coursedir.root}.")
    return 0


def _migrate(old, new):
    try:
        with _alone(old, new):
            pairs = list(_pairs(old, new))
            if wrong := [why for pair in pairs if (why := _in_the_way(*pair))]:
                print("\n".join([*wrong, "Nothing was moved."]), file=sys.stderr)
                return 1
            for place, target in pairs:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(place, target)
                print(f"{place} is {target} now")
            _remove_empty(old / "source")
    except AnotherOne as error:
        print(f"Nothing was moved: {error}.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Not all was moved: {error}. The same command moves the rest.", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _alone(old, new):
    """See that nobody grades or moves meanwhile. Raises: AnotherOne."""
    from autograder.grade.copies import COPIES  # seconds to import: not for the settings
    from autograder.grade.course import OWN

    with contextlib.ExitStack() as stack:
        _hold(old, "another process moves this course", stack)
        for own in (old / "autograded" / OWN, new / "autograded" / OWN):
            if own.parent.is_dir():  # else nobody grades, and a folder for the lock would be in the way
                stack.enter_context(only_writer(own))
            for copies in own.glob(f"{COPIES}*"):
                _hold(copies, "nbgrader autograde is grading in this course", stack)
        yield


def _hold(folder, why, stack):
    """Lock a folder until the stack ends. Raises: AnotherOne where another process has."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AnotherOne(why) from error


def _pairs(old, new):
    """What is to be renamed: iterator of (where it is, where it is to be).

    What says that a course is here comes last: an interruption leaves some of it, and commands refuse.
    """
    for name in _names(old, TABLES + COURSE):
        if name == "source":  # most of it may have come to the new place by git
            yield from _merged(old / name, new / name)
        else:
            yield old / name, new / name


def _merged(place, target):
    """A folder as a whole, or what it holds where there is a folder of its name already."""
    if all(one.is_dir() and not one.is_symlink() for one in (place, target)):
        for name in sorted(os.listdir(place)):
            yield from _merged(place / name, target / name)
    else:
        yield place, target


def _in_the_way(place, target):
    """Why something cannot move, or None."""
    if os.path.lexists(target):
        return f"{target} is there already, and {place} was to be moved there"
    if place.is_symlink() and not os.path.isabs(leads := os.readlink(place)):
        return f"{place} is a link to {leads}, which leads elsewhere from {target}"
    return None


def _remove_empty(folder):
    for place, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # it holds something
            os.rmdir(place)
