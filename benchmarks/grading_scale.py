"""Grade many cheap submissions in one run of `python -m autograder grade`: is memory flat, is nothing lost?

    python benchmarks/grading_scale.py --submissions 1000 --workers 2 --kills 3

Makes a course of small notebooks without torch in a temporary folder, grades it while the memory of the
command and its workers is sampled, kills a worker now and then if asked to, and looks at every submission in
the gradebook afterwards. Exit status 1 if one is missing or has other points than it deserves.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from nbgrader.api import Gradebook

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "autograder" / "attacks"))
from small_course import HALF, PS, RIGHT, filled_in, hand_in, make

DESERVES = {0: 8.0, 1: 4.0}  # right and half right, in turn
WORKER, CHECKS = "multiprocessing.spawn", "autograder.engine.checker"


def batch(course, number):
    """A course in which so many students have handed in."""
    release = make(course)
    notebooks = [filled_in(release, answers) for answers in (RIGHT, HALF)]
    for student in range(number):
        hand_in(course, f"s{student:05}", notebooks[student % 2])


def sample(command):
    """Memory now, in MiB: of the command, and of the largest worker and the largest process of checks."""
    found = {"command": 0.0, "worker": 0.0, "checks": 0.0}
    for process in (command, *command.children(recursive=True)):
        try:
            words, size = " ".join(process.cmdline()), process.memory_info().rss / 2**20
        except psutil.Error:  # it has just ended
            continue
        if process == command:
            found["command"] = size
        for kind, mark in (("worker", WORKER), ("checks", CHECKS)):
            if mark in words:
                found[kind] = max(found[kind], size)
    return found


def workers_of(command):
    return [one for one in command.children() if WORKER in " ".join(one.cmdline())]


def run(course, workers, number, kills):
    """Grade the batch. Returns: (finished process' status, seconds, list of (graded so far, sample))."""
    words = [sys.executable, "-m", "autograder", "grade", PS, "--workers", str(workers)]
    chance, series, start = random.Random(0), [], time.monotonic()
    due = [number * (place + 1) // (kills + 1) for place in range(kills)]
    process = subprocess.Popen(words, cwd=course.parent)
    command, autograded = psutil.Process(process.pid), Path(course, "autograded")
    while process.poll() is None:
        done = len(os.listdir(autograded)) - 1 if autograded.is_dir() else 0
        series.append((done, sample(command)))
        if due and done >= due[0] and (found := workers_of(command)):
            due.pop(0)
            chance.choice(found).send_signal(signal.SIGKILL)
        time.sleep(1)
    return process.returncode, time.monotonic() - start, series


def lost(course, number):
    """The submissions that are not in the gradebook with what they deserve, or not in autograded/."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        scores = {one.student_id: one.score for one in book.assignment_submissions(PS)}
    with sqlite3.connect(course / "gradebook.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    students = [f"s{student:05}" for student in range(number)]
    assert sorted(scores) == students
    return [
        name
        for student, name in enumerate(students)
        if scores[name] != DESERVES[student % 2]
        or not (course / "autograded" / name / PS / f"{PS}.ipynb").is_file()
    ]


def growth(series, kind, number):
    """Memory in the second and the last fifth of a run (medians, MiB), and the slope in KiB a submission."""
    within = [
        (done, memory[kind]) for done, memory in series if number // 5 <= done < number and memory[kind]
    ]
    done, size = np.array(within, dtype=float).T
    early = statistics.median(size[done < 2 * number / 5])
    late = statistics.median(size[done >= 4 * number / 5])
    return early, late, 1024 * float(np.polyfit(done, size, 1)[0])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0, help="workers to kill, spread over the run")
    options = parser.parse_args()
    number, folder = options.submissions, Path(tempfile.mkdtemp(prefix="gan-scale-"))
    try:
        course = folder / "course"
        batch(course, number)
        status, seconds, series = run(course, options.workers, number, options.kills)
        missing = lost(course, number)
    finally:
        shutil.rmtree(folder)
    print(
        f"\n{number} submissions, {options.workers} workers, {options.kills} killed: exit status {status}, ",
        end="",
    )
    print(
        f"{seconds:.0f} s, {seconds / number:.2f} s a submission; {len(missing)} lost {missing[:5] or ''}\n"
    )
    print("| memory, MiB | second fifth | last fifth | KiB a submission |\n| --- | --- | --- | --- |")
    for kind in ("command", "worker", "checks"):
        early, late, slope = growth(series, kind, number)
        print(f"| {kind} | {early:.0f} | {late:.0f} | {slope:+.1f} |")
    return 1 if status or missing else 0


if __name__ == "__main__":
    sys.exit(main())
