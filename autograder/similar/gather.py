"""What is compared: the code of submissions, what students were given, and what anybody can read."""

import ast
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.engine.failures import Unreadable
from autograder.engine.notebooks import read_file, released, restore
from autograder.engine.texts import plain
from autograder.grade.contents import notebooks_of
from autograder.grade.gradebook_cells import assignment_cells, check_languages, ordinary_texts
from autograder.grade.submitted import Submitted
from autograder.similar.pieces import Code

LONG = 50_000  # characters of code in a submission: more is no solution, and a page has to show it
OWN = "own cells"  # what a student has written into cells that the assignment does not have
FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)


@dataclass
class Work:
    """The code that somebody has handed in.

    Attributes:
        name: of the student, as it can be shown.
        cells: dict from the name of a cell to its Code.
        is_earlier: whether it is of an earlier year.
    """

    name: str
    cells: dict
    is_earlier: bool
    pieces: set = field(init=False)

    def __post_init__(self):
        self.pieces = set().union(*(code.pieces for code in self.cells.values()))


class Given:
    """The cells of an assignment as the gradebook has them.

    Attributes:
        pieces: of all code that students got, also of what stands in texts.

    Raises: nbgrader.api.MissingEntry, NbGraderException.
    """

    def __init__(self, coursedir, assignment):
        self.cells, self.ordinary, codes = {}, {}, []
        with Gradebook(coursedir.db_url, coursedir.course_id) as book:
            check_languages(book, assignment)
            for notebook in book.find_assignment(assignment).notebooks:
                info = {"assignment": assignment, "notebook": notebook.name}
                self.cells[notebook.name] = assignment_cells(book, coursedir, info)
                self.ordinary[notebook.name] = ordinary_texts(coursedir, info)
        for name, cells in self.cells.items():
            codes += [released(cell.source) for cell in cells if cell.kind == "code"] + self.ordinary[name]
            codes += [code for cell in cells for code in FENCED.findall(released(cell.source))]
            codes += [code for text in self.ordinary[name] for code in FENCED.findall(text)]
        self.pieces = set().union(*(Code(code).pieces for code in codes))

    def works(self, submitted, is_earlier):
        """The submissions, one at a time. Returns: iterator of (student, Work, or why there is none)."""
        yield from (submitted.failed | submitted.refused).items()
        for student in sorted(submitted.folders):
            try:
                work = Work(student, self._codes(submitted, student), is_earlier)
            except OSError:
                raise  # of this machine: whatever else cannot be read is the submission's
            except Exception as error:
                yield (
                    student,
                    str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}",
                )
                continue
            work.pieces -= self.pieces
            yield student, work if work.pieces else "there is no code but what students were given"

    def _codes(self, submitted, student):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "copy")
            submitted.take(student, copy)
            names = [f"{name}.ipynb" for name in self.cells]
            found = {
                path.stem: read_file(path)
                for path in map(Path, notebooks_of(copy, submitted.path(student), names))
            }
        texts = {}
        for name, notebook in found.items():
            restore(notebook, self.cells[name], self.ordinary[name])
            where = f"{name}: " * (len(self.cells) > 1)
            for cell, text in self._written(name, notebook):
                texts.setdefault(where + cell, []).append(text)
        codes = {cell: "\n\n".join(parts) for cell, parts in texts.items()}
        if (size := sum(map(len, codes.values()))) > LONG:
            raise Unreadable(f"its code has {size} characters, above the limit of {LONG}")
        return {cell: Code(text) for cell, text in codes.items()}

    def _written(self, name, notebook):
        """The codes in a notebook that a student has written: pairs of the name of a cell and the text."""
        asked = {
            cell.name
            for cell in self.cells[name]
            if cell.solution and cell.kind == "code" and not _is_answer(cell.source)
        }
        known = {plain(text) for text in self.ordinary[name]}
        for cell in notebook.cells:
            mine = cell.metadata.get("nbgrader", {}).get("grade_id")
            if mine in asked:
                yield mine, cell.source
            elif mine is None and cell.cell_type == "code" and plain(cell.source) not in known:
                yield OWN, cell.source


def _is_answer(source):
    """Whether a released cell has nothing but values to fill in (`answer_C1 = set()`)."""
    try:
        values = [line.value for line in ast.parse(source).body if isinstance(line, ast.Assign)]
        return bool(values) and all(ast.literal_eval(value) is not ... for value in values)
    except (SyntaxError, ValueError):
        return False


def submissions(coursedir, assignment, folder=None):
    """What lies in the course's `submitted/`, or an earlier one. Raises: NbGraderException if it is empty."""
    if folder is not None:
        coursedir = type(coursedir)(parent=coursedir.parent, submitted_directory=str(folder))
    return Submitted(coursedir, assignment)


def readable(path):
    """What anybody can read: functions of Python files, and code cells of notebooks, below a folder.

    Returns: iterator of (name, text). Raises: SyntaxError, ValueError, OSError.
    """
    for file in sorted([path] if path.is_file() else path.rglob("*")):
        name = f"{path.name}/{file.relative_to(path)}" if file != path else path.name
        if file.suffix == ".py":
            text = file.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef):
                    yield f"{name}: {node.name}", ast.get_source_segment(text, node)
        elif file.suffix == ".ipynb" and ".ipynb_checkpoints" not in file.parts:
            for place, cell in enumerate(read_file(file).cells, 1):
                if cell.cell_type == "code":
                    yield f"{name}: cell {place}", cell.source
