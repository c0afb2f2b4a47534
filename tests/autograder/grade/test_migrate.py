"""A course that lies in its old place: commands refuse until it has moved, and then all counts as before."""

import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from batches import book_of, files, grade, table
from small_course import CONFIG, HALF_POINTS, POINTS, PS, SETTINGS, grades, nbgrader

from autograder.__main__ import main
from autograder.grade import migrate as module
from autograder.grade.copies import COPIES
from autograder.grade.migrate import Old, refuse_old
from autograder.grade.record import only_writer

FORMER = Path(__file__).parent / "fixtures" / "former_course.tar.gz"
ALL = ("source", "release", "downloaded", "submitted", "autograded", "feedback", "gradebook.db")
MORE = "gradebook.db-journal", f"report-{PS}.html", "students.csv"


@pytest.fixture
def here(tmp_path):
    """The folder of some settings, with a space in its name, and the course's folder as git has made it."""
    here = tmp_path / "our course"
    (here / "course" / "source" / PS).mkdir(parents=True)
    (here / "course" / "source" / PS / f"{PS}.ipynb").write_text("new")
    (here / CONFIG.name).write_text(CONFIG.read_text() + SETTINGS)
    return here


def old(here, *names):
    """Makes such files and folders in the old place; a folder holds a folder with a file."""
    for name in names:
        if "." in name:
            (here / name).write_text(name)
        else:
            (here / name / "my own").mkdir(parents=True)
            (here / name / "my own" / "a file.txt").write_text(name)


@pytest.fixture
def migrate(here, capfd):
    """Function that moves the course; returns the exit status and what is said."""

    def run(status):
        assert main(["migrate", "--course", str(here)]) == status
        return "".join(capfd.readouterr())

    return run


def everything(folder):
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def texts(folder):
    return sorted(text for text in everything(folder).values() if text)


def test_nothing_to_move_is_said(here, migrate):
    old(here, f"report-{PS}.html", "students.csv")  # these are no course
    (here / "source" / "empty").mkdir(parents=True)
    before = everything(here)
    assert migrate(0) == f"There is nothing to move: the course is in {here / 'course'}.\n"
    assert everything(here) == before


def test_a_course_whose_settings_leave_it_where_it_is_stays_there(here, migrate):
    old(here, *ALL)
    (here / CONFIG.name).write_text(f"get_config().CourseDirectory.root = {str(here)!r}\n")
    assert "nothing to move" in migrate(0) and (here / "submitted").is_dir()


def test_all_of_a_course_moves_by_name_and_says_so(here, migrate):
    old(here, *ALL, *MORE)
    expected = everything(here)
    said = migrate(0)
    for name in {*ALL, *MORE} - {"source"}:
        assert f"{here / name} is {here / 'course' / name} now\n" in said and not (here / name).exists()
    assert f"{here / 'source' / 'my own'} is {here / 'course' / 'source' / 'my own'} now\n" in said
    assert sorted(os.listdir(here)) == ["course", CONFIG.name]
    expected |= {"autograded/.grading": None, "autograded/.grading/lock": ""}
    del expected["course"], expected[CONFIG.name]
    assert everything(here / "course") == {
        name.removeprefix("course/"): text for name, text in expected.items()
    }
    assert "nothing to move" in migrate(0)


def test_what_is_moved_keeps_modes_and_times(here, migrate):
    old(here, *ALL)
    modes = {"submitted/my own/a file.txt": 0o400, "feedback": 0o2750, "gradebook.db": 0o660}
    for name, mode in modes.items():
        (here / name).chmod(mode)
        os.utime(here / name, ns=(10**18, 10**18 + 1))
    before = {name: (here / name).stat() for name in modes}
    migrate(0)
    for name, mode in modes.items():
        after = (here / "course" / name).stat()
        assert stat.S_IMODE(after.st_mode) == mode
        assert (after.st_ino, after.st_mtime_ns) == (before[name].st_ino, before[name].st_mtime_ns)


@pytest.mark.parametrize("name", ["submitted", "gradebook.db", f"source/{PS}/{PS}.ipynb", "students.csv"])
def test_what_is_in_the_way_is_named_and_nothing_moves(here, migrate, name):
    old(here, *ALL, *MORE)
    for place in (here / name, here / "course" / name):
        place.parent.mkdir(parents=True, exist_ok=True)
        if "." in name:
            place.write_text("x")
        else:
            place.mkdir(exist_ok=True)
    (here / "autograded" / ".grading").mkdir()
    (here / "autograded" / ".grading" / "lock").touch()
    before = everything(here)
    said = migrate(1)
    assert f"{here / 'course' / name} is there already, and {here / name} was to be moved there" in said
    assert said.endswith("Nothing was moved.\n") and len(said.splitlines()) == 2
    assert everything(here) == before


def test_links_move_as_they_are_and_not_those_that_would_lead_elsewhere(here, migrate, tmp_path):
    old(here, *ALL)
    shutil.move(here / "submitted", tmp_path / "disk")
    (here / "submitted").symlink_to("../disk")
    said = migrate(1)
    assert f"{here / 'submitted'} is a link to ../disk" in said and (here / "release").is_dir()
    (here / "submitted").unlink()
    (here / "submitted").symlink_to(tmp_path / "disk")
    migrate(0)
    assert (here / "course" / "submitted" / "my own" / "a file.txt").read_text() == "submitted"


ENDS = """
import os, signal, sys
from autograder.__main__ import main
rename, left = os.rename, int(sys.argv[1])
def ends(*places):
    global left
    rename(*places)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
os.rename = ends
main(["migrate", "--course", sys.argv[2]])
"""


@pytest.mark.parametrize("renames", [1, 3, 8])
def test_what_was_interrupted_refuses_and_goes_on(here, migrate, renames):
    old(here, *ALL, *MORE)
    before = texts(here)
    done = subprocess.run([sys.executable, "-c", ENDS, str(renames), str(here)], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(Old):
        refuse_old(here, here / "course")
    migrate(0)
    assert sorted(os.listdir(here)) == ["course", CONFIG.name]
    assert {*ALL, *MORE} <= set(os.listdir(here / "course"))
    assert texts(here) == before


def test_an_error_of_this_machine_is_said_and_the_rest_comes_later(here, migrate, monkeypatch):
    old(here, *ALL)
    rename = os.rename

    def full(place, target):
        if place.name == "autograded":
            raise OSError(18, "Invalid cross-device link", str(place))
        rename(place, target)

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "rename", full)
        said = migrate(1)
    assert (
        "Not all was moved: [Errno 18] Invalid cross-device link" in said and (here / "gradebook.db").exists()
    )
    migrate(0)
    assert (here / "course" / "autograded").is_dir() and not (here / "gradebook.db").exists()


@contextlib.contextmanager
def locked(folder):
    """Lock a folder as another process does."""
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield
    os.close(handle)


def test_nothing_moves_while_the_course_is_graded(here, migrate):
    old(here, *ALL)
    with only_writer(here / "autograded" / ".grading"):
        assert migrate(1).startswith("Nothing was moved: another run of this command is entering grades")
    (copies := here / "autograded" / ".grading" / f"{COPIES}x").mkdir()
    with locked(copies):
        assert migrate(1) == "Nothing was moved: nbgrader autograde is grading in this course.\n"
    with locked(here):
        assert migrate(1) == "Nothing was moved: another process moves this course.\n"
    assert (here / "submitted").is_dir() and not (here / "course" / "submitted").exists()
    migrate(0)


def test_nobody_grades_while_the_rest_of_a_course_is_moved(here, migrate):
    old(here, "gradebook.db")
    with only_writer(here / "course" / "autograded" / ".grading"):
        assert "Nothing was moved: another run" in migrate(1)
    migrate(0)
    assert (here / "course" / "gradebook.db").read_text() == "gradebook.db"


@pytest.mark.parametrize("name", [*ALL, "gradebook.db-journal", "solution"])
def test_each_part_of_a_course_is_refused(here, name):
    refuse_old(here, here / "course")
    old(here, name, *MORE[1:])
    with pytest.raises(SystemExit) as refused:
        refuse_old(here, here / "course")
    (line,) = str(refused.value).splitlines()
    command = f"python -m autograder migrate --course {shlex.quote(str(here))}"
    assert str(here) in line and f"({name})" in line and line.endswith(f"run `{command}`")
    refuse_old(here, here)


@pytest.mark.parametrize(
    "command",
    [
        "nbgrader autograde ps",
        "nbgrader generate_assignment ps",
        "nbgrader export",
        "python -m autograder grade ps",
        "python -m autograder collect x.zip ps",
        "python -m autograder settle ada ps --as graded",
        "jupyter server --no-browser --allow-root --port=0",
    ],
)
def test_commands_refuse_with_one_line(here, command):
    old(here, "submitted", "gradebook.db")
    before = everything(here)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {f"JUPYTER_{name}_DIR": str(here.parent / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    words = {"cwd": here, "env": os.environ | own | {"PATH": path}, "capture_output": True, "text": True}
    done = subprocess.run(command.split(), **words, timeout=120)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    said = (
        f"{here} still holds a course (submitted, gradebook.db), which belongs in {here / 'course'} now: run "
    )
    assert done.returncode == 1 and lines == [f"{said}`python -m autograder migrate --course '{here}'`"]
    assert "ERROR" not in done.stderr and "Traceback" not in done.stderr
    assert everything(here) == before


def test_a_command_typed_in_the_course_has_the_settings(small):
    course, _ = small
    shutil.copy(CONFIG.parent / "course" / CONFIG.name, course)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in (["nbgrader", "autograde", PS], [sys.executable, "-m", "autograder", "grade", PS]):
        done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert table(done)["unchanged"] == 1 and grades(course) == {"ada": POINTS}
    assert (
        course / "autograded" / ".grading" / f"{PS}.jsonl"
    ).is_file()  # the engine's, not nbgrader's alone


@pytest.fixture
def former(tmp_path):
    """What the code from before has left in the folder of the settings, and the rest as git brings it."""
    here = tmp_path / "former"
    here.mkdir()
    subprocess.run(["tar", "-xpzf", FORMER, "-C", here], check=True)
    (here / "course").mkdir()
    (here / "source").rename(here / "course" / "source")
    (here / CONFIG.name).write_text(CONFIG.read_text() + SETTINGS)
    return here


def test_what_the_former_version_has_begun_goes_on(former, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    course, graded = former / "course", files(former / "autograded")
    for done in (grade(course), nbgrader(course, "autograde", PS)):
        assert done.returncode == 1 and f"{former} still holds a course" in done.stderr
        assert os.listdir(course) == ["source"]
    assert main(["migrate", "--course", str(former)]) == 0
    capfd.readouterr()
    done = grade(course, "--workers", "1")
    assert done.returncode == 0 and "was graded with" not in done.stderr, done.stderr
    expected = {"graded": 1, "unchanged": 2, "failed": 0, "not graded (engine)": 0, "need manual grading": 2}
    assert table(done) == expected
    assert grades(course) == {"ada": POINTS, "bob": HALF_POINTS, "zoe": HALF_POINTS}
    scores = {key[0]: value[2] for key, value in book_of(course).items() if key[1] == "submission"}
    assert scores == {"ada": 8, "bob": 4, "zoe": 0}  # hers is settled
    after = files(course / "autograded")
    assert {name: after[name] for name in graded} == graded and f"bob/{PS}/{PS}.ipynb" in after
    done = nbgrader(course, "generate_feedback", PS)
    assert done.returncode == 0, done.stderr
    for words in (["generate_assignment", PS, "--force"], ["autograde", PS, "--force", "--student", "ada"]):
        done = nbgrader(course, *words)
        assert done.returncode == 0, done.stderr
    assert grades(course)["ada"] == POINTS
