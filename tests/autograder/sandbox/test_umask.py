"""An ordinary user grades too, whatever the umask."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

POINTS = {"double-check": 2, "letters-key": 2, "ranks-check": 3, "area-check": 1}


def test_a_course_is_graded_by_an_ordinary_user(as_ordinary_user):
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    possible = subprocess.run(as_ordinary_user(["bwrap", "--ro-bind", "/", "/", "true"]), capture_output=True)
    if possible.returncode:
        pytest.skip(f"ordinary users may not make namespaces here: {possible.stderr.decode().strip()}")
    home = Path(tempfile.mkdtemp(dir="/tmp"))  # pytest's own folders are closed to others
    home.chmod(0o777)
    root = Path(__file__).parents[3]
    paths = [root, *(root / "tests/autograder" / room for room in ("", "attacks", "grade"))]
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    code = (
        "import os, sys; os.umask(0o077); from test_umask import course_in; from batches import grade\n"
        f"course = course_in({str(home)!r}); done = grade(course, '--workers', '1')\n"
        "sys.stderr.write(done.stderr); from small_course import grades; print(grades(course))"
    )
    done = subprocess.run(
        as_ordinary_user([sys.executable, "-c", code]),
        env=environment,
        capture_output=True,
        text=True,
        cwd=root,
    )
    shutil.rmtree(home)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == {"ada": POINTS, "kim": POINTS}, done.stderr
