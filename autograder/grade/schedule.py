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
dask.config.set({"distributed.worker.profile.enabled": False})
dask.config.set({"logging": {name: "critical" for name in ("distributed", "distributed.client", "tornado")}})

from distributed import (  # noqa: E402 (reads the setting when imported)
    Client,
    KilledWorker,
    Nanny,
    Scheduler,
    Security,
    SpecCluster,
    Worker,
)
from distributed.comm import CommClosedError  # noqa: E402

from autograder.grade.worker import Carries, Graded, grade  # noqa: E402

WAITING = 300.0  # seconds without any worker after which a run ends
ANSWER = 10.0  # seconds for a scheduler to answer, at first or again
READY = 120.0  # seconds for the first worker to come
RECIPE = "autograder/README.md, On several machines, has the lines (DASK_DISTRIBUTED__COMM__TLS__…)"
AHEAD = 8  # submissions that wait at the scheduler beside two a worker: a cluster that adapts sees a queue


def processors():
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


class SchedulerLost(RuntimeError):
    """There is no scheduler, or nobody who works for it."""


class _NoPages:
    """Opens no port for Dask's pages: whoever asks for one shows no certificate."""

    def start_http_server(self, *arguments, **options):
        pass


class QuietScheduler(_NoPages, Scheduler):
    """Listens for those with the cluster's certificate, and for nobody else."""


class QuietWorker(_NoPages, Worker):
    """Listens for those with the cluster's certificate, and for nobody else."""


def _cluster(workers, folder):
    """Processes of this machine; the key to them is in their memory, and nowhere else.

    Any account of the machine reaches the ports of the loopback, and who talks to Dask runs code there.
    """
    security = Security.temporary()
    own = os.path.join(folder, "dask")
    os.mkdir(own, 0o700)
    each = {"host": "127.0.0.1", "port": 0, "protocol": "tls://", "security": security}
    worker = {
        "nthreads": 1,
        "memory_limit": 1.0 / workers,
        "local_directory": own,
        "worker_class": QuietWorker,
    }
    return SpecCluster(
        scheduler={"cls": QuietScheduler, "options": each},
        workers={number: {"cls": Nanny, "options": each | worker} for number in range(workers)},
        security=security,
    )


def _security(scheduler):
    """The certificates for a scheduler, from Dask's settings. Raises: SchedulerLost where it has none."""
    if not scheduler.startswith("tls://"):
        raise SchedulerLost(
            f"{scheduler} is no address with TLS, and whoever reaches a scheduler without it can run code; "
            f"start it with certificates, and give its address as tls://…. {RECIPE}"
        )
    security = Security(require_encryption=True)
    if not (security.tls_ca_file and security.tls_client_cert):
        raise SchedulerLost(f"{scheduler} asks for a certificate, and the settings name none. {RECIPE}")
    return security


@contextlib.contextmanager
def connected(scheduler, workers, folder):
    """A client of a scheduler, or of a cluster of processes on this machine. All talk by TLS.

    Args:
        scheduler: address, or None.
        workers: processes on this machine, where there is no scheduler.
        folder: for the workers' own files on this machine.

    Raises: SchedulerLost.
    """
    if scheduler is None:
        with _cluster(workers, folder) as cluster, Client(cluster) as client:
            yield client
        return
    security = _security(scheduler)
    try:
        client = Client(scheduler, timeout=ANSWER, security=security)
    except (OSError, TimeoutError) as error:
        raise SchedulerLost(f"no scheduler answers at {scheduler}: {error}") from error
    try:
        try:
            client.wait_for_workers(1, timeout=READY)
        except TimeoutError as error:
            raise SchedulerLost(
                f"no worker has come to {scheduler} in {READY:.0f} s: start one with dask worker {scheduler}"
            ) from error
        if plain := [address for address in client.ncores() if not address.startswith("tls://")]:
            raise SchedulerLost(f"the worker {plain[0]} listens without TLS. {RECIPE}")
        yield client
    finally:
        with contextlib.suppress(CommClosedError, TimeoutError, OSError):
            client.close(timeout=5)


class Workers:
    """Grades submissions of one assignment at the workers of a client.

    Args:
        client: distributed.Client.
        assignment: Assignment.
        folder: for their temporary files, where this process has started them; else None.
    """

    def __init__(self, client, assignment, folder=None):
        self.client, self.name = client, f"autograder-{uuid.uuid4().hex}"
        self.flying, self.done, self.seen = {}, queue.SimpleQueue(), time.monotonic()
        with _reachable():
            try:
                client.register_plugin(Carries(assignment, self.name, folder))
            except (ImportError, AttributeError) as error:
                raise SchedulerLost(f"a worker lacks this project's environment: {error}") from error

    def results(self, take):
        """Grade submissions; one that a lost worker had goes to another.

        Args:
            take: function to the next (student, notebooks, files), see `worker.grade`, or to None where there
                is none for now; called only when a worker will soon need it, and again after each result.

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
                future = self.client.submit(grade, self.name, *one, pure=False)
                self.flying[future.key] = one[0], future
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
