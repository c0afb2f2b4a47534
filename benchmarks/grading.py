"""Wall time of grading a batch: plain nbgrader beside this course's engine, in turn.

    python benchmarks/grading.py --copies 32 --rounds 3

Every submission is the same solved problem set. Plain nbgrader runs students' code and checks in one kernel,
unprotected; the engine isolates both, once with nbgrader's own command (one submission after the other) and
once with `python -m autograder grade` and two workers. Each command is a process of its own, started anew,
and grades a fresh course folder.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "autograder" / "attacks"))
from small_course import CONFIG, PLAIN, filled_in

SOURCE = Path(__file__).parents[1] / "autograder" / "course" / "source"
BIN = Path(sys.executable).parent
NBGRADER = [str(BIN / "nbgrader")]
PROGRAMS = {
    "nbgrader": (f"{PLAIN}c.Execute.timeout = 120\n", [*NBGRADER, "autograde"]),
    "engine, one worker": ("", [*NBGRADER, "autograde"]),
    "engine, two workers": ("", [sys.executable, "-m", "autograder", "grade", "--workers", "2"]),
}


def run(command, folder):
    """Run a command of the course. Returns: seconds. Raises: RuntimeError where it fails."""
    environment = os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder.parent, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def prepare(folder, settings, problem_set, copies):
    """A course folder with as many solved submissions. Returns: the points that each deserves."""
    shutil.copytree(SOURCE / problem_set, folder / "source" / problem_set)
    (folder.parent / CONFIG.name).write_text(CONFIG.read_text() + settings)
    run([*NBGRADER, "generate_assignment", problem_set], folder)
    solved = nbformat.read(SOURCE / problem_set / f"{problem_set}.ipynb", as_version=4)
    answers = {cell.id: cell.source for cell in solved.cells if utils.is_solution(cell)}
    released = filled_in(folder / "release" / problem_set / f"{problem_set}.ipynb", answers)
    for number in range(copies):
        place = folder / "submitted" / f"student{number:04d}" / problem_set
        place.mkdir(parents=True)
        nbformat.write(released, place / f"{problem_set}.ipynb")
    return sum(cell.metadata.nbgrader.points for cell in solved.cells if utils.is_grade(cell))


def check(folder, problem_set, copies, points):
    """Raises: RuntimeError where a submission did not get its points."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        scores = [submission.score for submission in book.assignment_submissions(problem_set)]
    if len(scores) != copies or any(abs(score - points) > 1e-9 for score in scores):
        raise RuntimeError(f"expected {copies} times {points} points, got {scores}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--set", default="ps1_minimax")
    parser.add_argument("--copies", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PROGRAMS, action="append", help="may be given several times")
    args = parser.parse_args()
    seconds = {name: [] for name in args.only or PROGRAMS}
    for turn in range(args.rounds):
        for name, rows in seconds.items():
            settings, command = PROGRAMS[name]
            with tempfile.TemporaryDirectory() as work:
                folder = Path(work) / "course"
                points = prepare(folder, settings, args.set, args.copies)
                rows.append(run([*command, args.set], folder) / args.copies)
                check(folder, args.set, args.copies, points)
            print(f"round {turn + 1}  {name:<20} {rows[-1]:7.2f} s a submission", flush=True)
    first = statistics.median(next(iter(seconds.values())))
    for name, rows in seconds.items():
        median = statistics.median(rows)
        print(f"{name:<20} median {median:7.2f} s a submission, {median / first:.2f} times the first")


if __name__ == "__main__":
    main()
