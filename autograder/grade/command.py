"""``python -m autograder grade``: a batch from its submissions to the gradebook and the report."""

import collections
import time
from dataclasses import dataclass, field

from nbgrader.api import MissingEntry
from nbgrader.converters import NbGraderException
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from sqlalchemy.exc import DataError, SQLAlchemyError

from autograder.engine.failures import Unreadable
from autograder.engine.names import shown
from autograder.grade import report, waits
from autograder.grade.assignment import assignment_of
from autograder.grade.course import open_course
from autograder.grade.enter import Enter
from autograder.grade.record import AnotherOne, only_writer
from autograder.grade.schedule import SchedulerLost, Workers, connected, processors
from autograder.grade.walk import MACHINES

ENGINE_FAILURES = 3  # in a row, after which a run ends: the next ones would fail as well
EVERY = 60.0  # seconds between lines on the progress where there is no terminal for a bar
AGAIN = "What is in the gradebook stays; run the same command again to grade the rest."


@dataclass
class Outcome:
    """How many submissions were graded and unchanged, and why the others were not graded, by student.

    Attributes:
        outdated: students of the unchanged ones that were graded when the assignment was another one.
        notes: lines on what to know.
    """

    graded: int = 0
    unchanged: int = 0
    failed: dict = field(default_factory=dict)
    engine: dict = field(default_factory=dict)
    ended: str | None = None
    outdated: set = field(default_factory=set)
    notes: list = field(default_factory=list)

    @property
    def status(self):
        return 1 if self.failed or self.engine or self.ended else 0


def grade_batch(course, assignment, *, workers=None, scheduler=None, force=False, students=()):
    """Grade what is new in a course.

    Args:
        course: folder with `nbgrader_config.py`.
        assignment: name.
        workers: processes on this machine; None for one a processor.
        scheduler: address of a Dask scheduler whose workers are to be used instead.
        force: grade all, also what has not changed since it was graded.
        students: ids; only these are graded, if there are any.

    Returns: exit status: 0, or 1 if anything could not be graded.
    """
    console = Console(stderr=True, soft_wrap=True)
    try:
        converter = converter_of(assignment, course)
        with only_writer(converter.own):
            outcome = _grade(converter, console, workers, scheduler, force, students)
    except (AnotherOne, NbGraderException, MissingEntry) as error:
        hint = f" Run nbgrader generate_assignment {assignment} first." * isinstance(error, MissingEntry)
        console.print(f"Nothing was graded: {error}.{hint}", style="red", markup=False, highlight=False)
        return 1
    _say(outcome, converter, console)
    return outcome.status


def converter_of(assignment, course="."):
    """nbgrader's converter for an assignment of the course in a folder. See `course.open_course`."""
    app = open_course(course, assignment)
    return Enter(coursedir=app.coursedir, parent=app)


def _grade(converter, console, workers, scheduler, force, students):
    there, outcome = converter.submissions(), Outcome()
    kept = converter.exclude_overwriting.get(converter.assignment, ())
    assignment = assignment_of(converter.coursedir, converter.assignment, kept, converter.settings, there)
    failed, refused = converter.submitted.failed, converter.submitted.refused
    if students:
        unknown = set(students).difference(there, failed, refused)
        outcome.failed |= dict.fromkeys(unknown, "nothing was handed in under this id")
        there = [student for student in there if student in students]
    wanted = set(students) or {*failed, *refused}
    outcome.failed |= {name: why for name, why in (failed | refused).items() if name in wanted}
    for student in wanted.intersection(failed):
        converter.fail(student)
    waiting = collections.deque(student for student in there if force or not converter.is_graded(student))
    unchanged = set(there).difference(waiting)
    outcome.unchanged = len(unchanged)
    outcome.outdated, outcome.notes = converter.outdated(sorted(unchanged))
    if not waiting:
        return outcome
    batch, total = _Batch(converter, waiting, outcome), len(waiting) + len(outcome.failed)
    try:
        with converter.scratch() as folder, _progress(console) as progress:
            task, said = progress.add_task(converter.assignment, total=total), time.monotonic()
            with connected(scheduler, min(workers or processors(), len(waiting)), folder) as client:
                for count in batch.run(Workers(client, assignment, None if scheduler else folder)):
                    progress.update(task, completed=count)
                    if not console.is_terminal and time.monotonic() - said > EVERY:
                        said = time.monotonic()
                        console.print(_line(progress.tasks[task]))
    except SchedulerLost as error:
        outcome.ended = f"{error}."
    except (SQLAlchemyError, OSError) as error:
        outcome.ended = f"The gradebook or the course folder does not work: {error}."
    except KeyboardInterrupt:
        outcome.ended = "Interrupted."
    finally:
        converter.close()
    empty = sorted(set(converter.untimed))
    outcome.notes += [f"{student}: timestamp.txt is empty, which counts as in time" for student in empty]
    return outcome


class _Batch:
    """Submissions on their way: out as files, back as notebooks, into the gradebook one by one."""

    def __init__(self, converter, waiting, outcome):
        self.converter, self.outcome = converter, outcome
        self.waiting, self.taken, self.in_a_row = waiting, {}, 0

    def run(self, workers):
        """Returns: iterator of how many are done."""
        for student, graded in workers.results(self.take):
            self._back(student, graded)
            if self.in_a_row == ENGINE_FAILURES:
                self.outcome.ended = f"The engine has failed {ENGINE_FAILURES} times in a row."
                return
            yield self.outcome.graded + len(self.outcome.failed) + len(self.outcome.engine)

    def take(self):
        """The next submission that can be sent: (student, notebooks, files), or None."""
        while self.waiting:
            student = self.waiting.popleft()
            try:
                self.taken[student], *sent = self.converter.take(student)
                return student, *sent
            except OSError:
                raise  # of this machine: whatever else cannot be read is the submission's
            except Exception as error:
                if _is_ours(error):
                    raise
                self._fails(student, _said(error))
        return None

    def _back(self, student, graded):
        taken = self.taken.pop(student)
        if graded.engine:
            self.outcome.engine[student] = graded.error
            self.in_a_row += 1
            return
        self.in_a_row = 0
        if graded.error:
            self._fails(student, graded.error)
            return
        try:
            entered = self.converter.enter(student, graded.notebooks, taken)
        except Exception as error:  # such as points above the maximum: nbgrader refuses the submission
            if _is_ours(error):
                raise
            self._fails(student, _said(error))
            return
        if entered:
            self.outcome.graded += 1
            self.converter.run_post_convert_hook()
        else:
            self.waiting.append(student)  # it was handed in again meanwhile

    def _fails(self, student, why):
        self.outcome.failed[student] = why
        self.converter.fail(student)


def _is_ours(error):
    """Whether an error is of this machine or the gradebook, not of what is entered."""
    if isinstance(error, OSError):
        return error.errno in MACHINES
    return isinstance(error, SQLAlchemyError) and not isinstance(error, DataError)


def _said(error):
    return str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}"


def _progress(console):
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(
        TextColumn("{task.description}"), *columns, console=console, speed_estimate_period=600, transient=True
    )


def _line(task):
    left = "" if task.time_remaining is None else f", about {task.time_remaining / 60:.0f} min left"
    return f"{task.description}: {task.completed:.0f} of {task.total:.0f}{left}"


def _say(outcome, converter, console):
    for kind, found in (("", outcome.failed), ("the engine failed, nothing was entered: ", outcome.engine)):
        for student, why in sorted(found.items()):
            said = f"{shown(student)}: {kind}{shown(why, lines=True)}"
            console.print(said, style="red", markup=False, highlight=False)
    for note in outcome.notes:
        console.print(note, style="yellow", markup=False, highlight=False)
    if outcome.outdated:
        again = f"To grade them again: python -m autograder grade {converter.assignment} --force"
        console.print(again, style="yellow", markup=False, highlight=False)
    if outcome.ended:
        console.print(outcome.ended, AGAIN, style="bold red", markup=False, highlight=False)
    elif outcome.engine:
        console.print(AGAIN, style="bold red")
    try:
        path = report.write(converter)
        by_hand = converter.waiting_for_hand()
        mended = waits.lines(report.statuses(converter))
    except (SQLAlchemyError, OSError) as error:
        console.print(f"There is no report: {error}", style="red", markup=False, highlight=False)
        return
    for line in mended:
        console.print(line, style="yellow", markup=False, highlight=False)
    counts = {
        "graded": outcome.graded,
        "unchanged": outcome.unchanged,
        "failed": len(outcome.failed),
        "not graded (engine)": len(outcome.engine),
        "need manual grading": by_hand,
    }
    if outcome.outdated:
        counts["outdated"] = len(outcome.outdated)
    table = Table(*counts, title=converter.assignment)
    table.add_row(*map(str, counts.values()))
    Console().print(table, f"Report: {path}", soft_wrap=True)
