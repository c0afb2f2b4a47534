"""What a worker needs to grade submissions of an assignment, as data."""

import io
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from nbgrader import api
from nbgrader.utils import find_all_files

from autograder.engine.settings import Settings
from autograder.grade.gradebook_cells import (
    assignment_cells,
    check_languages,
    ordinary_texts,
    source_folder,
)


@dataclass(frozen=True)
class Assignment:
    """One assignment of a course.

    Attributes:
        cells: dict from the name of a notebook to a list of SourceCell.
        ordinary: dict from the name of a notebook to the texts of its other cells.
        given: the instructor's files, an archive, or None.
        kept: paths of those of them that students may change.
        settings: Settings.
        students: the ids of all who are in the gradebook, or have handed it in.
    """

    cells: dict
    ordinary: dict
    given: bytes | None
    kept: tuple
    settings: Settings
    students: frozenset


def assignment_of(coursedir, name, kept, settings, handed_in):
    """What the gradebook and the course folder say of an assignment. Returns: Assignment.

    Args:
        kept, settings: as in Assignment.
        handed_in: ids of those who have.

    Raises: nbgrader.api.MissingEntry where the gradebook does not have the assignment; NbGraderException
        where it is not written in Python.
    """
    cells, ordinary = {}, {}
    with api.Gradebook(coursedir.db_url, coursedir.course_id) as book:
        check_languages(book, name)
        for notebook in book.find_assignment(name).notebooks:
            info = {"assignment": name, "notebook": notebook.name}
            cells[notebook.name] = assignment_cells(book, coursedir, info)
            ordinary[notebook.name] = ordinary_texts(coursedir, info)
        students = frozenset(one.id for one in book.students).union(handed_in)
    source, given = source_folder(coursedir, {"assignment": name}), None
    if source.is_dir():
        given = pack(source, find_all_files(str(source), coursedir.ignore), dereference=True)
    return Assignment(cells, ordinary, given, tuple(kept), settings, students)


def pack(folder, paths=None, *, dereference=False):
    """An archive of some paths below a folder, or of all that is there, as bytes."""
    archive, folder = io.BytesIO(), Path(folder)
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1, dereference=dereference) as tar:
        for path in sorted(map(Path, folder.rglob("*") if paths is None else paths)):
            tar.add(path, str(path.relative_to(folder)), recursive=False)
    return archive.getvalue()


def unpack(archive, folder):
    """Write the files and folders of an archive that was made here into a folder, for everybody to read."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = Path(folder, member.name)
            _folder(path if member.isdir() else path.parent)
            if member.isfile():
                with tar.extractfile(member) as packed, open(path, "wb") as file:
                    shutil.copyfileobj(packed, file)
                path.chmod(0o644)  # whatever the umask


def _folder(path):
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir()
        path.chmod(0o755)
