"""The processes that grading starts end with the run, and with whoever has started it."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from small_course import HALF, RIGHT, filled_in, hand_in, make

RUNS = """
import sys

import psutil
from nbgrader.apps import AutogradeApp

for run in range(int(sys.argv[1])):
    AutogradeApp.clear_instance()
    app = AutogradeApp.instance()
    app.initialize(["ps", "--force", "--Application.log_level=CRITICAL"])
    app.start()
    names = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    print(run, len(names), names, flush=True)
"""


def course_of(folder, *submissions):
    release = make(folder)
    for number, answers in enumerate(submissions):
        hand_in(folder, f"s{number}", filled_in(release, answers))
    return folder


def started(course, code, *arguments):
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=course,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_many_runs_in_one_process_leave_no_process_behind(tmp_path):
    with started(course_of(tmp_path / "course", RIGHT, HALF), RUNS, "4") as process:
        lines = process.stdout.read().splitlines()
    assert [line.split(" ", 2)[:2] for line in lines] == [[str(run), "0"] for run in range(4)], lines


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_helpers_end_with_who_started_them_however_that_ends(tmp_path, sign):
    endless = RIGHT | {"double": "while True: pass"}
    with started(course_of(tmp_path / "course", endless), RUNS, "1") as process:
        parent, found, end = psutil.Process(process.pid), {}, time.monotonic() + 120
        while not any("checker" in command for command in found.values()):
            assert time.monotonic() < end and process.poll() is None
            found = _children(parent)
            time.sleep(0.1)
        time.sleep(1)
        found = _children(parent)
        process.send_signal(sign)
    gone, left = psutil.wait_procs(list(found), timeout=20)
    assert gone and not left


def _children(process):
    """The processes below one: dict to their command lines."""
    found = {}
    for one in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            found[one] = " ".join(one.cmdline())
    return found
