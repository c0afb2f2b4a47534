"""What a submission causes is that submission's failure, by name; the engine's is what fails without it."""

import os
import re

import pytest
from nbformat.v4 import new_code_cell
from small_course import POINTS, PS, RIGHT, filled_in, grades, hand_in, make, nbgrader

# In a cell before all others of a right notebook.
CODE = {
    "late-snapshots": """
import autograder.engine.snapshot as snapshot, os, time
real = snapshot.snapshot
def late(path, token, number, names):
    if not os.fork():
        time.sleep(7 * number)
        real(path, token, number, names)
        time.sleep(600)
snapshot.snapshot = late
""",
    "no-snapshots": "import autograder.engine.snapshot as snapshot\nsnapshot.snapshot = lambda *a: None",
    "reference-without-a-path": """
from autograder.engine import snapshot
snapshot.Worker._other = lambda self, ref=None: lambda value, encode: ["function", [], "x", "function"]
""",
    "reference-to-a-tensor": """
from autograder.engine import snapshot
forged = ["function", ["tensor", 5], "x", "function"]
snapshot.Worker._other = lambda self, ref=None: lambda value, encode: forged
""",
    "reference-that-is-nothing": """
from autograder.engine import snapshot
snapshot.Worker._other = lambda self, ref=None: lambda value, encode: ["function", None, "x", "function"]
""",
    "worker-never-connects": """
from autograder.engine import snapshot
real = snapshot._connect
def connect(path, hello): return real(path, hello) if hello["role"] == "holder" else snapshot.time.sleep(600)
snapshot._connect = connect
""",
    "status-is-nonsense": """
from autograder.engine import snapshot
snapshot._status = lambda *a: ["x"] * 90
snapshot.Worker.answer = lambda *a: snapshot.os._exit(1)
""",
}


def named(name, kind):
    def change(folder):
        if kind == "file":
            (folder / name).write_text("x")
        else:
            (folder / name).mkdir()
            (folder / name / "x").write_text("x")

    return change


FILES = {
    **{f"{name[1:]}-{kind}": named(name, kind) for name in (".cache", ".config", ".local", ".ipython")
       for kind in ("file", "folder")},
    "timestamp-folder": named("timestamp.txt", "folder"),
    "timestamp-nonsense": lambda folder: (folder / "timestamp.txt").write_bytes(b"\xff\x00 the day after"),
    "name-of-the-notebook-folder": lambda folder: (folder / f"{PS}.html").mkdir(),
    "deep": lambda folder: os.makedirs(f"{folder}/" + "/".join(["x" * 200] * 15)),
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    course = tmp_path_factory.mktemp("whose") / "course"
    release = make(course, "c.IsolatedExecute.notebook_seconds = 15\n")
    for student in ("0-honest", "zz-honest"):
        hand_in(course, student, filled_in(release, RIGHT))
    for name, code in CODE.items():
        notebook = filled_in(release, RIGHT)
        notebook.cells.insert(0, new_code_cell(code))
        hand_in(course, name, notebook)
    for name, change in FILES.items():
        change(hand_in(course, name, filled_in(release, RIGHT)))
    return course, nbgrader(course, "autograde", PS)


def test_the_batch_goes_on(graded):
    scores = grades(graded[0])
    assert scores["0-honest"] == scores["zz-honest"] == POINTS, graded[1].stderr[-5000:]


@pytest.mark.parametrize("name", [*CODE, *FILES])
def test_it_is_graded_or_fails_by_name(graded, name):
    course, done = graded
    scores = grades(course).get(name)
    failed = f"for student '{name}'" in done.stderr
    assert failed != (scores is not None), f"{scores}\n{done.stderr[-5000:]}"
    assert failed == (not (course / "autograded" / name / PS).exists())
    if failed:
        assert done.returncode != 0
    elif name in FILES:
        assert scores == POINTS
    assert "and no submission after it" not in done.stderr and not re.search(
        "Nothing was graded", done.stderr
    )
