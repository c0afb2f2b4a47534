"""Every assignment: the release keeps its secrets, right notebooks earn everything, blank ones nothing."""

import csv
import html
import re
from pathlib import Path

import nbformat
import pytest
from nbgrader import utils
from round_trip.submissions import OTHERS, POINTS

SOURCE = Path(__file__).parents[3] / "autograder" / "course" / "source"
SETS = sorted(path.stem for path in SOURCE.glob("*/*.ipynb"))
STUDENTS = [(name, student) for name in SETS for student in ("ada", "bela", *OTHERS.get(name, {}))]
STUB = "raise NotImplementedError  # your work takes the place of this line"


@pytest.fixture(params=SETS)
def name(request):
    return request.param


def points(course, name):
    cells = course.source(name).cells
    return {
        cell.id: cell.metadata.nbgrader.points
        for cell in cells
        if "points" in cell.metadata.get("nbgrader", {})
    }


def secrets(source):
    """Lines of a source notebook that no student may see, by the ids of their cells."""
    text = "\n".join(cell.source for cell in source.cells)
    shown = lines(re.sub(r"### BEGIN ([A-Z ]+).*?### END \1", "", text, flags=re.DOTALL))
    region = re.compile(r"### BEGIN .*?\n(.*?)### END", re.DOTALL)
    found = {cell.id: "\n".join(region.findall(cell.source)) for cell in source.cells}
    return {name: lines(hidden) - shown for name, hidden in found.items()}


def lines(text):
    """The lines that say something: not a bracket alone."""
    return {line.strip() for line in text.splitlines() if re.search(r"\w", line)}


def test_the_release_holds_no_solution_hidden_test_key_or_mark_scheme(course, name):
    path, source = course.release(name), course.source(name)
    text, hidden = path.read_text(), secrets(source)
    assert "BEGIN" not in text and "autograder" not in text
    released = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    assert list(released) == [cell.id for cell in source.cells]
    assert sum(map(len, hidden.values())) > 20
    for cell in source.cells:
        assert not hidden[cell.id] & lines(released[cell.id].source), cell.id
        if "key" in cell.metadata:
            shown = released[cell.id].source + released[cell.id.replace("-key", "-answer")].source
            assert "number in" not in shown and "lambda" not in shown and "drawn_for" not in shown, cell.id


def test_released_answers_are_blanks_and_functions_stubs(course, name):
    for cell in nbformat.read(course.release(name), as_version=4).cells:
        if "answer" in cell.metadata:
            assert re.fullmatch(r'answer_\w+ = (set\(\)|None|"")', cell.source)
        elif utils.is_solution(cell):
            assert STUB in cell.source


def test_a_blank_release_raises_only_not_implemented(course, name, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {"__name__": "__main__"}
    for cell in nbformat.read(course.release(name), as_version=4).cells:
        if cell.cell_type == "code":
            try:
                exec(compile(cell.source, cell.id, "exec"), names)
                earned = cell.metadata.get("nbgrader", {}).get("points", 0)
            except NotImplementedError:
                earned = 0
            assert not earned, cell.id


@pytest.mark.parametrize(("name", "student"), STUDENTS)
def test_every_cell_earns_its_points(course, name, student):
    grades, full = course.grades(name, student), points(course, name)
    tasks = {cell.id for cell in course.source(name).cells if utils.is_task(cell)}
    expected = dict.fromkeys(full, 0.0) | POINTS.get((name, student), {})
    if student == "ada":
        expected = full | dict.fromkeys(tasks, 0.0)  # nobody has read the essays yet
    assert {cell: grade["score"] for cell, grade in grades.items()} == pytest.approx(expected)
    assert {cell: grade["max_score"] for cell, grade in grades.items()} == full
    waits = {cell for cell, grade in grades.items() if grade["needs_manual_grade"]} - tasks
    assert not waits or (name, student) == ("ps0_theory", "carl")  # see test_ps0


def test_exported_totals(course, name):
    course.graded(name)
    course.nbgrader("export", "--to", "typed.csv")
    with (course.folder.parent / "typed.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == name}
    full = points(course, name)
    by_hand = sum(full[cell.id] for cell in course.source(name).cells if utils.is_task(cell))
    assert {float(row["max_score"]) for row in rows.values()} == {sum(full.values())}
    if by_hand:  # nobody has read the essays yet: that is no score
        assert (rows["ada"]["status"], rows["ada"]["score"]) == ("waits", "")
    else:
        assert (rows["ada"]["status"], float(rows["ada"]["score"])) == ("graded", sum(full.values()))
    assert (rows["bela"]["status"], float(rows["bela"]["score"])) == ("graded", 0)


def test_feedback_hides_what_the_release_hides(course, name):
    source = course.source(name)
    tests = {cell.id for cell in source.cells if not utils.is_solution(cell)}
    hidden = {line for cell, found in secrets(source).items() if cell in tests for line in found}
    words = "HIDDEN TESTS", "MARK SCHEME", "choice_score", "numeric_score", "key=", "look_again"
    for student in course.graded(name):
        page = course.page(name, student)
        assert not [word for word in words if word in page], student
        assert "<script>alert" not in page
        written = nbformat.read(course.folder / "submitted" / student / name / f"{name}.ipynb", as_version=4)
        locked = {cell.id for cell in written.cells if cell.metadata.get("nbgrader", {}).get("locked")}
        own = lines("\n".join(cell.source for cell in written.cells if cell.id not in locked))
        shown = lines(html.unescape(re.sub("<[^>]*>", "", page)))
        assert sorted(shown & hidden - own) == [], student
    assert "AssertionError: " not in course.page(name, "ada")


def test_validate_passes_a_solved_release(course, name, tmp_path):
    path = tmp_path / "solved.ipynb"
    nbformat.write(course.filled_in(name, course.solved(name, "ada")), path)
    assert "Success! Your notebook passes all the tests." in course.nbgrader("validate", str(path))
