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
from nbformat.v4 import new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer, List, Unicode

from autograder import sandbox
from autograder.engine.mother import EngineFailure, new_checker, python_path
from autograder.engine.source import assignment_cells, source_folder, submission_folder
from autograder.engine.student import Ended, StudentKernel, error_output
from autograder.sandbox.submission import copy_files, make_folder, open_to_all

NEEDED = ("cloudpickle", "safetensors", "torch", "ipykernel")
TEST_GRACE = 30.0  # seconds after which a checker that does not answer is given up


@dataclass
class Progress:
    """What has become of a notebook so far.

    Attributes:
        shown: cells whose output is final.
        skipped: cells that are not run again when the others are, and why.
        tested: cells of checks whose verdict is final.
        ran: cells that have run in the present checker.
    """

    shown: set = field(default_factory=set)
    skipped: dict = field(default_factory=dict)
    tested: set = field(default_factory=set)
    ran: set = field(default_factory=set)


class IsolatedExecute(NbGraderPreprocessor):
    """Executes a submission so that its code reaches neither the checks nor anything else."""

    cell_seconds = Integer(120, help="for one cell of a student").tag(config=True)
    call_seconds = Float(20.0, help="that one call by the checks may compute, not wait").tag(config=True)
    test_seconds = Integer(120, help="for one cell of checks").tag(config=True)
    notebook_seconds = Integer(1200, help="for one notebook").tag(config=True)
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

    def limits(self):
        """The limits of a student's kernel. Returns: sandbox.Limits."""
        return sandbox.Limits(
            memory=self.memory_mb << 20,
            tasks=self.processes,
            file=self.file_mb << 20,
            output=self.output_mb << 20,
            cpu=float(self.notebook_seconds),
            wall=self.notebook_seconds + 60.0,
        )

    def check(self):
        """Find out whether submissions can be graded at all. Raises: EngineFailure."""
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
        source = source_folder(coursedir, info)
        try:
            with tempfile.TemporaryDirectory(prefix="gan-grade-") as work:
                work = Path(work)
                work.chmod(0o755)  # the kernel's user is another one
                make_folder(work / "calls")
                limits = self.limits()
                submitted = submission_folder(coursedir, info)
                copy_files(submitted, work / "files", size=limits.submission, count=limits.submission_files)
                if source.is_dir():
                    shutil.copytree(source, work / "files", ignore=_notebooks, dirs_exist_ok=True)
                    open_to_all(work / "files")
                folder = source if source.is_dir() else work / "files"
                run = _Run(self, nb, cells, work, folder, info["student"])
                run_sync(run.all)()
        except OSError as error:
            raise EngineFailure(f"{type(error).__name__}: {error}") from error
        return nb, resources

    def manager(self, files, calls):
        """A kernel manager for a student, not started."""
        if not self.unsafe:
            return sandbox.sandboxed_kernel(files, self.limits(), preload=self.preload, show=(calls,))
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
    """One notebook, from its first cell to its last."""

    def __init__(self, settings, nb, cells, work, folder, student):
        self.settings, self.log, self.nb, self.cells = settings, settings.log, nb, cells
        self.work, self.folder, self.student = work, folder, student
        self.checker = new_checker(settings.preload)
        self.end = time.monotonic() + settings.notebook_seconds
        self.progress, self.passes, self.killers = Progress(), 0, set()

    def source_of(self, cell):
        return self.cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"))

    async def all(self):
        for cell in self.nb.cells:  # to nbgrader, a cell of checks without output is a success
            if (source := self.source_of(cell)) is not None and source.is_test:
                cell.outputs = [error_output("NotRun", "these checks were not run")]
        try:
            while True:
                kernel = await self._start()
                try:
                    survived = await self._student(kernel)
                    # once it may not start again, the checks take what there is
                    if (survived or not self._may_restart()) and await self._checks():
                        return
                finally:
                    await kernel.stop()
        finally:
            self.checker.close()

    def _may_restart(self):
        return self.passes <= self.settings.restarts and time.monotonic() < self.end

    async def _start(self):
        settings, self.passes = self.settings, self.passes + 1
        self.path, self.token = str(self.work / "calls" / str(self.passes)), secrets.token_hex(16)
        known = str(self.folder), settings.call_seconds, self.student
        self.checker.ask("listen", self.path, self.token, *known)
        manager = settings.manager(self.work / "files", self.work / "calls")
        kernel = StudentKernel(manager, settings.limits(), settings.cell_seconds, self.log)
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
        return kernel

    async def _student(self, kernel):
        """Run the student's cells. Returns: whether the kernel has survived them."""
        number, fresh = 0, True
        self.snapshot_of, self.left = {}, []
        for index, cell in enumerate(self.nb.cells):
            if cell.cell_type != "code":
                continue
            source = self.source_of(cell)
            try:
                if source is not None and source.is_test:
                    if fresh:
                        number, fresh = number + 1, False
                        if await kernel.snapshot(self.path, self.token, number):
                            self.left.append(number)
                    self.snapshot_of[index] = number
                elif index not in self.progress.skipped:
                    fresh = True
                    await self._cell(kernel, index, cell)
            except Ended as error:
                self._died(index, cell, source, str(error))
                return False
        return True

    async def _cell(self, kernel, index, cell):
        """Run a cell of the student; only the first time counts for what is seen of it."""
        again = index in self.progress.shown
        running = copy.deepcopy(cell)
        running.outputs = []
        try:
            late = await kernel.run(running, self.end - time.monotonic())
        finally:
            if not again:
                cell.outputs, cell.execution_count = running.outputs, running.execution_count
                self.progress.shown.add(index)
        if late:
            self.progress.skipped[index] = late

    def _died(self, index, cell, source, reason):
        """Note which cell ended the kernel; when there have been too many, the rest is not run."""
        self.progress.skipped[index] = reason
        if source is None or not source.is_test:
            cell.outputs.append(error_output("Died", reason))
        self.log.warning("cell %d: %s", index, reason)
        if not self._may_restart():
            for later in range(index + 1, len(self.nb.cells)):
                rest = self.nb.cells[later]
                rest_source = self.source_of(rest)
                if rest.cell_type == "code" and later not in self.progress.shown:
                    if rest_source is None or not rest_source.is_test:
                        rest.outputs = [error_output("NotRun", "not run: the notebook has used up its time")]
                    self.progress.skipped[later] = "not run"

    async def _checks(self):
        """Run the cells of checks that are left. Returns: whether all are done."""
        self.checker.ask("gather", self.left, seconds=300.0)
        for index, cell in enumerate(self.nb.cells):
            source = self.source_of(cell)
            if cell.cell_type != "code" or source is None or index in self.progress.ran | self.killers:
                continue
            if source.locked and not source.grade:
                self.progress.ran.add(index)
                self.checker.ask("support", source.source, seconds=self.settings.test_seconds + TEST_GRACE)
            elif source.is_test:
                self.progress.ran.add(index)
                if self._test(index, cell, source) and self._worth_another():
                    return False
        return True

    def _test(self, index, cell, source):
        """Run one cell of checks. Returns: whether the student's kernel, or the checker, died of it."""
        seconds = min(self.settings.test_seconds, max(5.0, self.end - time.monotonic()))
        number, again = self.snapshot_of.get(index, 0), index in self.progress.tested
        self.progress.tested.add(index)
        try:
            answer = self.checker.ask(
                "test", source.source, number, seconds, seconds=seconds + 4 * TEST_GRACE
            )
        except EngineFailure as error:
            self.killers.add(index)
            self._new_checker(error)
            answer = [error_output("Died", "the checks did not survive your code's answer")], None, True
        if isinstance(answer, str):
            raise EngineFailure(f"the checks {source.name} cannot judge: {answer}")
        outputs, reason, gone = answer
        if gone and reason is None and index not in self.killers and self._may_restart():
            self.progress.tested.discard(index)  # an earlier cell ended the kernel: this one gets its turn
            self.progress.ran.discard(index)
            return True
        if not again:
            cell.outputs = sound([_output(output) for output in outputs], source.points)
            cell.execution_count = None
        if reason:
            self.log.warning("checks %s: %s", source.name, reason)
        return gone

    def _new_checker(self, error):
        """Another checker, which runs all cells of checks again: later ones use what earlier ones define."""
        self.log.warning("%s; another one is started", error)
        self.checker.close()
        self.checker = new_checker(self.settings.preload)
        self.progress.ran.clear()

    def _worth_another(self):
        """Whether the student's kernel is to be started again for the checks that are left."""
        return bool(set(self.snapshot_of) - self.progress.tested) and self._may_restart()


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
