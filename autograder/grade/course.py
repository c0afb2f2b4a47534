"""What a worker needs of a course to grade one assignment of it, as data."""

import io
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cloudpickle
from nbgrader import api
from nbgrader.converters import NbGraderException
from nbgrader.utils import find_all_files
from sqlalchemy import create_engine, insert, select
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from autograder.grade.gradebook_cells import check_languages

ENTERS = "nbgrader.preprocessors.SaveAutoGrades"


@dataclass(frozen=True)
class Course:
    """One assignment of a course.

    Attributes:
        assignment: its name.
        config: nbgrader's settings, pickled.
        book: an SQLite gradebook with nothing but the assignment in it.
        files: the instructor's files (an archive of `source/` and `release/`).
    """

    assignment: str
    config: bytes
    book: bytes
    files: bytes

    def make(self, root):
        """Write the course into an empty folder. Returns: its settings (traitlets.Config)."""
        root = Path(root)
        unpack(self.files, root)
        (root / "gradebook.db").write_bytes(self.book)
        config = cloudpickle.loads(self.config)
        config.CourseDirectory.update(
            root=str(root), db_url=f"sqlite:///{root / 'gradebook.db'}", assignment_id=self.assignment
        )
        return config


def course_of(converter):
    """The course of an nbgrader converter, for its assignment.

    Raises: nbgrader.api.MissingEntry where the gradebook does not have the assignment; NbGraderException
        where it is not written in Python.
    """
    coursedir, assignment = converter.coursedir, converter.coursedir.assignment_id
    with api.Gradebook(coursedir.db_url, coursedir.course_id) as book:
        check_languages(book, assignment)
    config = Config(converter.config)
    kept = {name: getattr(coursedir, name) for name in ("course_id", "ignore", "notebook_id")}
    config.CourseDirectory = Config(kept)  # folders have their usual names there, whatever they are here
    archive, names = io.BytesIO(), ("source", "release")
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1, dereference=True) as tar:
        for name in names:
            step = getattr(coursedir, f"{name}_directory")
            _add(tar, coursedir.format_path(step, ".", assignment), f"{name}/{assignment}", coursedir.ignore)
    return Course(assignment, cloudpickle.dumps(config), _book(coursedir, assignment), archive.getvalue())


def pack(folder):
    """An archive of all files and folders below a folder, as bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        for path in sorted(Path(folder).rglob("*")):
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


def halves(preprocessors):
    """nbgrader's preprocessors up to the one that enters points, and from it on.

    Raises: NbGraderException where none of them enters points.
    """
    kinds = [import_item(one) if isinstance(one, str) else one for one in preprocessors]
    for place, kind in enumerate(kinds):
        if issubclass(kind, import_item(ENTERS)):
            return kinds[:place], kinds[place:]
    raise NbGraderException(
        f"c.Autograde.autograde_preprocessors has no {ENTERS}: no points would be entered"
    )


def _add(tar, folder, name, ignore):
    for path in sorted(find_all_files(str(folder), ignore)):
        tar.add(path, os.path.join(name, os.path.relpath(path, folder)), recursive=False)


def _book(coursedir, assignment):
    """A gradebook of one assignment, as bytes of an SQLite file: no students, no grades."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gradebook.db")
        engine = create_engine(f"sqlite:///{path}")
        api.Base.metadata.create_all(engine)
        with api.Gradebook(coursedir.db_url, coursedir.course_id) as book, engine.begin() as copy:
            found = book.find_assignment(assignment)
            notebooks = [notebook.id for notebook in found.notebooks]
            cells = select(api.BaseCell.id).where(api.BaseCell.notebook_id.in_(notebooks))
            rows = {
                api.Course: api.Course.id == found.course_id,
                api.Assignment: api.Assignment.id == found.id,
                api.Notebook: api.Notebook.id.in_(notebooks),
                api.BaseCell: api.BaseCell.notebook_id.in_(notebooks),
                api.SourceCell: api.SourceCell.notebook_id.in_(notebooks),
            }
            kinds = (api.GradeCell, api.SolutionCell, api.TaskCell)
            rows |= {kind: kind.__table__.c.id.in_(cells) for kind in kinds}
            for kind, condition in rows.items():
                table = kind.__table__
                for row in book.db.execute(select(table).where(condition)).mappings():
                    copy.execute(insert(table).values(**row))
        engine.dispose()
        return path.read_bytes()
