"""Broken submissions fail alone and by name, odd ones are graded, and the engine's failures are its own."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_output
from small_course import (
    HALF,
    HALF_POINTS,
    POINTS,
    PS,
    RIGHT,
    filled_in,
    grades,
    hand_in,
    make,
    nbgrader,
)


def raw(release):
    return json.loads(release.read_text())


BROKEN = {
    "not-json": lambda release: b'{"cells": [',
    "not-text": lambda release: b"\xff\xfe\x00" * 1000,
    "empty": lambda release: b"",
    "no-notebook": lambda release: b"[1, 2]",
    "no-cells": lambda release: json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode(),
    "format-9": lambda release: json.dumps(raw(release) | {"nbformat": 9}).encode(),
    "deep": lambda release: b"[" * 100_000,
    "too-many-parts": lambda release: b'{"nbformat": 4, "cells": [' + b"[]," * 5_000_000 + b"0]}",
    "too-much-text": lambda release: json.dumps(
        raw(release) | {"cells": [{"cell_type": "code", "source": "x" * 1_100_000}]}
    ).encode(),
}
FOLDERS = (
    "link-to-a-device", "link-to-the-source", "notebook-is-a-link", "link-to-a-folder", "pipe",
    "notebook-is-a-folder", "a-terabyte", "too-many-files",
)  # fmt: skip


def with_output(release, size):
    notebook = filled_in(release, RIGHT)
    for cell in notebook.cells:
        if cell.get("id") == "double":
            cell.outputs = [new_output("stream", text="x" * size)]
    return notebook


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    course = tmp_path_factory.mktemp("broken") / "course"
    release = make(course)
    for student in ("0-honest", "zz-honest"):
        hand_in(course, student, filled_in(release, RIGHT))
    for name, content in BROKEN.items():
        hand_in(course, name, content(release))
    hand_in(course, "a-hundred-megabytes", with_output(release, 100_000_000))
    hand_in(course, "other-file", filled_in(release, RIGHT), name="my-solution.ipynb")
    hand_in(course, "no-cells-at-all", json.dumps(raw(release) | {"cells": []}).encode())
    folder = hand_in(course, "shadows", filled_in(release, HALF))
    for name in ("math", "random", "autograder", "json", "sitecustomize"):
        (folder / f"{name}.py").write_text("raise SystemExit")
    (folder / "kernel.json").write_text('{"argv": ["touch", "/tmp/gan-attack-kernel"], "language": "python"}')
    folder = hand_in(course, "reads-its-files", filled_in(release, RIGHT | {"double": READS}))
    (folder / "factor.txt").write_text("2")
    folder = hand_in(course, "odd-names", filled_in(release, RIGHT))
    for name in (b"\xff\xfe.txt", b"a\nb.txt", b"numbers.txt ", b"-rf", "\u202e.py".encode()):
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_text("2")
    links = {name: hand_in(course, name, filled_in(release, HALF)) for name in FOLDERS}
    (links["notebook-is-a-folder"] / f"{PS}.ipynb").unlink()
    (links["notebook-is-a-folder"] / f"{PS}.ipynb").mkdir()
    (links["a-terabyte"] / "data.bin").touch()
    os.truncate(links["a-terabyte"] / "data.bin", 1 << 40)
    for number in range(2001):
        (links["too-many-files"] / f"{number}.txt").touch()
    (links["link-to-a-device"] / "zeros").symlink_to("/dev/zero")
    (links["link-to-the-source"] / "data.txt").symlink_to(course / "source" / PS / f"{PS}.ipynb")
    (links["link-to-a-folder"] / "data").symlink_to(course)
    (links["notebook-is-a-link"] / f"{PS}.ipynb").unlink()
    (links["notebook-is-a-link"] / f"{PS}.ipynb").symlink_to(course / "source" / PS / f"{PS}.ipynb")
    os.mkfifo(links["pipe"] / "pipe")
    return course, nbgrader(course, "autograde", PS)


READS = """
factor = int(open("factor.txt").read())
numbers = open("numbers.txt").read()
def double(x):
    return factor * x if numbers == "1 2 3" else None
"""


def test_honest_notebooks_beside_broken_ones_score_what_they_deserve(graded):
    course, _ = graded
    scores = grades(course)
    for student in ("0-honest", "zz-honest", "a-hundred-megabytes", "reads-its-files", "odd-names"):
        assert scores[student] == POINTS, student


def test_broken_submissions_fail_by_name_and_the_command_says_so(graded):
    course, done = graded
    assert done.returncode == 1
    for name in (*BROKEN, *FOLDERS):
        assert f"There was an error processing assignment '{PS}' for student '{name}'" in done.stderr, name
        assert not (course / "autograded" / name / PS).exists()
    failed = [
        line
        for line in done.stderr.splitlines()
        if "There was an error processing assignment 'ps' for" in line
    ]
    assert len(failed) == len(BROKEN) + len(FOLDERS) + 1  # and the file with another name


def test_a_submission_without_any_cell_has_earned_nothing(graded):
    assert set(grades(graded[0])["no-cells-at-all"].values()) == {0}


def test_files_that_are_called_like_libraries_change_nothing(graded):
    assert grades(graded[0])["shadows"] == HALF_POINTS
    assert not os.path.exists("/tmp/gan-attack-kernel")


# the engine's own failures


@pytest.fixture
def course(tmp_path):
    course = tmp_path / "course"
    hand_in(course_made := course, "ada", filled_in(make(course), RIGHT))
    return course_made


ONLY_PYTHON = str(Path(sys.executable).parent)  # a path on which there is no bubblewrap


@pytest.mark.parametrize("what", ["no bubblewrap", "no room for files"])
def test_where_the_engine_cannot_work_nothing_is_graded_and_the_command_says_so(course, what):
    variables = {"PATH": ONLY_PYTHON} if what == "no bubblewrap" else {"TMPDIR": _full(course)}
    done = nbgrader(course, "autograde", PS, **variables)
    assert done.returncode != 0
    assert re.search("Nothing was graded|was not graded", done.stderr), done.stderr
    if what == "no bubblewrap":
        assert "bubblewrap is not installed" in done.stderr and "c.IsolatedExecute.unsafe" in done.stderr
    assert not (course / "autograded" / "ada" / PS).exists()
    assert grades(course) == {}
    again = nbgrader(course, "autograde", PS)
    assert again.returncode == 0 and grades(course) == {"ada": POINTS}


def _full(course):
    """A folder in which no folder can be made: its names are already too long."""
    path = course
    while len(str(path)) < 4050:
        path = path / ("x" * min(250, 4060 - len(str(path))))
        try:
            path.mkdir()
        except OSError:
            break
    return str(path)


def test_without_bubblewrap_the_unsafe_switch_grades_and_warns(tmp_path):
    course = tmp_path / "course"
    release = make(course, "c.IsolatedExecute.unsafe = True\n")
    hand_in(course, "ada", filled_in(release, RIGHT))
    hand_in(course, "hugo", filled_in(release, HALF))
    done = nbgrader(course, "autograde", PS, PATH=ONLY_PYTHON)
    assert done.returncode == 0, done.stderr
    assert "WITHOUT a sandbox" in done.stderr
    assert grades(course) == {"ada": POINTS, "hugo": HALF_POINTS}
