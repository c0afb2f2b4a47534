"""Tests left to `make test-all`: each names the one of `make test` that shows the same of its kind."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def marks(tree):
    """(line, what it names) of each mark `exhaustive`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "exhaustive"
        ):
            yield node.lineno, [argument.value for argument in node.args]


def left_out():
    """(file, line, what stays for it)."""
    for path in sorted(ROOT.rglob("test_*.py")):
        for line, names in marks(ast.parse(path.read_text())):
            yield path.relative_to(ROOT.parent), line, names


def fault(names):
    """What is wrong with what a mark names, if anything."""
    if len(names) != 1:
        return "exhaustive needs the name of the test that stays"
    place, _, name = names[0].partition("::")
    functions = {
        node.name: node for node in ast.parse((ROOT.parent / place).read_text()).body if hasattr(node, "name")
    }
    if name not in functions:
        return f"{place} has no {name}"
    if any("exhaustive" in ast.unparse(mark)[:30] for mark in functions[name].decorator_list):
        return f"{names[0]} is itself left out"


def test_what_stays_is_named_and_is_there():
    marked = list(left_out())
    faults = [f"{file}:{line}: {found}" for file, line, names in marked if (found := fault(names))]
    assert marked and not faults, "\n".join(faults)


def test_a_mark_that_names_no_test_is_told():
    this = "tests/test_exhaustive.py::"
    assert "needs the name" in fault([])
    assert "has no test_gone" in fault([this + "test_gone"])
    assert fault([this + "test_a_mark_that_names_no_test_is_told"]) is None
