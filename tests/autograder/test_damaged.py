"""Right notebooks that arrive damaged keep all their points, or wait for a person."""

import ast
import contextlib
import io
import warnings

import damaged
import pytest

from autograder.engine.notebooks import SourceCell, decoded, read, restore

# of each way in which a cell is found, one; `python tests/autograder/damaged.py` grades all of them so
SOME = [
    damaged.colab,
    damaged.metadata_and_ids_gone,
    damaged.byte_order_mark,
    damaged.merged_into_the_one_behind,
    damaged.answers_typed_into_checks,
    damaged.answers_deleted,
]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return damaged.Course(tmp_path_factory.mktemp("damaged") / "course")


@pytest.fixture(scope="module")
def cells(course):
    """The assignment as the gradebook has it: with hidden tests, without solutions; and its other texts."""
    found, ordinary = [], []
    for source, release in zip(course.source.cells, course.release.cells, strict=True):
        marks = source.metadata.get("nbgrader")
        if marks is None:
            ordinary.append(source.source)
            continue
        text = release.source if marks.solution or "shared" in source.metadata else source.source
        kinds = marks.locked, marks.grade, marks.solution, marks.get("task", False), marks.get("points")
        found.append(SourceCell(marks.grade_id, source.cell_type, text, *kinds, "0" * 32))
    return found, ordinary


def points(notebook):
    """What the checks of a notebook give when all of it runs here, from top to bottom."""
    names, total = {"__name__": "__main__", "STUDENT": damaged.STUDENT, "CLASSMATES": ()}, 0
    for cell in notebook.cells:
        grade = cell.metadata.get("nbgrader", {}).get("grade", False)
        if cell.cell_type != "code":
            continue
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                body, value = ast.parse(cell.source), None
                last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
                exec(compile(body, cell.id, "exec"), names)
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), cell.id, "eval"), names)
        except Exception:
            continue
        if grade:
            total += value if isinstance(value, float) else cell.metadata.nbgrader.points
    return total


@pytest.mark.parametrize("kind", damaged.KINDS, ids=lambda kind: kind.__name__)
def test_every_damage_is_mended_or_waits(course, cells, kind, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    (content,) = damaged.damaged(course.source, course.release, [kind]).values()
    notebook = read(decoded(content))
    restore(notebook, *cells)
    waits = notebook.metadata.autograder.waits
    assert points(notebook) == 35 or (waits and kind is damaged.answers_deleted)
    unsaid = damaged.old_format, damaged.byte_order_mark, damaged.other_encoding, damaged.other_line_ends
    assert bool(notebook.metadata.autograder.mended) == (kind not in unsaid)


def test_nbgrader_grades_them(course):
    found = course.graded(SOME)
    assert found.pop("answers_deleted") == (27, True)
    assert found == {kind.__name__: (35, False) for kind in SOME[:-1]}
