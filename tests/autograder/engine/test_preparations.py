"""What the checks define is never taken from a student, and checks whose preparation failed earn nothing."""

import pytest
from engine.conftest import cell

# A student's side that answers the first look-up with nonsense, or ends, and knows the checks' names itself.
FORGED = """
def helper(*arguments): return 4
helper_module = math = helper
from autograder.engine import snapshot
real, asked = snapshot.Worker._lookup, "/tmp/asked"
import os
def lookup(self, number, names, *rest):
    if not os.path.exists(asked):
        open(asked, "w").close()
        {how}
    return real(self, number, names, *rest)
snapshot.Worker._lookup = lookup
"""
WAYS = {
    "nonsense": "return [b'[[[']",
    "another-form": "return [b'[1,2,3]']",
    "ends": "os._exit(0)",
    "unknown-names": "return [snapshot.protocol.dumps([number, 'ok', [['x', 1]], None, None])]",
    "error": "raise ValueError('no')",
}
ANSWER = cell("answer", "def f(x): ...", locked=False)
DEFINES = {
    "def": "def helper(x): return f(x)\n",
    "assigned": "helper = lambda x: f(x)",
    "class": "class helper:\n    def __new__(self, x): return f(x)",
    "for": "for helper in [lambda x: f(x)]: pass",
    "with": "import contextlib\nwith contextlib.nullcontext(lambda x: f(x)) as helper: pass",
    "walrus": "[helper := g for g in [lambda x: f(x)]]",
    "global": "def make():\n    global helper\n    helper = lambda x: f(x)\nmake()",
    "import-as": "f\nimport math as helper_module\nhelper = lambda x: f(x) + 0 * helper_module.pi",
    "from": "f\nfrom math import floor as floored\nhelper = lambda x: floored(f(x))",
    "magic": "%time helper = lambda x: f(x)",
    "cell-magic": "%%capture\nhelper = lambda x: f(x)",
}


@pytest.mark.parametrize("defined", DEFINES)
def test_names_of_a_preparation_that_failed_are_not_the_students(execute, defined):
    prepare = cell("prepare", DEFINES[defined], points=0)
    check = cell("check", "assert helper(2) == 4", points=3)
    forged = (ANSWER, FORGED.format(how=WAYS["nonsense"]) + "def f(x): return 4")
    done = execute(forged, prepare, check)
    assert done.passed == set()
    assert "the checks 'prepare', which prepare these, did not succeed" in str(done.lost["check"])
    honest = execute((ANSWER, "def f(x): return 2 * x"), prepare, check)
    assert honest.passed == {"prepare", "check"}


@pytest.mark.parametrize("way", WAYS)
def test_however_a_preparation_is_made_to_fail(execute, way):
    cells = (
        cell("prepare", "def helper(x): return f(x) + 2", points=0),
        cell("check", "assert helper(2) == 6"),
    )
    check = cell("check", "assert helper(2) == 4", points=3)
    done = execute((ANSWER, FORGED.format(how=WAYS[way]) + "def f(x): return 4"), cells[0], check)
    assert "check" not in done.passed


def test_what_a_failed_preparation_had_begun_is_worth_nothing(execute):
    prepare = cell("prepare", "cases = []\ncases.append(f(1))", points=0)
    check = cell("check", "for case in cases: assert case == 2", points=3)
    done = execute((ANSWER, "def f(x): raise ValueError"), prepare, check)
    assert done.passed == set()


def test_a_preparation_that_needs_nothing_of_the_student_succeeds(execute):
    prepare = cell("prepare", "import math\ndef helper(x): return math.floor(x)", points=0)
    check = cell("check", "assert helper(2) == 2", points=3)
    other = cell("other", "assert f(2) == 4", points=1)
    done = execute(
        (ANSWER, FORGED.format(how="os.kill(-1, 9)") + "def f(x): return 4"), prepare, check, other
    )
    assert done.passed >= {"prepare", "check"}


@pytest.mark.parametrize("support", ["helper = f", "import math as helper\nf", "f\nfrom math import *"])
def test_names_of_a_support_cell_that_cannot_run_are_not_the_students(execute, support):
    check = cell("check", "assert helper(2) == 4", points=3)
    done = execute((ANSWER, "def helper(x): return 4\ndef f(x): return 4"), cell("support", support), check)
    assert ("check" in done.passed) == ("*" in support)  # there helper is a name of nobody but the student
    check = cell("check", "assert floor(2.5) == 2 and f(1) == 4", points=3)
    done = execute((ANSWER, "def floor(x): return 2\ndef f(x): return 4"), cell("support", support), check)
    assert "check" in done.passed  # the star gives the right one


def test_names_by_a_star_are_not_the_students(execute):
    support = cell("support", "f\nfrom math import *")
    check = cell("check", "assert floor(f(2)) == 7", points=3)
    done = execute((ANSWER, "def floor(x): return 7\ndef f(x): return 4.5"), support, check)
    assert done.passed == set()


def test_a_name_that_a_later_cell_defines_is_not_the_students(execute):
    check = cell(
        "check", "try: helper(1)\nexcept NameError: pass\nelse: raise AssertionError('taken')\n", points=1
    )
    later = cell("later", "def helper(x): return 4\nassert f(2) == 4", points=1)
    done = execute((ANSWER, "def helper(x): return 4\ndef f(x): return 4"), check, later)
    assert done.passed == {"check", "later"}


def test_a_name_that_the_assignment_asks_for_is_the_students_until_a_locked_cell_defines_it(execute):
    first = cell("first", "assert f(2) == 4", points=1)
    gone = cell("gone", "kept = f\ndel f\nf = kept\nassert f(3) == 6", points=1)
    last = cell("last", "assert f(1) == 2", points=1)
    done = execute((ANSWER, "def f(x): return 2 * x"), first, gone, last)
    assert done.passed == {"first", "gone", "last"}


def test_a_new_checker_takes_no_names_either(execute):
    """The first checker does not survive an answer: what ran in it runs again."""
    prepare = cell("prepare", "def helper(x): return f(x)", points=0)
    ends = cell("ends", "import os\nhelper(2)\nother = 4\nos._exit(1)", points=1)
    check = cell("check", "assert helper(2) == 4", points=1)
    builds = cell("builds", "assert helper(2) == other", points=1)
    done = execute((ANSWER, "other = 4\ndef f(x): return 2 * x"), prepare, ends, check, builds)
    assert done.passed == {"prepare", "check"}
    assert "the checks 'ends', which prepare these" in str(done.lost["builds"])


USES = cell("uses", "def uses(): ...", locked=False)
DELETES = """
kept = f
del f
try:
    uses(3)
except NameError:
    assert kept(3) == 6
else:
    raise AssertionError("uses does not use f")
finally:
    f = kept
assert uses(3) == 7
"""


@pytest.mark.parametrize(("code", "passes"), [("f(x) + 1", True), ("2 * x + 1", False)])
def test_checks_can_delete_a_name_to_see_who_relies_on_it(execute, code, passes):
    """As in the assignment of nbgrader's manual; the next cell has the name again, whatever came out."""
    after = cell("after", "assert f(3) == 6 and uses(3) == 7", points=1)
    answers = (ANSWER, "def f(x): return 2 * x"), (USES, f"def uses(x): return {code}")
    done = execute(*answers, cell("deletes", DELETES, points=1), after)
    assert done.passed == ({"deletes", "after"} if passes else {"after"})


def test_checks_and_students_are_told_that_nbgrader_grades(execute):
    check = "import os\nassert how == os.environ['NBGRADER_EXECUTION'] == 'autograde'"
    student = "import os\nhow = os.environ.get('NBGRADER_EXECUTION')"
    assert execute(student, cell("check", check, points=1)).passed == {"check"}


def test_a_mode_that_one_tasks_code_leaves_is_no_other_tasks(execute):
    """Gradients that are switched off stay off for the checks of that task, and for those alone."""
    left_off = (
        cell("one", "def f(): ...", locked=False),
        "import torch\ndef f(): torch.set_grad_enabled(False)",
    )
    other = cell("two", "def g(): ...", locked=False), "def g(): return 1"
    done = execute(
        left_off,
        cell("f-called", "import torch\nf()\nassert not torch.is_grad_enabled()", points=1),
        cell("f-after", "import torch\nf\nassert torch.is_grad_enabled()", points=1),
        other,
        cell("g-after", "import torch\nassert g() == 1 and torch.is_grad_enabled()", points=1),
        memory_mb=3000,
        cell_seconds=120,
        test_seconds=120,
        call_seconds=20.0,
    )
    assert done.passed == {"f-called", "g-after"}
