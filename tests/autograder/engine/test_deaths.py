"""The end of a student's kernel is blamed on what caused it, and costs nothing else."""

import pytest
from engine.conftest import cell

ANSWERS = [
    (cell(f"answer-{n}", f"def f{n}(x): ...", locked=False), f"def f{n}(x): return x + {n}") for n in range(6)
]
CHECKS = [cell(f"check-{n}", f"assert f{n}(1) == 1 + {n}", points=1) for n in range(6)]
ALL = {one.name for one in CHECKS}


def notebook(culprit, place):
    """Six answers with their checks, and another cell: before the answer of this number, or at the end."""
    cells = [one for pair in zip(ANSWERS, CHECKS, strict=True) for one in pair]
    return [*cells[: 2 * place], culprit, *cells[2 * place :]]


LATER = """
import os, threading
def end(): {end}
threading.Timer({seconds}, end).start()
"""
EXITS = {  # these end no kernel: as at the end of a notebook
    "exit": "exit()",
    "quit": "quit()",
    "exit-in-an-if": "if True:\n    exit()",
    "exit-that-keeps": "exit(keep_kernel=True)",
    "ask": "get_ipython().ask_exit()",
    "shutdown": "get_ipython().kernel.do_shutdown(False)",
    "sys-exit": "import sys; sys.exit()",
    "atexit": "import atexit, os; atexit.register(os._exit, 1)",
}
ENDS = {
    "at-once": "import os; os._exit(3)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "timer": LATER.format(seconds=0.3, end="os._exit(0)"),
    "signal-later": LATER.format(seconds=0.3, end="os.kill(os.getpid(), 15)"),
    "alarm": "import signal; signal.setitimer(signal.ITIMER_REAL, 0.2)",
    "call-later": "import asyncio, os; asyncio.get_event_loop().call_later(0.2, os._exit, 0)",
    "loop-stops": "loop = get_ipython().kernel.io_loop; loop.call_later(0.05, loop.stop)",
    "child": "import os, subprocess; subprocess.Popen(['sh', '-c', f'sleep .3; kill -9 {os.getpid()}'])",
}


@pytest.mark.parametrize("name", EXITS)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_an_exit_ends_nothing(execute, name, place):
    done = execute(*notebook(EXITS[name], place), restarts=0)
    assert done.passed == ALL and done.waits == [] and done.accused() == []


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_an_end_costs_the_cell_that_caused_it(execute, name, place):
    done = execute(*notebook(ENDS[name], place))
    assert done.passed == ALL and done.waits == []
    assert set(done.accused()) <= {2 * place}  # none, where the notebook is over before


SLOW = "import time; time.sleep(0.5)"


def test_a_cause_several_cells_before(execute):
    culprit = LATER.format(seconds=1.2, end="os._exit(0)")
    cells = notebook(culprit, 1)
    done = execute(*cells[:4], SLOW, *cells[4:6], SLOW, *cells[6:8], SLOW, *cells[8:], SLOW, SLOW)
    assert done.passed == ALL and done.accused() == [2]


def test_two_causes(execute):
    cells = notebook(LATER.format(seconds=0.4, end="os._exit(0)"), 1)
    cells.insert(8, "import os; os._exit(3)")
    done = execute(*cells[:6], SLOW, *cells[6:], SLOW)
    assert done.passed == ALL and done.accused() == [2, 9]


def test_what_a_cell_defined_before_its_exit_counts(execute):
    cells = notebook("# nothing", 0)
    cells[-2] = ANSWERS[-1][0], ANSWERS[-1][1] + "\nexit()"
    done = execute(*cells)
    assert done.passed == ALL and done.accused() == []


NO_FORK = """
import os
real = os.fork
def fork():
    if 'f2' in globals() and 'f3' not in globals(): {end}
    return real()
os.fork = fork
"""


@pytest.mark.parametrize("end", ["os._exit(1)", "raise OSError(12, 'Cannot allocate memory')"])
def test_checks_before_which_no_snapshot_can_be_made_wait(execute, end):
    """As in a kernel without memory, which dies of the fork or outlives it: the answer may be right."""
    done = execute(*notebook(NO_FORK.format(end=end), 0))
    assert done.passed == ALL - {"check-2"} and done.accused() == []
    (wait,) = done.waits
    assert wait["cells"] == ["check-2"] and "snapshot" in wait["reason"]


def test_a_call_that_ends_its_process_later_costs_its_own_checks(execute):
    late = (
        "import threading, os\ndef f0(x):\n    threading.Timer(.1, lambda: os._exit(0)).start()\n    return x"
    )
    wait = cell("wait", "import time; time.sleep(.5)\nassert f1(1) == 2", points=1)
    first = (ANSWERS[0][0], late)
    done = execute(first, ANSWERS[1], CHECKS[0], wait, CHECKS[1])
    assert done.passed == {"check-0", "wait", "check-1"}


def test_a_call_that_ends_everything_costs_its_own_checks(execute):
    cells = notebook("# nothing", 0)
    cells[7] = ANSWERS[3][0], "import os\ndef f3(x): os.kill(-1, 9)"
    done = execute(*cells)
    assert done.passed == ALL - {"check-3"} and done.waits == []


def test_a_process_that_ends_everything_during_the_checks_is_blamed_on_its_cell(execute):
    culprit = "import subprocess; subprocess.Popen(['sh', '-c', 'sleep 1.5; kill -9 -1'])"
    slow = cell("slow", "import time; time.sleep(2)\nassert f0(1) == 1", points=1)
    done = execute(*notebook(culprit, 1)[:8], slow, *notebook(culprit, 1)[8:])
    assert done.passed == {*ALL, "slow"} and done.accused() == [2]


def test_where_the_cause_is_not_found_what_was_not_judged_waits(execute):
    culprit = LATER.format(seconds=1.0, end="os._exit(0)")
    done = execute(*notebook(culprit, 1)[:4], SLOW, *notebook(culprit, 1)[4:], SLOW, SLOW, restarts=0)
    (wait,) = done.waits
    assert set(wait["cells"]) == ALL and "kernel ended 1 times" in wait["reason"]
    assert done.accused() == []
    done = execute(*notebook(culprit, 1)[:4], SLOW, *notebook(culprit, 1)[4:], SLOW, SLOW, restarts=1)
    assert done.accused() == []
    waiting = {name for wait in done.waits for name in wait["cells"]}
    assert done.passed | waiting == ALL
