"""Batches on a scheduler and workers of their own, over TCP, some of which are killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batches import book_of, command, grade, table
from small_course import HALF, PS, RIGHT, filled_in, hand_in

from autograder.grade import schedule

DASK = str(Path(sys.executable).with_name("dask"))
STUDENTS = 6


class Cluster:
    """A scheduler and workers, processes of this machine."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.folder, self.address, self.processes = folder, f"tcp://127.0.0.1:{port}", []
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")

    def worker(self):
        folder = ("--local-directory", str(self.folder))
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *folder)

    def start(self, *words):
        with open(self.folder / f"{words[0]}-{len(self.processes)}.log", "w") as log:
            self.processes.append(subprocess.Popen([DASK, *words], stdout=log, stderr=log, cwd=self.folder))
        return self.processes[-1]

    def end(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "dask"
    folder.mkdir()
    found = Cluster(folder)
    yield found
    found.end()


@pytest.fixture
def course(empty):
    course, release = empty
    for number in range(STUDENTS):
        hand_in(course, f"s{number}", filled_in(release, HALF if number % 2 else RIGHT))
    return course


def started(course, cluster):
    arguments = command(course, "--scheduler", cluster.address)
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def graded(course):
    return sorted(path.parent.name for path in (course / "autograded").glob(f"*/{PS}"))


def until_graded(course, number, process):
    """Wait until so many submissions are in their places."""
    while len(graded(course)) < number:
        assert process.poll() is None, "".join(process.communicate())
        time.sleep(0.05)


def is_complete(course):
    found = book_of(course)
    scores = [found[f"s{number}", "submission"][2] for number in range(STUDENTS)]
    return scores == [4 if number % 2 else 8 for number in range(STUDENTS)]


def test_a_worker_is_killed_and_the_batch_goes_on(course, cluster):
    first = cluster.worker()
    process = started(course, cluster)
    until_graded(course, 1, process)
    cluster.worker()  # comes later, and gets the course as well
    until_graded(course, 3, process)
    first.send_signal(signal.SIGKILL)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert table(subprocess.CompletedProcess((), 0, out))["graded"] == STUDENTS
    assert is_complete(course)
    assert not any("tmp" in name for name in os.listdir(course / "autograded" / ".grading"))


def test_the_scheduler_is_killed_and_another_run_grades_the_rest(course, cluster):
    cluster.worker(), cluster.worker()
    process = started(course, cluster)
    until_graded(course, 2, process)
    cluster.scheduler.send_signal(signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == 1
    assert "the scheduler does not answer any more" in err and "run the same command again" in err
    assert "Traceback" not in err
    there = graded(course)
    assert 2 <= len(there) < STUDENTS
    before = {path: path.stat().st_mtime_ns for path in (course / "autograded").glob(f"*/{PS}/*.ipynb")}
    done = grade(course, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert table(done)["unchanged"] == len(there) and table(done)["graded"] == STUDENTS - len(there)
    assert is_complete(course)
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())


def test_where_nobody_answers_a_run_cannot_begin(monkeypatch, tmp_path):
    monkeypatch.setattr(schedule, "ANSWER", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with (
        pytest.raises(schedule.SchedulerLost, match=f"no scheduler answers at {address}"),
        schedule.connected(address, 1, str(tmp_path)),
    ):
        pass


def test_a_scheduler_without_workers_is_not_waited_for_without_end(monkeypatch, cluster, tmp_path):
    monkeypatch.setattr(schedule, "READY", 1.0)
    with (
        pytest.raises(schedule.SchedulerLost, match=f"start one with dask worker {cluster.address}"),
        schedule.connected(cluster.address, 1, str(tmp_path)),
    ):
        pass
