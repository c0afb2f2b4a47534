"""The processes that grading starts end with the run, and with whoever has started it."""

import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from round_trip.serving import serving
from small_course import HALF, RIGHT, filled_in, grades, hand_in, make

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
    print(run, len(names), psutil.Process().num_fds(), names, flush=True)
"""
IMPORTING = """
import time

from autograder.sandbox.forkserver import ForkServer

print(ForkServer(["-c", "import time; time.sleep(600)"], (), {}).process.pid, flush=True)
time.sleep(600)
"""
KINDS = "checker", "zygote.py", "supervise.py"


def course_of(folder, *submissions):
    release = make(folder)
    for number, answers in enumerate(submissions):
        hand_in(folder, f"s{number}", filled_in(release, answers))
    return folder


def started(folder, code, *arguments):
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def watched(process):
    """Yields a dict: of the kinds of helpers that a process starts, how many it has had at a time."""
    most, done = collections.Counter(), threading.Event()

    def watch():
        while not done.wait(0.02):
            with contextlib.suppress(psutil.Error):
                commands = [" ".join(child.cmdline()) for child in process.children()]
                for kind in KINDS:
                    most[kind] = max(most[kind], sum(kind in command for command in commands))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield most
    finally:
        done.set()
        watching.join()


@pytest.mark.parametrize(
    "runs",
    [
        4,
        pytest.param(
            20,
            marks=pytest.mark.exhaustive(
                "tests/autograder/engine/test_helpers_end.py::test_several_runs_in_one_process_leave_no_process_behind"
            ),
        ),
    ],
)
def test_several_runs_in_one_process_leave_no_process_behind(tmp_path, runs):
    with (
        started(course_of(tmp_path / "course", RIGHT).parent, RUNS, str(runs)) as process,
        watched(psutil.Process(process.pid)) as most,
    ):
        lines = process.stdout.read().splitlines()
    assert [line.split(" ", 2)[:2] for line in lines] == [[str(run), "0"] for run in range(runs)], lines
    assert most == dict.fromkeys(KINDS, 1)  # a set of them at a time
    open_files = [int(line.split(" ", 3)[2]) for line in lines]
    assert open_files[-1] <= open_files[1], open_files


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("double", ["while True: pass", "def double(x):\n    while True: pass"])
def test_helpers_end_with_who_started_them_however_that_ends(tmp_path, sign, double):
    course = course_of(tmp_path / "course", RIGHT | {"double": double})
    with started(course.parent, RUNS, "1") as process:
        parent, found, end = psutil.Process(process.pid), {}, time.monotonic() + 120
        while not all(any(kind in command for command in found.values()) for kind in KINDS):
            assert time.monotonic() < end and process.poll() is None
            found = _children(parent)
            time.sleep(0.1)
        time.sleep(1)
        found = _children(parent)
        process.send_signal(sign)
    gone, left = psutil.wait_procs(list(found), timeout=10)
    assert len(gone) > len(KINDS) and not left


def test_a_helper_in_the_middle_of_its_imports_ends_with_who_started_it(tmp_path):
    with started(tmp_path, IMPORTING) as process:
        helper = psutil.Process(int(process.stdout.readline()))
        process.kill()
    assert not psutil.wait_procs([helper], timeout=10)[1]


def test_the_servers_button_leaves_no_process_behind(tmp_path):
    course = course_of(tmp_path / "course", RIGHT, HALF)
    with serving(course) as server:
        process = psutil.Process(server.process.pid)
        for student in ("s0", "s1", "s0"):
            with watched(process) as most:
                page = f"formgrader/api/submission/ps/{student}/autograde"
                said = json.loads(server.answer(page, method="POST").read())
            assert said["success"], said
            assert most == dict.fromkeys(KINDS, 1)
            assert not _children(process)
    assert {name: sum(points.values()) for name, points in grades(course).items()} == {"s0": 8, "s1": 4}


def _children(process):
    """The processes below one: dict to their command lines."""
    found = {}
    for one in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            found[one] = " ".join(one.cmdline())
    return found
