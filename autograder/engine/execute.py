"""nbgrader's Execute, with the student's cells in one process and the checks in another."""

import copy
import importlib.util
import secrets
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import run_sync
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from sqlalchemy.exc import OperationalError
from traitlets import Bool, Float, Integer, List, Unicode, default

from autograder import sandbox
from autograder.engine.checker_process import EngineFailure, causes, new_checker, python_path
from autograder.engine.deadline import WALL, Deadline
from autograder.engine.notebooks import SourceCell, Unreadable
from autograder.engine.student_kernel import Ended, StudentKernel, error_output
from autograder.grade.gradebook_cells import (
    assignment_cells,
    other_language,
    source_folder,
    submission_folder,
)
from autograder.grade.intake import MACHINES
from autograder.sandbox.submission import copy_files, make_folder, open_to_all

NEEDED = ("cloudpickle", "safetensors", "torch", "ipykernel")
CELL = 120  # seconds, where nobody says how many
TEST_GRACE = 30.0  # seconds after which a checker that does not answer is given up
LATEST = 2.0  # and at the end of the notebook's time
# A kernel survives where it lives so much longer than it had before it ended: no two runs are equally fast.
LONGER, MOMENT = 1.25, 1.0
GOOD = {
    "good": "def good(x):\n    return 2 * x",
    "good-check": "assert good(2) == 4",
}  # see IsolatedExecute.trial


def is_engines(error, settings):
    """Whether a failure is the engine's or this machine's, and not what a submission has caused.

    A submission can cause nearly everything: a name that is too long, a process that does not answer. So
    where it may be the engine's, a notebook that cannot fail is graded in the same way, and decides. What a
    submission may take is limited: a machine without the room for that is not its fault.

    Args:
        error: exception that ended the grading of a submission.
        settings: IsolatedExecute.
    """
    chain = list(causes(error))
    if any(isinstance(one, OperationalError) or getattr(one, "errno", None) in MACHINES for one in chain):
        return True  # the gradebook, which no cell reaches, or the machine
    if any(isinstance(one, Unreadable) for one in chain):
        return False
    return settings.trial() is not None


@dataclass
class Progress:
    """What has become of a notebook so far. Cells are named by their places.

    Attributes:
        shown: cells whose output is final.
        skipped: cells that are not run again when the others are, and why.
        unseen: cells of checks before which no snapshot is made, because that ends the kernel.
        tested: cells of checks whose verdict is final.
        ran: cells that have run in the present checker.
        pending: what cells of checks came out with in which the kernel ended.
        killers: cells of checks that end the kernel, or the checker, and are not run again.
        unsure: cells that were left out because one of them, nobody knows which, ends the kernel.
    """

    shown: set = field(default_factory=set)
    skipped: dict = field(default_factory=dict)
    unseen: set = field(default_factory=set)
    tested: set = field(default_factory=set)
    ran: set = field(default_factory=set)
    pending: dict = field(default_factory=dict)
    killers: set = field(default_factory=set)
    unsure: set = field(default_factory=set)


@dataclass
class Doubt:
    """A kernel has ended, and what ran at that moment need not be the cause: timers, threads and other
    processes act later.

    The cause is found by experiment. The kernel is started again and runs what came before one of the
    suspects, the *trial*; then nothing runs for as long as it had taken to end. If it ends all the same, the
    cause came before the trial; if it survives, it is the trial or came after it, and the same run goes on.
    The first trial is what ran last, in most cases the cause; then the suspects are halved.

    Attributes:
        since: for each suspect, in order, seconds from its beginning to the end of the kernel. A suspect is
            the place of a cell, or for a cell that runs in the checker that plus the number of all cells.
        reason: what the kernel ended of.
        trial: a suspect.
    """

    since: dict
    reason: str
    trial: int

    def survived(self):
        """The kernel has outlived what came before the trial. Returns: whether the trial is the cause."""
        self.since = {one: seconds for one, seconds in self.since.items() if one >= self.trial}
        found = len(self.since) == 1
        self.trial = list(self.since)[len(self.since) // 2]
        return found


class IsolatedExecute(NbGraderPreprocessor):
    """Executes a submission so that its code reaches neither the checks nor anything else."""

    cell_seconds = Integer(
        help=f"for one cell of a student; as long as nothing is said here, Execute.timeout, or {CELL} s"
    ).tag(config=True)
    call_seconds = Float(20.0, help="that one call by the checks may compute, not wait").tag(config=True)
    test_seconds = Integer(help="for one cell of checks; see cell_seconds").tag(config=True)
    notebook_seconds = Integer(
        1200,
        help="for one notebook: processor time of all that its code does, in its own cells and when the "
        f"checks call it, and {WALL:g} times as many seconds on the clock from the start of its kernel, "
        "whatever is waited for. What is not done by then is not judged.",
    ).tag(config=True)
    restarts = Integer(12, help="how often a student's kernel that died is started again").tag(config=True)
    memory_mb = Integer(4096, help="for all processes and temporary files of a student's kernel").tag(
        config=True
    )
    processes = Integer(256, help="processes and threads of a student's kernel").tag(config=True)
    file_mb = Integer(256, help="for each file that a student's code writes").tag(config=True)
    output_mb = Integer(32, help="for what a student's kernel sends").tag(config=True)
    preload = List(
        Unicode(),
        ["torch", "torch._dynamo", "matplotlib.pyplot"],
        help="modules that are imported once, for all students' kernels and all checks",
    ).tag(config=True)
    unsafe = Bool(
        False,
        help="run students' code in an ordinary kernel, with your files and your network: for work of people "
        "whom you trust, on machines without bubblewrap",
    ).tag(config=True)

    @default("cell_seconds")
    def _cell_seconds(self):
        """What nbgrader's own setting says; without a limit of its own, a cell has the notebook's."""
        if not any("timeout" in self.config.get(name, {}) for name in Execute.section_names()):
            return CELL
        seconds = Execute(config=self.config).timeout
        return seconds if seconds is not None and seconds > 0 else self.notebook_seconds

    @default("test_seconds")
    def _test_seconds(self):
        return self._cell_seconds()

    def limits(self, deadline=None):
        """The limits of a student's kernel, in what is left of a notebook's time. Returns: sandbox.Limits."""
        deadline = deadline or Deadline(self.notebook_seconds)
        return sandbox.Limits(
            memory=self.memory_mb << 20,
            tasks=self.processes,
            file=self.file_mb << 20,
            output=self.output_mb << 20,
            cpu=max(1.0, deadline.processor),
            wall=deadline.left() + 60.0,
        )

    def check(self):
        """Find out whether submissions can be graded at all. Raises: EngineFailure."""
        if not Execute(config=self.config).enabled:
            raise EngineFailure("with --no-execute, points would be what students say that they are")
        if self.unsafe:
            self.log.warning("IsolatedExecute.unsafe is set: students' code runs WITHOUT a sandbox")
        else:
            try:
                sandbox.check_sandbox()
            except sandbox.SandboxUnavailable as error:
                raise EngineFailure(
                    f"{error} (the unsafe switch: c.IsolatedExecute.unsafe = True)"
                ) from error
            sandbox.begin_imports(self.preload, self.limits())  # beside those of the checks, below
        for name in NEEDED:
            if importlib.util.find_spec(name) is None:
                raise EngineFailure(f"the package {name} is missing: pip install -r requirements.txt")
        new_checker(self.preload).close()

    def preprocess(self, nb, resources):
        info, coursedir = resources["nbgrader"], self.parent.parent.coursedir
        with Gradebook(info["db_url"]) as book:
            cells = {cell.name: cell for cell in assignment_cells(book, coursedir, info)}
        if other := other_language(nb.metadata.get("kernelspec")):  # where the assignment's own says nothing
            raise Unreadable(f"{info['notebook']}.ipynb is written in {other}, and is run by Python")
        source = source_folder(coursedir, info)
        waits = self.grade(nb, cells, submission_folder(coursedir, info), source, info["student"])
        if waits:
            info.setdefault("waits", []).extend(waits)
        return nb, resources

    def grade(self, nb, cells, submitted=None, source=None, student=""):
        """Execute a notebook.

        Args:
            nb: notebook with the assignment's cells, changed in place.
            cells: dict from names to SourceCell.
            submitted, source: the student's folder and the instructor's, or None.
            student: id.

        Returns: what could not be judged: list of dicts of "reason" and "cells", names of cells of checks.
        """
        with tempfile.TemporaryDirectory(prefix="gan-grade-") as work:
            work = Path(work)
            work.chmod(0o755)  # the kernel's user is another one
            make_folder(work / "calls")
            limits = self.limits()
            if submitted is None:
                make_folder(work / "files")
            else:
                copy_files(submitted, work / "files", size=limits.submission, count=limits.submission_files)
            taught = source is not None and source.is_dir()
            if taught:
                shutil.copytree(source, work / "files", ignore=_notebooks, dirs_exist_ok=True)
                open_to_all(work / "files")
            run = _Run(self, nb, cells, work, source if taught else work / "files", student)
            run_sync(run.all)()
        return run.waits

    def trial(self):
        """Grade a notebook that cannot fail. Returns: None where engine and machine work, or why it did."""
        cells = {
            name: SourceCell(
                name=name,
                kind="code",
                source=source,
                locked=name == "good-check",
                grade=name == "good-check",
                solution=name == "good",
                task=False,
                points=1.0 if name == "good-check" else None,
                checksum="",
            )
            for name, source in GOOD.items()
        }
        made = [
            new_code_cell(cell.source, metadata={"nbgrader": {"grade_id": cell.name}})
            for cell in cells.values()
        ]
        try:
            self.grade(new_notebook(cells=made), cells)
        except Exception as error:  # of any kind: it is what the question is about
            return f"{type(error).__name__}: {error}"
        said = [output for cell in made for output in cell.outputs if output.output_type == "error"]
        return "; ".join(f"{output.ename}: {output.evalue}" for output in said) or None

    def manager(self, files, calls, limits):
        """A kernel manager for a student, not started."""
        if not self.unsafe:
            return sandbox.sandboxed_kernel(files, limits, preload=self.preload, show=(calls,))
        return UnsafeManager(files=str(files))


class UnsafeManager(AsyncKernelManager):
    """Starts an ordinary kernel of this Python, whatever kernelspecs there are."""

    files = Unicode(help="working folder")

    @property
    def kernel_spec(self):
        argv = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        argv.append("--HistoryManager.enabled=False")
        return KernelSpec(
            argv=argv, display_name="Python", language="python", env={"PYTHONPATH": python_path()}
        )

    async def _async_start_kernel(self, **options):
        await super()._async_start_kernel(cwd=self.files, **options)

    start_kernel = _async_start_kernel


class _Run:
    """One notebook, from its first cell to its last.

    Attributes:
        waits: see `IsolatedExecute.grade`.
    """

    def __init__(self, settings, nb, cells, work, folder, student):
        self.settings, self.log, self.nb, self.cells = settings, settings.log, nb, cells
        self.work, self.folder, self.student = work, folder, student
        self.deadline, self.progress = Deadline(settings.notebook_seconds), Progress()
        self.passes, self.begun, self.doubt, self.waits = 0, {}, None, []
        self._new_checker()

    def source_of(self, cell):
        return self.cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"))

    def is_test(self, cell):
        return (source := self.source_of(cell)) is not None and source.is_test

    def _untested(self):
        """The cells of checks without a verdict."""
        tested = self.progress.tested
        return [cell for at, cell in enumerate(self.nb.cells) if at not in tested and self.is_test(cell)]

    async def all(self):
        for cell in self.nb.cells:  # to nbgrader, a cell of checks without output is a success
            if self.is_test(cell):
                cell.outputs = [error_output("NotRun", "these checks were not run")]
        try:
            while not await self._once():
                if not self._may_restart():
                    self._give_up()
                    return
        except EngineFailure:
            if self.deadline.left():
                raise
            self._give_up()  # it had no time to work
        finally:
            self.checker.close()

    async def _once(self):
        """Start a kernel and do what is left. Returns: whether nothing is left any more."""
        kernel = await self._start()
        self.begun = {}
        try:
            await self._student(kernel)
            await kernel.freeze()
            return await self._checks(kernel)
        except Ended as error:
            self._died(error)
            return False
        finally:
            await kernel.stop()
            self.deadline.spend(kernel.processor_time())

    def _may_restart(self):
        return self.passes <= self.settings.restarts and self.deadline.left() > 0

    def _give_up(self):
        """What could not be judged waits for a person."""
        if self.deadline.left():
            reason = f"its kernel ended {self.passes} times, and was not started again"
        else:
            reason = f"the notebook used up its time, {self.settings.notebook_seconds} s"
        left = self._untested()
        for cell in left:
            cell.outputs = [error_output("NotRun", f"these checks were not run: {reason}")]
        self._wait(f"not all checks were run: {reason}", left)

    def _wait(self, reason, cells):
        self.log.warning("%s: %s", self.student, reason)
        if cells:
            self.waits.append({"reason": reason, "cells": [self.source_of(cell).name for cell in cells]})

    async def _start(self):
        settings, self.passes = self.settings, self.passes + 1
        self.path, self.token = str(self.work / "calls" / str(self.passes)), secrets.token_hex(16)
        known = str(self.folder), settings.call_seconds, self.student
        self.checker.ask("listen", self.path, self.token, *known)
        limits = settings.limits(self.deadline)
        manager = settings.manager(self.work / "files", self.work / "calls", limits)
        kernel = StudentKernel(manager, limits, settings.cell_seconds, self.deadline, self.log)
        try:
            await kernel.start()
            if not await kernel.prepare():
                raise EngineFailure("the engine's own part of the student's kernel cannot be imported there")
        except EngineFailure:
            await kernel.stop()
            raise
        except Exception as error:
            await kernel.stop()
            raise EngineFailure(f"the student's kernel did not start: {error!r}") from error
        if self.passes == 1:  # until here the engine may have imported its libraries
            self.deadline.begin()
        return kernel

    async def _student(self, kernel):
        """Run the student's cells, and leave a snapshot before the checks that follow them. Raises: Ended."""
        number, fresh = 0, True
        self.snapshot_of, self.left = {}, []
        for index, cell in enumerate(self.nb.cells):
            if cell.cell_type != "code":
                continue
            if not self.deadline.left():
                return
            if self.is_test(cell):
                if fresh:
                    number, fresh = number + 1, False
                    await self._snapshot(kernel, index, number)
                self.snapshot_of[index] = number
            elif index not in self.progress.skipped and await self._may_begin(kernel, index):
                fresh = True
                await self._cell(kernel, index, cell)

    async def _snapshot(self, kernel, index, number):
        """Leave a snapshot, if it is known of none that it ends the kernel. Raises: Ended."""
        wanted = index not in self.progress.unseen and await self._may_begin(kernel, index)
        if wanted and await kernel.snapshot(self.path, self.token, number):
            self.left.append(number)

    async def _may_begin(self, kernel, moment):
        """Whether this moment is to come. If there is a doubt of it, the kernel has to survive until then.

        Args:
            moment: place of a cell to run or to make a snapshot before, or of one of checks, see `Doubt`.

        Raises: Ended.
        """
        if self.doubt is not None and moment == self.doubt.trial:
            await kernel.settle(LONGER * self.doubt.since[moment] + MOMENT)
            if self.doubt.survived():
                self._blame(moment, self.doubt.reason)
                self.doubt = None
                return False
        self.begun[moment] = time.monotonic()
        return True

    async def _cell(self, kernel, index, cell):
        """Run a cell of the student; only the first time counts for what is seen of it."""
        again = index in self.progress.shown
        running = copy.deepcopy(cell)
        running.outputs = []
        try:
            late = await kernel.run(running)
            self.progress.shown.add(index)
        finally:
            if not again:
                cell.outputs, cell.execution_count = running.outputs, running.execution_count
        if late:
            self.progress.skipped[index] = late

    def _died(self, error):
        """Note that the kernel ended, and look for the cause."""
        now, suspects = time.monotonic(), self.begun
        if not suspects:
            return
        *before, last = suspects
        if error.known:
            self._blame(last, str(error))
            self.doubt = None
            return
        if last >= len(self.nb.cells) and any(moment >= len(self.nb.cells) for moment in before):
            return  # what earlier checks have called may have done it: these come first the next time
        if self.doubt is not None:
            suspects = {moment: begin for moment, begin in suspects.items() if moment in self.doubt.since}
        halve = self.doubt is not None and bool(suspects)
        since = {moment: now - begin for moment, begin in (suspects or self.begun).items()}
        self.doubt = Doubt(since, str(error), list(since)[len(since) // 2 if halve else -1])
        if len(since) == 1:
            self._blame(self.doubt.trial, self.doubt.reason)
            self.doubt = None
        elif self.passes == self.settings.restarts:
            self._leave_out()

    def _blame(self, moment, reason):
        """Note what ended the kernel; it does not come again."""
        index = moment % len(self.nb.cells)
        cell, progress = self.nb.cells[index], self.progress
        self.log.warning("cell %d: %s", index, reason)
        if moment >= len(self.nb.cells):
            progress.killers.add(index)
            if index not in progress.tested:
                cell.outputs = progress.pending.pop(index)
                progress.tested.add(index)
        elif self.is_test(cell):
            progress.unseen.add(index)
        else:
            progress.skipped[index] = reason
            cell.outputs.append(error_output("Died", reason))

    def _leave_out(self):
        """The next kernel is the last, and the cause is not known: all suspects are left out."""
        for moment in self.doubt.since:
            index = moment % len(self.nb.cells)
            self.progress.unsure.add(index)
            if moment >= len(self.nb.cells):
                self.progress.killers.add(index)
            elif self.is_test(self.nb.cells[index]):
                self.progress.unseen.add(index)
            else:
                self.progress.skipped[index] = self.doubt.reason
        self.doubt = None

    async def _checks(self, kernel):
        """Run the cells of checks that are left. Returns: whether all are done. Raises: Ended."""
        left, failed = self.deadline.left(), []
        self.checker.ask("gather", self.left, left, seconds=left + LATEST)
        for index, cell in enumerate(self.nb.cells):
            source, progress = self.source_of(cell), self.progress
            if cell.cell_type != "code" or source is None or index in progress.ran | progress.killers:
                continue
            if source.locked and not source.grade:
                progress.ran.add(index)
                seconds = self.settings.test_seconds + TEST_GRACE
                self.checker.ask("support", source.name, source.source, seconds=seconds)
            elif source.is_test:
                if not self.deadline.left():
                    return False
                if not await self._may_begin(kernel, index + len(self.nb.cells)):
                    continue
                progress.ran.add(index)
                if not self._test(index, cell, source):
                    return not self._untested()
                if progress.unsure and index > min(progress.unsure):
                    failed += [cell] if any(one.output_type == "error" for one in cell.outputs) else []
        failed += [
            self.nb.cells[index]
            for index in sorted(self.progress.unsure & self.progress.killers - self.progress.tested)
        ]
        if failed:
            self._wait(
                f"its kernel ended {self.passes - 1} times, and the cells that may be the cause were left "
                "out: these checks failed without them",
                failed,
            )
        return True

    def _test(self, index, cell, source):
        """Run one cell of checks. Returns: whether the others can go on with this checker. Raises: Ended."""
        left, again = self.deadline.left(), index in self.progress.tested
        seconds = min(self.settings.test_seconds, left)
        order = "test", source.name, source.source, self.snapshot_of.get(index, 0), seconds, left
        try:
            answer = self.checker.ask(*order, seconds=min(seconds + TEST_GRACE, left + LATEST))
        except EngineFailure as error:
            self.log.warning("%s; another one is started", error)
            self.checker.close()
            self._new_checker()
            if not self.deadline.left():
                return False
            self.progress.killers.add(index)
            answer = [error_output("Died", "the checks did not survive your code's answer")], None, False
        if isinstance(answer, str):
            raise EngineFailure(f"the checks {source.name} cannot judge: {answer}")
        outputs, reason, gone = answer
        outputs = sound([_output(output) for output in outputs], source.points)
        if gone:
            self.progress.ran.discard(index)
            self.progress.pending[index] = outputs
            if reason is None:  # before this cell
                del self.begun[index + len(self.nb.cells)]
            raise Ended(reason or "your code ended the kernel")
        if not again:
            cell.outputs, cell.execution_count = outputs, None
            self.progress.tested.add(index)
        if reason:
            self.log.warning("checks %s: %s", source.name, reason)
        return index not in self.progress.killers

    def _new_checker(self):
        """Begin a checker; it runs all cells of checks: later ones use what earlier ones define."""
        self.checker = new_checker(self.settings.preload)
        self.progress.ran.clear()
        cells = [
            [cell.name, cell.source, locked, locked and not cell.points]
            for cell in self.cells.values()
            for locked in [cell.locked or cell.is_test]
            if cell.kind == "code"
        ]
        self.checker.ask("know", cells)


def sound(outputs, points):
    """The outputs of a cell of checks; a score that is none, or out of range, is a failure.

    nbgrader gives all points for a score that is negative or nan, and stops at one above the maximum.
    """
    for output in outputs:
        if output.output_type == "execute_result":
            try:
                score = float(output.data["text/plain"])
            except ValueError:
                continue
            if not 0 <= score <= points:
                return [
                    *outputs[:-1],
                    error_output("ValueError", f"the score came out as {score}, of {points}"),
                ]
    return outputs


def _output(output):
    fields = {name: value for name, value in output.items() if name != "output_type"}
    return new_output(output["output_type"], **fields)


def _notebooks(folder, names):
    return [name for name in names if name.endswith(".ipynb") or name.startswith(".")]
