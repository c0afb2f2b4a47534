"""What the command says and does where things go wrong, and how it explains itself."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from batches import book_of, command, grade, table
from nbgrader.api import Gradebook
from small_course import PS, RIGHT, filled_in, hand_in, nbgrader

from autograder.__main__ import main
from autograder.grade.record import only_writer

ONLY_PYTHON = str(Path(sys.executable).parent)  # a path on which there is no bubblewrap


def test_where_the_engine_cannot_work_nothing_is_entered_and_the_command_says_so(small):
    course, release = small
    for student in ("bob", "eve", "kim"):
        hand_in(course, student, filled_in(release, RIGHT))
    done = grade(course, "--workers", "1", PATH=ONLY_PYTHON)
    assert done.returncode == 1
    assert "bubblewrap is not installed" in done.stderr
    assert "The engine has failed 3 times in a row" in done.stderr
    assert "run the same command again" in done.stderr and "Traceback" not in done.stderr
    assert table(done)["not graded (engine)"] == 3 and table(done)["graded"] == 0
    assert not list((course / "autograded").glob(f"*/{PS}"))
    assert not any(len(key) == 2 for key in book_of(course))  # no students, no submissions


@pytest.mark.parametrize(
    "by", [grade, lambda course: nbgrader(course, "autograde", PS)], ids=["many", "plain"]
)
def test_a_notebook_in_another_language_fails_where_the_assignment_names_none(small, by):
    course, release = small
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        book.find_notebook(PS, PS).kernelspec = "null"
        book.db.commit()
    notebook = filled_in(release, RIGHT)
    notebook.metadata.kernelspec |= {"name": "ir", "display_name": "R", "language": "R"}
    hand_in(course, "eve", notebook)
    done = by(course)
    assert done.returncode == 1 and f"{PS}.ipynb is written in R, and is run by Python" in done.stderr
    assert [path.parent.name for path in (course / "autograded").glob(f"*/{PS}")] == ["ada"]


@pytest.fixture
def temporary():
    """A folder for temporary files whose path is as short as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_keeps_what_is_entered_and_leaves_no_process(small, temporary, how):
    course, release = small
    for student in ("bob", "eve"):
        hand_in(course, student, filled_in(release, RIGHT))
    process = subprocess.Popen(
        command(course, "--workers", "1"),
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
    )
    while not list((course / "autograded").glob(f"*/{PS}")):
        assert process.poll() is None, "".join(process.communicate())
        time.sleep(0.05)
    helpers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, how)
    _, err = process.communicate()
    _, alive = psutil.wait_procs(helpers, timeout=60)
    assert alive == []
    if how == signal.SIGINT:
        assert process.returncode == 1
        assert "Interrupted." in err and "run the same command again" in err and "Traceback" not in err
        assert left(temporary) == []
    there = {path.parent.name for path in (course / "autograded").glob(f"*/{PS}")}
    assert 1 <= len(there) < 3 and all(book_of(course)[student, "submission"][2] == 8 for student in there)
    done = grade(course, "--workers", "1", TMPDIR=str(temporary))
    assert table(done)["unchanged"] == len(there) and table(done)["graded"] == 3 - len(there), done.stderr
    assert left(temporary) == []
    own = course / "autograded" / ".grading"
    assert sorted(os.listdir(own)) == ["lock", f"{PS}.jsonl", "waits"]
    assert {path.name for path in (own / "waits" / PS).iterdir()} == {"ada.json", "bob.json", "eve.json"}


def left(temporary):
    return [path.name for path in temporary.iterdir() if path.name.startswith(("gan-run", "gan-grade"))]


def test_two_runs_at_once_are_refused(small):
    course, _ = small
    with only_writer(course / "autograded" / ".grading"):
        done = grade(course)
    assert done.returncode == 1 and "another run of this command" in done.stderr


def test_an_unknown_assignment_is_named(small):
    course, _ = small
    (course / "submitted" / "ada" / "ps9").mkdir()
    (course / "submitted" / "ada" / "ps9" / "ps9.ipynb").write_text("{}")
    words = [word if word != PS else "ps9" for word in command(course)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1 and "nbgrader generate_assignment ps9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words, said",
    [
        (["grade"], "assignment"),
        (["grade", "ps", "--workers", "0"], "no number from 1 on"),
        (["grade", "ps", "--course", "/"], "it is no course folder"),
        (["grade", "ps", "--workers", "2", "--scheduler", "tls://x"], "not allowed with"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_explained(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and said in capsys.readouterr().err


def test_the_help_shows_how_to_use_it(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["grade", "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    for words in (
        "python -m autograder grade ps1_minimax",
        "dask worker tls://",
        "report-ps1_minimax.html",
        "Exit status",
    ):
        assert words in shown
