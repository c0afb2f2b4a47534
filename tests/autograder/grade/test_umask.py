"""Whatever the umask of who grades: the sandbox's user is another one, and must be able to read."""

import os
import subprocess
from pathlib import Path

import pytest
from batches import command
from small_course import POINTS, PS, RIGHT, filled_in, grades, hand_in, make, nbgrader

READS = """
from pathlib import Path
factor = int(Path("data/factor.txt").read_text())
numbers = Path("numbers.txt").read_text()
more = Path("tables/more.txt").read_text()
made = sorted(path.name for path in Path("empty").iterdir())
def double(x):
    return factor * x if (numbers, more, made) == ("1 2 3", "4", []) else None
"""


@pytest.fixture(params=[0o077, 0o027], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def course_in(folder):
    """A course of which nobody but its owner may read a file."""
    course = Path(folder) / "course"
    release = make(course)
    (course / "source" / PS / "tables").mkdir()
    (course / "source" / PS / "tables" / "more.txt").write_text("4")
    for student in ("ada", "kim"):
        submitted = hand_in(course, student, filled_in(release, RIGHT | {"double": READS}))
        (submitted / "data").mkdir()
        (submitted / "empty").mkdir()
        (submitted / "data" / "factor.txt").write_text("2")
    return course


@pytest.mark.parametrize("by", ["nbgrader autograde", "grade"])
def test_a_course_is_graded_whatever_the_umask(tmp_path, umask, by):
    course = course_in(tmp_path)
    if by == "grade":
        done = subprocess.run(command(course, "--workers", "1"), capture_output=True, text=True)
    else:
        done = nbgrader(course, "autograde", PS)
    assert done.returncode == 0, done.stderr
    assert grades(course) == {"ada": POINTS, "kim": POINTS}
