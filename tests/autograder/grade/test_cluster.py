"""Batches on a scheduler and workers of their own, with the README's certificate; some of them are killed."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import dask
import pytest
from batches import book_of, command, grade, table
from distributed import Security
from small_course import HALF, PS, RIGHT, filled_in, hand_in

from autograder.grade import schedule

README = Path(__file__).parents[3] / "autograder" / "README.md"
DASK = str(Path(sys.executable).with_name("dask"))
STUDENTS = 6


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """The environment that the README's lines make for a cluster."""
    home = tmp_path_factory.mktemp("home")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (lines,) = re.findall(r"^```sh\n(umask 077.*?)^```", README.read_text(), re.M | re.S)
    words = ["bash", "-euc", f"{lines}\n. ~/gan-tls/settings\nenv -0"]
    done = subprocess.run(words, env=os.environ | {"HOME": str(home), "PATH": path}, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not [one for one in (home / "gan-tls").rglob("*") if one.stat().st_mode & 0o077]
    found = dict(one.split("=", 1) for one in done.stdout.decode().split("\0") if one)
    return {name: text for name, text in found.items() if name.startswith("DASK_")}


@pytest.fixture
def certified(settings):
    """This process has them as well."""
    own = {name: text for name, text in settings.items() if "TLS" in name}
    with dask.config.set({name[5:].lower().replace("__", "."): text for name, text in own.items()}):
        yield


class Cluster:
    """A scheduler and workers, processes of this machine."""

    def __init__(self, folder, settings, protocol="tls"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.folder, self.settings, self.processes = folder, settings, []
        self.address, place = f"{protocol}://127.0.0.1:{port}", ("--host", "127.0.0.1", "--port", str(port))
        self.scheduler = self.start("scheduler", *place, "--protocol", protocol, "--no-dashboard")

    def worker(self, *words):
        folder = ("--local-directory", str(self.folder))
        words = ("--nthreads", "1", "--no-nanny", "--no-dashboard", *folder, *words)
        return self.start("worker", self.address, *words)

    def start(self, *words):
        with open(self.folder / f"{words[0]}-{len(self.processes)}.log", "w") as log:
            options = {"stdout": log, "stderr": log, "cwd": self.folder, "env": os.environ | self.settings}
            self.processes.append(subprocess.Popen([DASK, *words], **options))
        return self.processes[-1]

    def end(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


@pytest.fixture
def clusters(tmp_path):
    """Function to a new cluster, see there; they end with the test."""
    with contextlib.ExitStack() as stack:

        def new(*options):
            folder = tmp_path / "dask"
            folder.mkdir()
            cluster = Cluster(folder, *options)
            stack.callback(cluster.end)
            return cluster

        yield new


@pytest.fixture
def cluster(clusters, settings):
    return clusters(settings)


@pytest.fixture
def course(empty):
    course, release = empty
    for number in range(STUDENTS):
        hand_in(course, f"s{number}", filled_in(release, HALF if number % 2 else RIGHT))
    return course


def started(course, cluster):
    arguments = command(course, "--scheduler", cluster.address)
    environment, pipe = os.environ | cluster.settings, subprocess.PIPE
    return subprocess.Popen(arguments, env=environment, stdout=pipe, stderr=pipe, text=True)


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


def cannot_begin(address, folder, why):
    with pytest.raises(schedule.SchedulerLost, match=why), schedule.connected(address, 1, str(folder)):
        pass


def test_where_nobody_answers_a_run_cannot_begin(monkeypatch, certified, tmp_path):
    monkeypatch.setattr(schedule, "ANSWER", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tls://127.0.0.1:{free.getsockname()[1]}"
    cannot_begin(address, tmp_path, f"no scheduler answers at {address}")


def test_a_scheduler_without_workers_is_not_waited_for_without_end(monkeypatch, certified, cluster, tmp_path):
    monkeypatch.setattr(schedule, "READY", 1.0)
    cannot_begin(cluster.address, tmp_path, f"start one with dask worker {cluster.address}")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{}", "127.0.0.1:{}", "tcp://node7:8786", "wss://x:1"])
def test_a_scheduler_without_tls_is_refused_also_on_this_machine(certified, tmp_path, address):
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        cannot_begin(address.format(somebody.getsockname()[1]), tmp_path, "no address with TLS.*COMM__TLS__")
        somebody.settimeout(0.1)
        with pytest.raises(TimeoutError):
            somebody.accept()  # nothing was said to it


def test_without_a_certificate_of_ones_own_a_run_cannot_begin(tmp_path):
    cannot_begin("tls://127.0.0.1:9", tmp_path, "the settings name none.*COMM__TLS__")


def test_a_certificate_of_another_cluster_is_none(monkeypatch, certified, clusters, settings, tmp_path):
    monkeypatch.setattr(schedule, "ANSWER", 5.0)
    other = tmp_path / "other.pem"
    made = Security.temporary()
    other.write_text(made.tls_ca_file + made.tls_client_key)
    mine = settings["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"]
    cluster = clusters({name: text.replace(mine, str(other)) for name, text in settings.items()})
    cannot_begin(cluster.address, tmp_path, f"no scheduler answers at {cluster.address}")


def test_a_worker_that_listens_to_everybody_is_refused(certified, clusters, settings, tmp_path):
    lax = {name: text for name, text in settings.items() if "REQUIRE" not in name}
    cluster = clusters(lax)
    cluster.worker("--protocol", "tcp")
    cannot_begin(cluster.address, tmp_path, "tcp://.* listens without TLS.*COMM__TLS__")
