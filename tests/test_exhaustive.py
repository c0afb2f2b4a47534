"""Tests left to `make test-all`: each names the one of `make test` that shows the same of its kind."""

import ast
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("file", "line", "names"), left_out(), ids=str)
def test_what_stays_is_named_and_is_there(file, line, names):
    assert len(names) == 1, f"{file}:{line}: exhaustive needs the name of the test that stays"
    place, _, name = names[0].partition("::")
    functions = {
        node.name: node for node in ast.parse((ROOT.parent / place).read_text()).body if hasattr(node, "name")
    }
    assert name in functions, f"{file}:{line}: {place} has no {name}"
    whole = [mark for mark in functions[name].decorator_list if "exhaustive" in ast.unparse(mark)[:30]]
    assert whole == [], f"{names[0]} is itself left out"
