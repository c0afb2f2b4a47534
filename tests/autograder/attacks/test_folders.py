"""Whatever lies in `submitted/`: what can be graded is, the rest fails by name, nothing vanishes or waits."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from batches import book_of, grade
from small_course import HALF, POINTS, PS, RIGHT, filled_in, grades, hand_in, make, nbgrader

from autograder.engine.names import shown

NFD = "u\u0308mit"  # as macOS writes it
ODD_IDS = ("[a]", "*", "a?", "new\nline", "\x1b]0;gone\x07", "r\u202eda", ".hidden", "<img src=x>", "x" * 101)


@pytest.fixture
def folder(tmp_path):
    """One of the test's own, which is gone afterwards: it holds what Python's own tools cannot remove."""
    yield tmp_path
    subprocess.run(["rm", "-rf", *tmp_path.iterdir()], check=True)


def deep(folder, levels):
    """Folders in folders, also where their path is longer than the system takes at once."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)


def nearly_4090(folder):
    """A file whose path, in the course, has nearly as many bytes as a path may have."""
    here = os.getcwd()
    os.chdir(folder)
    left = 4090 - len(os.fsencode(folder))
    while left > 300:
        os.mkdir("l" * 200)
        os.chdir("l" * 200)
        left -= 201
    Path("l" * (left - 2)).write_text("x")
    os.chdir(here)


def timestamp(text):
    return lambda folder: (folder / "timestamp.txt").write_bytes(text)


def half_characters(path):
    """Write such into a notebook where an editor keeps what it knows of its kernel."""
    notebook = json.loads(path.read_text())
    notebook["metadata"]["kernelspec"] = {"name": "\ud800", "display_name": "\udfff", "\ud800": "x"}
    path.write_text(json.dumps(notebook))


WRONG = {  # what is done to a right submission's folder, by the name of the student
    "deep": lambda folder: deep(folder, 1200),
    "long": nearly_4090,
    "megabytes": timestamp(b"2026-01-01 " * 300_000),
    "nonsense": timestamp(b"\x1b[2Jyesterday"),
    "no-day": timestamp(b"10:00"),
    "no-zone": timestamp(b"2026-01-01 10:00:00 Mars/Olympus"),
    "no-number": timestamp(b"99999999999999999999999"),
    "time-is-a-folder": lambda folder: (folder / "timestamp.txt").mkdir(),
    "time-is-a-link": lambda folder: (folder / "timestamp.txt").symlink_to("/dev/zero"),
    "nested": lambda folder: shutil.move(folder / f"{PS}.ipynb", _made(folder / PS)),
    "no-notebook": lambda folder: (folder / f"{PS}.ipynb").unlink(),
    "another": lambda folder: (folder / f"{PS}.ipynb").rename(folder / f"{PS} (1).ipynb"),
    "upper": lambda folder: folder.rename(folder.with_name(PS.upper())),
    "empty": lambda folder: shutil.rmtree(folder),
    "file": lambda folder: (shutil.rmtree(folder), folder.write_text("{}")),
    "takes-a-file's-place": lambda folder: (folder / "numbers.txt").mkdir(),
    "a-thousand-files": lambda folder: [(folder / f"{n}.txt").touch() for n in range(1001)],
}  # fmt: skip
RIGHT_ONES = {
    "ada": lambda folder: None,
    "Lovelace, Ada (2)": lambda folder: None,
    "'t Hooft": lambda folder: None,
    NFD: lambda folder: None,
    "byte-order": timestamp(b"\xef\xbb\xbf2026-01-01 10:00:00 UTC\r\n"),
    "notepad": timestamp("2026-01-01 10:00:00 UTC".encode("utf-16")),
    "zone": timestamp(b"2026-01-01 10:00:00 Europe/Berlin"),
    "page": lambda folder: (_made(folder / f"{PS}.html") / "x.txt").write_text("x"),
    "escapes": lambda folder: (folder / "\x1b]0;gone\x07\u202e.txt").write_text("x"),
    "surrogates": lambda folder: half_characters(folder / f"{PS}.ipynb"),
    "checkpoints": lambda folder: deep(_made(folder / ".ipynb_checkpoints"), 30),
    "zz": lambda folder: None,
}  # fmt: skip
IDS = {"ümit" if name == NFD else name for name in RIGHT_ONES}


def _made(folder):
    folder.mkdir()
    return folder


def filled(course):
    """A course with all of these submissions."""
    release = make(course)
    right = filled_in(release, RIGHT)
    for name, change in (WRONG | RIGHT_ONES).items():
        change(hand_in(course, name, right))
    submitted = course / "submitted"
    for name in ODD_IDS:
        hand_in(course, name, right)
    (submitted / "eve").symlink_to(submitted / "ada")
    _made(submitted / "eva")
    (submitted / "eva" / PS).symlink_to("../../source/ps")
    hand_in(course, "both-u\u0308", right)
    hand_in(course, "both-ü", right)
    (submitted / "mail.zip").write_text("x")
    (submitted / ".DS_Store").write_text("x")
    (submitted / ".ipynb_checkpoints").mkdir()
    (_made(_made(submitted / "not-yet") / "ps2") / "ps2.ipynb").write_text("{}")
    _made(course / "source" / "ps2")
    return release


FAILED = {*WRONG, *map(shown, ODD_IDS), "eve", "eva", "both-ü", "mail.zip"}


def quiet(done):
    """What the command has written, if no name in it steers a terminal."""
    text = done.stdout + done.stderr
    for steers in ("\x1b]", "\x1b[2J", "\x07", "\u202e"):
        assert steers not in text
    return text


def clean(course):
    """Nothing is left of what was made meanwhile."""
    assert not list((course / "autograded" / ".grading").glob("taken-*"))
    assert {path.parent.name for path in (course / "autograded").glob(f"*/{PS}")} == IDS
    scores = grades(course)
    assert {student: scores[student] for student in IDS} == dict.fromkeys(IDS, POINTS)
    for student in set(scores) - IDS:
        assert student in WRONG and not any(scores[student].values())


def test_python_m_autograder_grade(folder):
    course = folder / "course"
    filled(course)
    done = grade(course, "--workers", "2")
    text = quiet(done)
    assert done.returncode == 1 and "Traceback" not in text
    named = {line.partition(": ")[0] for line in done.stderr.splitlines()}
    assert named >= FAILED and not named & IDS, FAILED - named
    for name, said in SAID.items():
        assert any(line.startswith(f"{name}: ") and said in line for line in done.stderr.splitlines()), name
    clean(course)
    for student in ("page", "escapes"):
        files = {path.name for path in (course / "autograded" / student / PS).iterdir()}
        assert files == {f"{PS}.ipynb", "numbers.txt"}
    made = nbgrader(course, "generate_feedback", PS)
    assert made.returncode == 0, made.stderr
    assert {path.parent.parent.name for path in (course / "feedback").glob(f"*/{PS}/{PS}.html")} == IDS
    submitted = book_of(course)["byte-order", "submission"][0]
    assert str(submitted) == "2026-01-01 10:00:00" == str(book_of(course)["notepad", "submission"][0])


SAID = {
    "deep": "folders may be 20 deep",
    "megabytes": "3300000 bytes",
    "nonsense": r"\x1b[2Jyesterday",
    "no-day": "should hold a time such as",
    "another": f"there is no {PS}.ipynb in submitted/another/{PS}, but {PS} (1).ipynb",
    "nested": f"but {PS}",
    "upper": "but PS",
    "empty": "but nothing",
    "file": f"{PS} is no folder",
    "eve": "eve is a link",
    "eva": f"{PS} is a link",
    "both-ü": "two folders have this id",
    "mail.zip": "mail.zip is no folder",
    "[a]": "an id may hold letters and digits",
}


def test_nbgrader_autograde(folder):
    course = folder / "course"
    filled(course)
    done = nbgrader(course, "autograde", PS)
    text = quiet(done)
    assert done.returncode == 1
    for name in FAILED:
        assert f"There was an error processing assignment '{PS}' for student '{name}'" in text, name
    assert ".grading" not in text
    clean(course)
    again = nbgrader(course, "autograde", PS, "--student", "ada", "--force")
    assert again.returncode == 0, again.stderr


def test_nbgrader_autograde_where_its_globs_find_nothing(folder):
    course = folder / "course"
    release = make(course)
    none = nbgrader(course, "autograde", PS, "--student", "ada")
    assert none.returncode == 1 and f"there is no folder {course}/submitted" in none.stderr, none.stderr
    for student in ("upper", "bob", "[a]"):
        hand_in(course, student, filled_in(release, RIGHT))
    WRONG["upper"](course / "submitted" / "upper" / PS)
    shutil.move(course / "submitted" / "bob", _made(course / "submitted" / "unpacked"))
    done = nbgrader(course, "autograde", PS)
    assert done.returncode == 1
    for student, why in (("upper", "but PS"), ("unpacked", "but bob"), ("[a]", "an id may hold")):
        assert f"for student '{student}'" in done.stderr and why in done.stderr, student
    typed = nbgrader(course, "autograde", "p5")
    assert typed.returncode == 1 and "generate_assignment p5" in typed.stderr


@pytest.mark.parametrize("change", ["deep", "long", "megabytes"])
def test_none_of_them_holds_up_the_process_that_enters_grades(folder, change, monkeypatch):
    from autograder.engine.failures import Unreadable
    from autograder.grade.command import converter_of
    from autograder.grade.submitted import Submitted

    course = folder / "course"
    WRONG[change](hand_in(course, "eve", filled_in(make(course), HALF)))
    monkeypatch.chdir(course.parent)
    converter = converter_of(PS)
    begun = time.process_time()
    assert converter.submissions() == ["eve"] and not converter.is_graded("eve")
    with pytest.raises(Unreadable):
        converter.take("eve")
    converter.fail("eve")
    converter.close()
    assert time.process_time() - begun < 10
    assert Submitted(converter.coursedir, PS).folders == {"eve": "eve"}
