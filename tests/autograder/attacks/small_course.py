"""A small course without torch, and a notebook of it that is half right.

As in the repository, the course is a folder `course` beside its settings, where commands are typed.
"""

import os
import sys
from pathlib import Path

import commands
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook

CONFIG = Path(__file__).parents[3] / "autograder" / "nbgrader_config.py"
SETTINGS = """
c.IsolatedExecute.preload = []
c.IsolatedExecute.cell_seconds = 12
c.IsolatedExecute.call_seconds = 3.0
c.IsolatedExecute.notebook_seconds = 300
c.IsolatedExecute.memory_mb = 600
c.IsolatedExecute.processes = 64
c.IsolatedExecute.output_mb = 8
"""
# nbgrader as it comes: students' code and checks in one kernel
PLAIN = """
for name in ("exporter_class", "sanitize_preprocessors", "autograde_preprocessors"):
    del c.Autograde[name]
"""
SECRET = "s3cret"  # stands in every hidden part
PS = "ps"


def cell(name, source, *, points=None, solution=False, kind=new_code_cell):
    nbgrader = {
        "grade": points is not None,
        "grade_id": name,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        nbgrader["points"] = points
    return kind(source, id=name, metadata={"nbgrader": nbgrader})


def hidden(text):
    return f"### BEGIN HIDDEN TESTS\n{text.strip()}\n### END HIDDEN TESTS"


def stub(head, body):
    return f"{head}\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"


SOURCE = [
    cell("setup", "import math\nimport random\n\nSEED = 5"),
    cell("double", stub("def double(x):", "return 2 * x"), solution=True),
    cell(
        "double-check",
        "assert double(1) == 2\n"
        + hidden(
            """
s3cret_double = [-3, 0.5, 10**9]
for x in s3cret_double:
    wanted = 2 * x
    assert double(x) == wanted, f"double({x}) is {wanted}"
"""
        ),
        points=2,
    ),
    cell(
        "letters", "answer = set()\n### BEGIN SOLUTION\nanswer = {'A', 'C'}\n### END SOLUTION", solution=True
    ),
    cell(
        "letters-key",
        "assert isinstance(answer, set)\n"
        + hidden(
            "s3cret_key = {'A', 'C'}\nfloat(max(0, len(answer & s3cret_key) - len(answer - s3cret_key)))"
        ),
        points=2,
    ),
    cell("ranks", stub("def ranks(xs):", "return sorted(range(len(xs)), key=xs.__getitem__)"), solution=True),
    cell(
        "ranks-check",
        "assert ranks([3]) == [0]\n"
        + hidden(
            """
chance = random.Random(SEED)
s3cret_lists = [[chance.random() for _ in range(n)] for n in (2, 5, 9)] + [["s3cret-b", "s3cret-a"]]
for xs in s3cret_lists:
    assert ranks(xs) == sorted(range(len(xs)), key=xs.__getitem__), "the places of the sorted entries"
"""
        ),
        points=3,
    ),
    cell("area", stub("def area(r):", "return math.pi * r**2"), solution=True),
    cell(
        "area-check",
        "assert math.isclose(area(1), math.pi)\n"
        + hidden(
            """
from autograder.probe import probe


@probe
def seen_s3cret(area):
    s3cret_radii = "s3cret", 2.0
    return area(s3cret_radii[1])


s3cret_radius = 2.5
assert math.isclose(area(s3cret_radius), 19.634954084936208), "pi r squared"
assert math.isclose(seen_s3cret(area), 12.566370614359172), "pi r squared, seen from near"
assert area(0.0) == 0, "a circle that is a point"
"""
        ),
        points=1,
    ),
    cell("essay", "Why?", points=2, solution=True, kind=new_markdown_cell),
]
POINTS = {"double-check": 2, "letters-key": 2, "ranks-check": 3, "area-check": 1}
RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "letters": "answer = {'A', 'C'}",
    "ranks": "def ranks(xs):\n    return sorted(range(len(xs)), key=xs.__getitem__)",
    "area": "def area(r):\n    return math.pi * r**2",
    "essay": "Because.",
}
HALF = RIGHT | {"letters": "answer = {'A'}", "ranks": "def ranks(xs):\n    return list(range(len(xs)))"}
HALF_POINTS = {"double-check": 2, "letters-key": 1, "ranks-check": 0, "area-check": 1}


def make(folder, settings="", cells=SOURCE):
    """A course with the assignment released; returns the released notebook's path.

    Args:
        folder: to make; it must be called `course`, and the settings come beside it.
    """
    folder.mkdir(parents=True)
    (folder.parent / CONFIG.name).write_text(CONFIG.read_text() + SETTINGS + settings)
    source = folder / "source" / PS
    source.mkdir(parents=True)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), source / f"{PS}.ipynb")
    (source / "numbers.txt").write_text("1 2 3")
    done = nbgrader(folder, "generate_assignment", PS)
    assert done.returncode == 0, done.stderr
    return folder / "release" / PS / f"{PS}.ipynb"


def nbgrader(course, *arguments, **variables):
    """Runs a command of a course where it is typed, with more variables; returns the finished process."""
    command = [commands.NBGRADER, *arguments]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GRADERS_SECRET": "s3cret-environment",
    }
    environment |= variables
    return commands.run(command, course.parent, environment)


def grades(course):
    """Points that checks have given: dict from student to dict from check to points."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        return {
            submission.student.id: {
                grade.name: grade.auto_score
                for grade in submission.notebooks[0].grades
                if grade.name != "essay"
            }
            for submission in book.assignment_submissions(PS)
        }


def filled_in(release, answers):
    notebook = nbformat.read(release, as_version=4)
    for one in notebook.cells:
        one.source = answers.get(one.get("id"), one.source)
    return notebook


def hand_in(course, student, notebook, name=f"{PS}.ipynb"):
    """A submission, from a notebook or from the bytes of a file; returns its folder."""
    folder = course / "submitted" / student / PS
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, bytes):
        (folder / name).write_bytes(notebook)
    else:
        notebook = nbformat.from_dict(notebook)
        (folder / name).write_text(nbformat.writes(notebook), encoding="utf-8")
    return folder
