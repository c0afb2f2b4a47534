"""Hands submissions to Dask's workers, and what they return back to whoever asked."""

import contextlib
import os
import queue
import time
import uuid
from concurrent.futures import CancelledError

import dask

# What Dask says of lost workers is said here, in other words; its profiler would keep an hour of stacks.
# The environment is for the workers that start here.
os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "false")
# Nobody looks at their pages on this machine, but anybody on it could.
dask.config.set({f"distributed.{who}.http.routes": [] for who in ("scheduler", "worker")})
dask.config.set({"distributed.worker.profile.enabled": False})
dask.config.set({"logging": {name: "critical" for name in ("distributed", "distributed.client", "tornado")}})

from distributed import Client, KilledWorker, LocalCluster  # noqa: E402 (reads the setting when imported)
from distributed.comm import CommClosedError  # noqa: E402

from autograder.grade.worker import Carries, Graded, grade  # noqa: E402

WAITING = 300.0  # seconds without any worker after which a run ends
ANSWER = 10.0  # seconds for a scheduler to answer, at first or again
READY = 120.0  # seconds for the first worker to come
AHEAD = 8  # submissions that wait at the scheduler beside two a worker: a cluster that adapts sees a queue


def processors():
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


class SchedulerLost(RuntimeError):
    """There is no scheduler, or nobody who works for it."""


@contextlib.contextmanager
def connected(scheduler, workers, folder):
    """A client of a scheduler, or of a cluster of processes on this machine.

    Args:
        scheduler: address, or None.
        workers: processes on this machine, where there is no scheduler.
        folder: for the workers' own files on this machine.

    Raises: SchedulerLost.
    """
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # its own default is one fixed port
                local_directory=folder,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=ANSWER)
    except (OSError, TimeoutError) as error:
        raise SchedulerLost(f"no scheduler answers at {scheduler}: {error}") from error
    try:
        try:
            client.wait_for_workers(1, timeout=READY)
        except TimeoutError as error:
            raise SchedulerLost(
                f"no worker has come to {scheduler} in {READY:.0f} s: start one with dask worker {scheduler}"
            ) from error
        yield client
    finally:
        with contextlib.suppress(CommClosedError, TimeoutError, OSError):
            client.close(timeout=5)


class Workers:
    """Grades submissions of one course at the workers of a client.

    Args:
        client: distributed.Client.
        course: Course.
        folder: for their temporary files, where this process has started them; else None.
    """

    def __init__(self, client, course, folder=None):
        self.client, self.name = client, f"autograder-{uuid.uuid4().hex}"
        self.flying, self.done, self.seen = {}, queue.SimpleQueue(), time.monotonic()
        with _reachable():
            try:
                client.register_plugin(Carries(course, self.name, folder))
            except (ImportError, AttributeError) as error:
                raise SchedulerLost(f"a worker lacks this project's environment: {error}") from error

    def results(self, take):
        """Grade submissions; one that a lost worker had goes to another.

        Args:
            take: function to the next (student, files), or to None where there is none for now; called only
                when a worker will soon need it, and again after each result.

        Returns: iterator of (student, Graded), in the order in which they are done.
        Raises: SchedulerLost.
        """
        try:
            while True:
                self._send(take)
                if not self.flying:
                    return
                try:
                    future = self.done.get(timeout=1)
                except queue.Empty:
                    self._look()
                    continue
                self.seen = time.monotonic()
                yield self.flying.pop(future.key)[0], self._result(future)
        finally:
            if self.client.status == "running":
                with contextlib.suppress(CommClosedError, OSError, TimeoutError, CancelledError):
                    self.client.cancel([future for _, future in self.flying.values()], force=True)
                    self.client.unregister_worker_plugin(self.name)

    def _send(self, take):
        with _reachable():
            most = 2 * len(self.client.ncores()) + AHEAD
            while len(self.flying) < most and (one := take()) is not None:
                student, files = one
                future = self.client.submit(grade, self.name, student, files, pure=False)
                self.flying[future.key] = student, future
                future.add_done_callback(self.done.put)

    def _result(self, future):
        with _reachable():
            try:
                return future.result(timeout=WAITING)
            except (CommClosedError, CancelledError, TimeoutError, ConnectionError):
                raise
            except KilledWorker as error:
                said = f"{error.allowed_failures + 1} workers in turn died while they graded it"
                return Graded(error=said, engine=True)
            except Exception as error:  # such as a worker without this package
                return Graded(error=f"a worker could not grade: {error!r}", engine=True)

    def _look(self):
        """See whether anybody works. Raises: SchedulerLost."""
        if self.client.status != "running":
            raise SchedulerLost("the scheduler does not answer any more")
        with _reachable():
            if self.client.ncores():
                self.seen = time.monotonic()
        if time.monotonic() - self.seen > WAITING:
            raise SchedulerLost(f"there has been no worker for {WAITING:.0f} s")


@contextlib.contextmanager
def _reachable():
    try:
        yield
    except (CommClosedError, CancelledError, TimeoutError, ConnectionError) as error:
        raise SchedulerLost(f"the scheduler does not answer any more ({type(error).__name__})") from error
