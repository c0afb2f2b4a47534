"""``python -m autograder collect``: the archive of an LMS into `submitted/`, one folder a student.

Whatever an entry is, it fails alone. Everything is counted, and a submission comes to its place when all of
it is there.
"""

import os
import shutil
import sys
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import AutogradeApp
from rich.console import Console
from rich.table import Table

from autograder.engine.intake import BYTES, FILES, FOLDER, MACHINES, OWN, walk
from autograder.engine.names import listed, shown
from autograder.engine.notebooks import SIZE, Unreadable, decoded, read
from autograder.grade.archive import BLOCK, BROKEN, RATIO, SLACK, Refused, entries, path_of
from autograder.grade.record import AnotherOne, only_writer
from autograder.grade.roster import Roster, Senders, is_litter, not_time

SAID = 200  # lines on what was refused


@dataclass
class Found:
    """What came of an archive.

    Attributes:
        refused: list of (name, why); `collected`, `unchanged` and `missing` are lists of ids.
    """

    collected: list = field(default_factory=list)
    unchanged: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    missing: list = field(default_factory=list)


class Collection:
    """The submissions of one archive on their way, in a folder of their own beside their places."""

    def __init__(self, folder, found, assignment):
        self.folder, self.found = Path(folder), found
        self.names = [f"{one.name}.ipynb" for one in assignment.notebooks]
        self.cells = {cell.name for one in assignment.notebooks for cell in one.source_cells}
        self.students, self.left = {}, 0

    def unpack(self, archive, whose):
        """Write what an archive holds. `whose` gives the student and the path of an entry. See `entries`."""
        self.left = SLACK + RATIO * os.path.getsize(archive)
        for name, wrong, size, opened in entries(archive):
            try:
                parts = path_of(name)
                if is_litter("/".join(parts)):
                    continue
                if wrong:
                    raise Refused(f"it is {wrong}")
                student, file = whose("/".join(parts))
                self._write(student, path_of(file), size, opened)
            except OSError as error:
                if error.errno in MACHINES:
                    raise
                self.found.refused.append((name, f"it cannot be written: {error.strerror or error}"))
            except BROKEN as error:
                self.found.refused.append((name, str(error) or "it is broken"))

    def _write(self, student, parts, size, opened):
        files = self.students.setdefault(student, {})
        most = min(BYTES - sum(files.values()), self.left)
        key = unicodedata.normalize("NFC", "/".join(parts)).casefold()
        if key in files:
            raise Refused("the student has another file of this name")
        if len(files) == FILES:
            raise Refused(f"with it the submission has more than {FILES} files")
        if size > most:
            raise Refused(f"with its {size} bytes there are too many")
        target = self.folder.joinpath(student, *parts)
        target.parent.mkdir(parents=True, exist_ok=True)
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
                self.left -= files.pop(key)
            raise
        self.left -= files[key]

    def unpack_inner(self, student):
        """Write what a student's own archive holds, where there is one and no notebook beside it."""
        files = [path for path in self.folder.joinpath(student).rglob("*") if path.is_file()]
        inner = [path for path in files if path.suffix.lower() == ".zip"]
        if len(inner) == 1 and not any(path.suffix.lower() == ".ipynb" for path in files):
            archive = inner[0].rename(self.folder / ".inner")
            seen = len(self.found.refused)
            try:
                self.unpack(archive, lambda path: (student, not_time(path)))
            except BROKEN as error:
                self.found.refused.append((inner[0].name, str(error)))
            mine = [(f"{student}/{name}", why) for name, why in self.found.refused[seen:]]
            self.found.refused[seen:] = mine

    def named(self, student):
        """The folder of a submission, its notebook under the assignment's name. Raises: Refused."""
        root = self.folder / student
        if not self.students[student]:
            raise Refused("nothing of it could be taken")
        while len(there := list(root.iterdir())) == 1 and there[0].is_dir():
            root = there[0]
        if any(root.joinpath(name).is_file() for name in self.names):
            return root
        books = [one for one in root.rglob("*") if one.suffix.lower() == ".ipynb" and one.is_file()]
        names = [shown(one.relative_to(root)) for one in books] or ["nothing that is a notebook"]
        if len(books) != 1 or len(self.names) != 1 or root.joinpath(self.names[0]).exists():
            raise Refused(f"there is no {' or '.join(self.names)}, but {listed(names, 5)}")
        if (size := books[0].stat().st_size) > SIZE:
            raise Refused(f"{names[0]} has {size} bytes, above the limit of {SIZE}")
        try:
            cells = read(decoded(books[0].read_bytes())).cells
        except Unreadable as error:
            raise Refused(f"{names[0]} is no notebook: {error}") from error
        if not self.cells & {one for cell in cells for one in (cell.id, _grade_id(cell))}:
            raise Refused(f"{names[0]} has no cell of the assignment")
        books[0].rename(root / self.names[0])
        return root

    def place(self, student, target, update):
        """Bring a submission to its place. Raises: Refused."""
        root, there = self.named(student), os.path.lexists(target)
        if target.is_symlink() or target.parent.is_symlink():
            raise Refused("its folder in the course is a link")
        if there and _fingerprint(target) == _fingerprint(root):
            self.found.unchanged.append(student)
            return
        if there and not update:
            raise Refused("another submission of this student is there; --update puts this one in its place")
        target.parent.mkdir(parents=True, exist_ok=True)
        old = self.folder / f".old-{len(self.found.collected)}"
        if there:
            os.rename(target, old)
        try:
            os.rename(root, target)
        except BaseException:
            if there:
                os.rename(old, target)
            raise
        self.found.collected.append(student)


def _grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _fingerprint(folder):
    handle = os.open(folder, FOLDER)
    try:
        return walk(handle, "it").fingerprint
    except Unreadable as error:
        return str(error)
    finally:
        os.close(handle)


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
    console, found, archive = Console(stderr=True, soft_wrap=True), Found(), os.path.abspath(archive)
    os.chdir(course)  # nbgrader's settings may say where they are by the working folder
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # for alembic
    app = AutogradeApp()
    app.initialize(["--Application.log_level=ERROR"])
    coursedir = app.coursedir
    own = os.path.normpath(coursedir.format_path(os.path.join(coursedir.autograded_directory, OWN), ".", "."))
    try:
        with only_writer(own), Gradebook(coursedir.db_url, coursedir.course_id) as book:
            _collect(coursedir, book, archive, assignment, pattern, update, found)
    except MissingEntry as error:
        console.print(
            f"{error}. Run nbgrader generate_assignment {assignment} first.", style="red", markup=False
        )
        return 1
    except (AnotherOne, OSError, *BROKEN) as error:
        begun = "Collecting has ended early" if found.collected else "Nothing was collected"
        console.print(
            f"{begun}: {shown(archive)}: {shown(error)}.", style="red", markup=False, highlight=False
        )
        return 1
    lines = [f"{shown(name)}: {shown(why)}" for name, why in found.refused]
    more = [f"and {len(lines) - SAID} more"] if len(lines) > SAID else []
    for line in lines[:SAID] + more:
        console.print(line, style="red", markup=False, highlight=False)
    if found.missing:
        said = f"handed in nothing: {', '.join(map(shown, found.missing))}"
        console.print(said, style="yellow", markup=False, highlight=False)
    counts = {name: str(len(value)) for name, value in vars(found).items()}
    table = Table(*counts, title=assignment)
    table.add_row(*counts.values())
    Console().print(table)
    return 1 if found.refused else 0


def _collect(coursedir, book, archive, assignment, pattern, update, found):
    submitted, roster = Path(coursedir.root, coursedir.submitted_directory), Roster(book)
    senders = Senders(roster, assignment, pattern, [name for name, *_ in entries(archive)])

    def place_of(student):
        return Path(coursedir.format_path(coursedir.submitted_directory, student, assignment))

    submitted.mkdir(parents=True, exist_ok=True)
    for left in submitted.glob(".collect-*"):  # of a run that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=".collect-", dir=submitted) as folder:
        collection = Collection(folder, found, book.find_assignment(assignment))
        collection.unpack(archive, senders.whose)
        for student in sorted(collection.students):
            try:
                senders.check(student)
                collection.unpack_inner(student)
                collection.place(student, place_of(student), update)
            except OSError as error:
                if error.errno in MACHINES:
                    raise
                found.refused.append((student, f"it cannot be written: {error.strerror or error}"))
            except Refused as error:
                found.refused.append((student, str(error)))
        found.missing += sorted(one for one in roster.ids if not os.path.lexists(place_of(one)))
