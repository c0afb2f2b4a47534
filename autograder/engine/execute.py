"""One notebook's execution, with the student's cells in one process and the checks in another."""

import copy
import secrets
import time
from dataclasses import dataclass, field

from nbformat.v4 import new_output

from autograder.engine.checker_process import new_checker
from autograder.engine.deadline import Deadline
from autograder.engine.failures import EngineFailure
from autograder.engine.messages import NO_SNAPSHOT
from autograder.engine.student_kernel import Ended, StudentKernel, error_output
from autograder.notes import Waits

TEST_GRACE = 30.0  # seconds after which a checker that does not answer is given up
LATEST = 2.0  # and at the end of the notebook's time
# A kernel survives where it lives so much longer than it had before it ended: no two runs are equally fast.
LONGER, MOMENT = 1.25, 1.0
WAITS = Waits.__name__


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


class Run:
    """One notebook, from its first cell to its last.

    Attributes:
        waits: what could not be judged: list of dicts of "reason" and "cells", names of cells of checks.
        notes: what the checks say to instructors beside their verdicts, dict from line to None.
    """

    def __init__(self, settings, nb, cells, work, folder, student, classmates, log):
        self.settings, self.log, self.nb, self.cells = settings, log, nb, cells
        self.work, self.folder, self.student, self.classmates = work, folder, student, list(classmates)
        self.deadline, self.progress = Deadline(settings.notebook_seconds), Progress()
        self.passes, self.begun, self.doubt, self.waits, self.notes = 0, {}, None, [], {}
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
        known = str(self.folder), settings.call_seconds, self.student, self.classmates
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
        self.notes |= dict.fromkeys(self.checker.ask("notes"))
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
        if not self.deadline.left() and any(output.output_type == "error" for output in outputs):
            return False  # the notebook's end cut it off: nothing says what it would have found
        if gone:
            self.progress.ran.discard(index)
            self.progress.pending[index] = outputs
            if reason is None:  # before this cell
                del self.begun[index + len(self.nb.cells)]
            raise Ended(reason or "your code ended the kernel")
        if not again:
            cell.outputs, cell.execution_count = outputs, None
            self.progress.tested.add(index)
            if waits := next((one for one in outputs if one.get("ename") == WAITS), None):
                self._wait(waits.traceback[-1].removeprefix(f"{WAITS}: "), [cell])
            if reason == NO_SNAPSHOT:
                self._wait("no snapshot of the notebook could be made before these checks", [cell])
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

    nbgrader gives all points for a score that is nan, and stops at one above the maximum. A negative one, for
    what is worse than nothing, is the gradebook's business.
    """
    for output in outputs:
        if output.output_type == "execute_result":
            try:
                score = float(output.data["text/plain"])
            except ValueError:
                continue
            if not -points <= score <= points:
                return [
                    *outputs[:-1],
                    error_output("ValueError", f"the score came out as {score}, of {points}"),
                ]
    return outputs


def _output(output):
    fields = {name: value for name, value in output.items() if name != "output_type"}
    return new_output(output["output_type"], **fields)
