"""What a cell of checks needs from outside, what of it is hidden, and which scores count."""

import pytest
from nbformat.v4 import new_output

from autograder.engine.cell_names import names_defined, names_needed
from autograder.engine.checker import Shell
from autograder.engine.execute import sound
from autograder.probe import Probe, probe


@pytest.fixture(scope="module")
def shell():
    return Shell()


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("assert f(1) == g", {"f", "g"}),
        ("x = f(1)\nx + 1", {"f", "x"}),
        ("def check(f):\n    y = f(h)\n    return y", {"h"}),
        ("def check():\n    f = 1\n    return f\nf(2)", {"f"}),
        ("import math\nfrom a import b\nmath.pi + b", set()),
        ("import io\nONE = 1\ndef f():\n    return io, ONE, g(f)", {"g"}),
        ("[f(x) for x in xs]", {"f", "xs"}),
        ("print(len([]), isinstance)", set()),
        ("@run_checks\nclass C(Base):\n    z: int = q", {"run_checks", "Base", "q"}),
        ("lambda x: x + k", {"k"}),
        ("this is no Python", set()),
        ("%matplotlib inline\nf()", {"f"}),
    ],
)
def test_names_that_a_cell_takes_from_outside(shell, source, needed):
    assert names_needed(source, shell) - {"int", "math", "b"} == needed


@pytest.mark.parametrize(
    ("source", "defined"),
    [
        ("ONE = io\ndef f(x):\n    y = x\nclass C:\n    z = 1\nprint(g)", {"ONE", "f", "C"}),
        ("import a.b\nimport c.d as e\nfrom f import g as h, i", {"a", "e", "h", "i"}),
        ("for a, (b, *c) in z: pass\nwith k() as w: pass\n[y := x for x in z]", {"a", "b", "c", "w", "y"}),
        ("try: pass\nexcept E as e: pass\ndel d\nn: int = 1\nm += 1", {"e", "d", "n", "m"}),
        ("match s:\n    case [p, *q]: pass\nasync def r(): pass", {"p", "q", "r"}),
        (
            "def f():\n    global a\n    def g():\n        global b\n        import b\n    a = c = 1",
            {"f", "a", "b"},
        ),
        ("from string import *", {*__import__("string").__all__}),
        ("from no_such_module import *\na = 1", {"a"}),
        ("%time a = f()", {"a"}),
        ("%%capture\nb = f()", {"b"}),
        ("%matplotlib inline\n!ls\na = 1", {"a"}),
        ("k = f\ndel f\ntry: g()\nfinally:\n    f = k", {"k"}),
        ("k = f\ndel f\nf = k\nk = 1", {"f", "k"}),
        ("k = f\ndel f\nf = k\ndef f(): pass", {"f", "k"}),
        ("k = f\ndel f\nf = h", {"f", "k"}),
        ("k = f\nf = k", {"f", "k"}),
        ("def f(:\n    g = 1\nh = == 2\nfrom a import b as c", {"f", "g", "h", "b", "c"}),
    ],
)
def test_names_that_a_cell_defines(shell, source, defined):
    assert names_defined(source, shell) == defined


def scored(text):
    return [new_output("execute_result", data={"text/plain": text}, execution_count=None)]


@pytest.mark.parametrize("text", ["0", "1.5", "2.0", "-2.0", "done"])
def test_scores_in_range_and_texts_stay(text):
    assert sound(scored(text), 2) == scored(text)


@pytest.mark.parametrize("text", ["nan", "-2.1", "2.5", "inf"])
def test_other_scores_are_failures(text):
    (output,) = sound(scored(text), 2)
    assert output.output_type == "error" and "of 2" in output.evalue


def test_a_probe_is_its_function_where_there_is_no_other_process():
    @probe
    def seen(f, x=1):
        """What f does."""
        return f(x)

    assert seen(abs, x=-3) == 3 and seen.__doc__ == "What f does." and isinstance(seen, Probe)
