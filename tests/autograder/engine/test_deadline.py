"""One deadline ends a notebook, whatever is waited for; what was not judged by then waits for a person."""

import time

import pytest
from engine.conftest import cell
from traitlets.config import Config

from autograder.engine.deadline import WALL, Deadline
from autograder.engine.failures import EngineFailure
from autograder.engine.settings import CELL
from autograder.grade.preprocessor import IsolatedExecute

SECONDS, MARGIN = 3, 30.0  # of a notebook; and for the start of a kernel and its end, on a busy machine
CELLS = 12
HOSTILE = {
    "worker-that-never-connects": """
from autograder.engine import snapshot
real = snapshot._connect
def connect(path, hello): return real(path, hello) if hello["role"] == "holder" else snapshot.time.sleep(600)
snapshot._connect = connect
""",
    "worker-that-never-answers": """
from autograder.engine import snapshot
snapshot.Worker.answer = lambda *a: snapshot.time.sleep(600)
""",
    "worker-that-says-half": """
from autograder.engine import snapshot
def answer(self, *a):
    self.connection.sendall(bytes([1, 0, 0, 0, 0, 0, 0, 4, 0]))
    snapshot.time.sleep(600)
snapshot.Worker.answer = answer
""",
    "worker-that-answers-other-calls": """
from autograder.engine import protocol, snapshot
def answer(self, *a):
    while True:
        snapshot.time.sleep(.5); protocol.send(self.connection, [protocol.dumps([-1, "ok", [], [], None])])
snapshot.Worker.answer = answer
""",
    "holder-that-gives-no-status": """
from autograder.engine import snapshot
snapshot.Worker.answer = lambda *a: snapshot.os._exit(1)
snapshot._status = lambda *a: snapshot.time.sleep(600)
""",
    "holders-that-never-read": """
from autograder.engine import snapshot
def hold(path, hello, names):
    kept = snapshot._connect(path, hello | {"role": "holder"})
    snapshot.time.sleep(600)
snapshot._hold = hold
""",
    "snapshots-that-never-connect": """
from autograder.engine import snapshot
snapshot._hold = lambda *a: snapshot.time.sleep(600)
""",
    "snapshots-that-connect-late": """
from autograder.engine import snapshot
real = snapshot._hold
def late(path, hello, names): snapshot.time.sleep(1.5 * hello["snapshot"]); real(path, hello, names)
snapshot._hold = late
""",
    "snapshots-that-never-return": """
from autograder.engine import snapshot
snapshot.snapshot = lambda *a: snapshot.time.sleep(600)
""",
    "loops": "while True: pass",
    "loops-in-c": "sum(iter(int, 1))",
    "sleeps-and-hears-nothing": """
import time
while True:
    try: time.sleep(600)
    except BaseException: pass
""",
    "processes-that-loop": """
import os
for _ in range(3):
    if not os.fork():
        while True: pass
import time; time.sleep(600)
""",
    "ends-late": "import time, os; time.sleep(2); os._exit(0)",
    "calls-that-loop": "LOOP = True",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_notebook_ends_in_its_time(execute, name):
    answer = cell("answer", "def f(x): ...", locked=False)
    text = "LOOP = False\ndef f(x):\n    while LOOP: pass\n    return x"
    cells = [(answer, text), HOSTILE[name]]
    for number in range(CELLS):
        cells += [f"x = {number}", cell(f"check-{number}", f"assert f({number}) == {number}", points=1)]
    begin = time.monotonic()
    done = execute(*cells, notebook_seconds=SECONDS, call_seconds=60.0)
    assert time.monotonic() - begin < WALL * SECONDS + MARGIN
    waiting = {name for wait in done.waits for name in wait["cells"]}
    assert done.passed | set(done.lost) == {f"check-{number}" for number in range(CELLS)}
    assert waiting <= set(done.lost)
    assert all("used up its time" in wait["reason"] for wait in done.waits)


def test_what_was_judged_in_time_counts(execute):
    answer = cell("answer", "def f(x): ...", locked=False)
    first = cell("first", "assert f(1) == 1", points=1)
    slow = cell("slow", "while True: f(1)", points=1)
    last = cell("last", "assert f(2) == 2", points=1)
    done = execute((answer, "def f(x): return x"), first, slow, last, notebook_seconds=4)
    (wait,) = done.waits
    # the check's time and the notebook's end at one instant: what is cut off so says nothing
    assert done.passed == {"first"} and wait["cells"] == ["slow", "last"]


def test_processor_time_is_counted_over_all_kernels(execute):
    burn = "import time, os\nwhile time.process_time() < 3: pass\nos._exit(0)"
    done = execute(burn, burn, burn, burn, cell("check", "x", points=1), notebook_seconds=7)
    assert len(done.accused()) < 4 and [wait["cells"] for wait in done.waits] == [["check"]]


def test_a_deadline_without_processor_time_is_over():
    deadline = Deadline(10)
    assert 19 < deadline.left() <= 10 * WALL and deadline.at_most(3) == 3
    deadline.spend(10.5)
    assert deadline.left() == deadline.at_most(3) == 0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({}, (CELL, CELL)),
        ({"Execute": {"timeout": 7}}, (7, 7)),
        ({"ExecutePreprocessor": {"timeout": 8}}, (8, 8)),
        ({"Execute": {"timeout": None}}, (1200, 1200)),
        ({"Execute": {"timeout": 7}, "IsolatedExecute": {"cell_seconds": 9}}, (9, 7)),
    ],
)
def test_nbgraders_own_setting_is_the_time_of_a_cell(said, seconds):
    settings = IsolatedExecute(config=Config(said))
    assert (settings.cell_seconds, settings.test_seconds) == seconds


def test_outputs_that_were_handed_in_are_never_what_counts():
    with pytest.raises(EngineFailure, match="no-execute"):
        IsolatedExecute(config=Config(Execute={"enabled": False})).check()
