"""The command leaves the gradebook and the files that nbgrader's own leaves, and grades nothing twice."""

import re
import shutil
from types import SimpleNamespace

import pytest
from batches import book_of, contents, files, grade, mixed, table
from small_course import HALF, PS, RIGHT, filled_in, hand_in, nbgrader


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same batch, graded by nbgrader and by the command."""
    folder = tmp_path_factory.mktemp("same")
    release = mixed(folder / "theirs" / "course")
    shutil.copytree(folder / "theirs", folder / "ours", symlinks=True)
    theirs = nbgrader(folder / "theirs" / "course", "autograde", PS)
    ours = grade(folder / "ours" / "course", "--workers", "2")
    return SimpleNamespace(folder=folder, release=release, theirs=theirs, ours=ours)


def test_the_gradebooks_are_the_same(both):
    theirs, ours = (book_of(both.folder / whose / "course") for whose in ("theirs", "ours"))
    assert ours == theirs
    assert ours["bob", "submission"][-1] == 6.0  # late: all that he has
    assert ours["ada", "submission"][-1] == 0
    assert ours["bob", "essay"] == (None, 1.5, None, 2.0, True)
    assert ours["kim", "essay", "comment"] == ("No response.", None)


def test_the_graded_folders_are_the_same(both):
    theirs, ours = (files(both.folder / whose / "course" / "autograded") for whose in ("theirs", "ours"))
    eve = f"eve/{PS}/{PS}.ipynb"
    assert b"your code ended the kernel" in ours[eve]
    varies = rb'your code ended the kernel: [^"]*|"execution_count": \w+'
    for found in (theirs, ours):  # how much is known of a kernel's end depends on the moment
        found[eve] = re.sub(varies, b"", found[eve])
    assert ours == theirs
    assert f"tim/{PS}/more.txt" in ours and f"bad/{PS}/{PS}.ipynb" not in ours


def test_both_say_that_two_submissions_failed_and_which(both):
    assert both.theirs.returncode == both.ours.returncode == 1
    assert "bad: " in both.ours.stderr and "it is not JSON" in both.ours.stderr
    assert "link: " in both.ours.stderr and "is a link" in both.ours.stderr
    assert table(both.ours) == {
        "graded": 5,
        "unchanged": 0,
        "failed": 2,
        "not graded (engine)": 0,
        "need manual grading": 4,
    }


def test_again_only_what_is_new_or_changed_is_graded(both):
    course = both.folder / "ours" / "course"
    before = book_of(course)
    for student in ("bad", "link"):
        shutil.rmtree(course / "submitted" / student)
    hand_in(course, "new", filled_in(both.release, HALF))
    hand_in(course, "tim", filled_in(both.release, RIGHT))
    done = grade(course, "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert (table(done)["graded"], table(done)["unchanged"]) == (2, 4)
    after = book_of(course)
    assert after["tim", "submission"][2] == 8 and after["new", "submission"][2] == 4
    same = {key: what for key, what in after.items() if "tim" not in key and "new" not in key}
    assert same == {key: what for key, what in before.items() if "tim" not in key}
    done = grade(course)
    assert (table(done)["graded"], table(done)["unchanged"], done.returncode) == (0, 6, 0)
    assert contents(f"sqlite:///{course / 'gradebook.db'}") == after


def test_what_nbgrader_has_graded_is_not_graded_again(both):
    course = both.folder / "theirs" / "course"
    for student in ("bad", "link"):
        shutil.rmtree(course / "submitted" / student)
    done = grade(course)
    assert (table(done)["graded"], table(done)["unchanged"]) == (0, 5), done.stderr
