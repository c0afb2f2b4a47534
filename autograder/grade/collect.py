"""``python -m autograder collect``: the archive of an LMS into `submitted/`, one folder a student.

Whatever an entry is, it fails alone. Everything is counted, and a submission comes to its place when all of
it is there.
"""

import os
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from rich.console import Console
from rich.table import Table

from autograder.engine.failures import Unreadable
from autograder.engine.names import shown
from autograder.grade.archive import BLOCK, BROKEN, SLACK, Refused, entries, path_of
from autograder.grade.course import open_course, own_folder
from autograder.grade.notebook_names import Notebooks
from autograder.grade.record import AnotherOne, only_writer
from autograder.grade.roster import NOT_TIME, Roster, Senders, Sent, is_litter, is_time
from autograder.grade.walk import BYTES, FILES, FOLDER, MACHINES, walk

SAID = 20  # lines on the files of one sender
BEFORE = ".before"  # in submitted/, ASSIGNMENT/STUDENT: submissions while others come to their places


@dataclass
class Found:
    """What came of an archive.

    Attributes:
        collected, unchanged, missing: lists of ids.
        refused, older: lists of (sender, name of a file, why).
        lost: dict from the id of a student whose submission does not come to its place to the reason.
    """

    collected: list = field(default_factory=list)
    unchanged: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    older: list = field(default_factory=list)
    lost: dict = field(default_factory=dict)


class Collection:
    """The submissions of one archive on their way, in a folder of their own beside their places.

    Attributes:
        students: dict from id to a dict from each file, in letters that all systems tell apart, to its bytes.
        places: dict from id to the set of paths of its files and folders.
        partial: ids of students of whom something was refused.
    """

    def __init__(self, folder, found, assignment):
        self.folder, self.found = Path(folder), found
        self.notebooks = Notebooks(assignment)
        self.students, self.places, self.partial = {}, {}, set()

    def unpack(self, archive, whose, above=""):
        """Write what an archive holds; it is called `above` in messages. `whose` gives the Sent of a path."""
        for path, wrong, size, opened in entries(archive):
            if is_litter(path):
                continue
            sent, name = whose(path), above + path
            if sent.is_older:
                self.found.older.append((sent.sender, name, sent.wrong))
                continue
            try:
                if re.match("[A-Za-z]:", path):
                    raise Refused("its path leads elsewhere")
                path_of(path)
                if wrong := wrong or sent.wrong:
                    raise Refused(wrong)
                self._write(sent.student, path_of(sent.file), size, opened)
            except (OSError, *BROKEN) as error:
                self.found.refused.append((sent.sender, name, _why(error)))
                if str(error) != NOT_TIME:  # of nothing else is the rest a whole
                    self.partial.add(sent.student)

    def _write(self, student, parts, size, opened):
        files, places = self.students.setdefault(student, {}), self.places.setdefault(student, set())
        most = min(size, BYTES - sum(files.values()))
        key = unicodedata.normalize("NFC", "/".join(parts)).casefold()
        there = places | {"/".join(parts[: n + 1]) for n in range(len(parts))}
        if key in files:
            raise Refused("the student has another file of this name")
        if len(there) > FILES:
            raise Refused(f"with it the submission has more than {FILES} files and folders")
        if size > most:
            raise Refused(f"with its {size} bytes there are too many")
        if shutil.disk_usage(self.folder).free < size + SLACK:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        target = self.folder.joinpath(student, *parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        places |= there
        try:
            with opened() as file, open(target, "xb") as copy:
                files[key] = 0
                while block := file.read(min(BLOCK, most - files[key] + 1)):
                    files[key] += len(block)
                    if files[key] > most:
                        raise Refused(f"with it there are more than {most} bytes")
                    copy.write(block)
        except BaseException:
            if key in files:
                target.unlink()
                del files[key]
            raise

    def unpack_inner(self, student):
        """Write what a student's own archive holds, where there is one and no notebook beside it."""
        files = [path for path in self.folder.joinpath(student).rglob("*") if path.is_file()]
        inner = [path for path in files if path.suffix.lower() == ".zip"]
        if len(inner) == 1 and not any(path.suffix.lower() == ".ipynb" for path in files):
            archive = inner[0].rename(self.folder / ".inner")
            self.places[student].discard(inner[0].relative_to(self.folder / student).as_posix())

            def whose(path):
                return Sent(student, student, path, NOT_TIME if is_time(path) else None)

            try:
                self.unpack(archive, whose, f"{student}/")
            except BROKEN as error:
                self.found.refused.append((student, f"{student}/{inner[0].name}", _why(error)))
                self.partial.add(student)

    def place(self, student, target, before, update):
        """Bring a submission to its place; another one from there to `before`. Raises: Refused, OSError."""
        if not self.students.get(student):
            raise Refused("nothing of it could be taken")
        root, there = self.notebooks.arrange(self.folder / student), os.path.lexists(target)
        if target.is_symlink() or target.parent.is_symlink():
            raise Refused("its folder in the course is a link")
        try:
            mine = _fingerprint(root)
        except Unreadable as error:
            raise Refused(str(error)) from error
        if there and _is_same(target, mine):
            self.found.unchanged.append(student)
            return
        if there and not update:
            raise Refused("another submission of this student is there; --update puts this one in its place")
        if there and student in self.partial:
            raise Refused("the submission that is there stays: not all files of this one could be taken")
        target.parent.mkdir(parents=True, exist_ok=True)
        if there:
            before.parent.mkdir(parents=True, exist_ok=True)
            os.rename(target, before)
        os.rename(root, target)
        self.found.collected.append(student)


def put_back(submitted, place_of):
    """Bring back what a run that was ended has taken from its place, if nothing has come there."""
    for before in submitted.joinpath(BEFORE).glob("*/*"):
        place = place_of(before.name, before.parent.name)
        if not os.path.lexists(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            os.rename(before, place)
    shutil.rmtree(submitted / BEFORE, ignore_errors=True)


def _why(error):
    """Why an entry cannot be taken. Raises: the error, if that is this machine's."""
    if not isinstance(error, OSError):
        return str(error) or "it is broken"
    if error.errno in MACHINES:
        raise error
    return f"it cannot be written: {error.strerror or error}"


def _fingerprint(folder):
    handle = os.open(folder, FOLDER)
    try:
        return walk(handle, "it").fingerprint
    finally:
        os.close(handle)


def _is_same(folder, fingerprint):
    try:
        return _fingerprint(folder) == fingerprint
    except Unreadable:
        return False


def collect(course, archive, assignment, *, pattern=None, update=False):
    """Unpack an archive into `submitted/`, and say what came of it.

    Args:
        course: folder with `nbgrader_config.py`.
        archive: path of a zip, tar or tar.gz.
        assignment: name.
        pattern: regular expression for the whole path of an entry, with groups `student` and `file`.
        update: put another version of a submission in the place of the one that is there.

    Returns: exit status: 0, or 1 if anything was refused.
    """
    found, archive = Found(), os.path.abspath(archive)
    console = Console(stderr=True, soft_wrap=True, emoji=False, markup=False, highlight=False)
    coursedir = open_course(course).coursedir
    try:
        with only_writer(own_folder(coursedir)), Gradebook(coursedir.db_url, coursedir.course_id) as book:
            _collect(coursedir, book, archive, assignment, pattern, update, found)
    except MissingEntry as error:
        console.print(f"{error}. Run nbgrader generate_assignment {assignment} first.", style="red")
        return 1
    except (AnotherOne, OSError, *BROKEN) as error:
        begun = "Collecting has ended early" if found.collected else "Nothing was collected"
        console.print(f"{begun}: {shown(archive)}: {shown(error)}.", style="red")
        return 1
    for line in _lines(found.older):
        console.print(line, style="yellow")
    for line in _lines(found.refused) + [f"{shown(name)}: {shown(why)}" for name, why in found.lost.items()]:
        console.print(line, style="red")
    if found.missing:
        console.print(f"handed in nothing: {', '.join(map(shown, found.missing))}", style="yellow")
    refused = len(found.refused) + len(found.lost)
    table = Table("collected", "unchanged", "refused", "missing", title=assignment)
    table.add_row(*map(str, (len(found.collected), len(found.unchanged), refused, len(found.missing))))
    Console().print(table)
    return 1 if refused else 0


def _lines(refused):
    """What is said of files: nobody's hide another's."""
    senders = {}
    for sender, name, why in refused:
        senders.setdefault(sender, []).append(f"{shown(name)}: {shown(why)}")
    for sender, lines in senders.items():
        lines[SAID:] = [f"{shown(sender)}: {len(lines) - SAID} files more"] if len(lines) > SAID else []
    return [line for lines in senders.values() for line in lines]


def _collect(coursedir, book, archive, assignment, pattern, update, found):
    submitted, roster = Path(coursedir.root, coursedir.submitted_directory), Roster(book)
    senders = Senders(roster, assignment, pattern, [name for name, *_ in entries(archive)])

    def place_of(student, assignment=assignment):
        return Path(coursedir.format_path(coursedir.submitted_directory, student, assignment))

    submitted.mkdir(parents=True, exist_ok=True)
    put_back(submitted, place_of)
    for left in submitted.glob(".collect-*"):  # of a run that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=".collect-", dir=submitted) as folder:
        collection = Collection(folder, found, book.find_assignment(assignment))
        collection.unpack(archive, senders.whose)
        try:
            for student in sorted(senders.seen):
                try:
                    senders.check(student)
                    collection.unpack_inner(student)
                    before = submitted / BEFORE / assignment / student
                    collection.place(student, place_of(student), before, update)
                except (OSError, Refused) as error:
                    found.lost[student] = _why(error)
        finally:
            put_back(submitted, place_of)
        found.missing += sorted(one for one in roster.ids if not os.path.lexists(place_of(one)))
