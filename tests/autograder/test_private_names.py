"""What the package uses of nbgrader and nbconvert though it is not public: these names, and no others.

When a new version of theirs changes one, a test here fails, and names the file that uses it.
"""

import ast
import inspect
from pathlib import Path

import nbconvert
import nbgrader
import pytest
from nbconvert.exporters import Exporter
from nbgrader.converters.base import BaseConverter

PACKAGE = Path(__file__).parents[2] / "autograder"
PEERS = nbgrader, nbconvert
PRIVATE = {  # whose, and what it looks like
    "_format_source": (
        BaseConverter,
        "(self, assignment_id: str, student_id: str, escape: bool = False) -> str",
    ),
    "_format_dest": (
        BaseConverter,
        "(self, assignment_id: str, student_id: str, escape: bool = False) -> str",
    ),
    "_output_directory": (BaseConverter, "property"),
    "_preprocess": (Exporter, "(self, nb, resources)"),
    "_preprocessors": (Exporter, "attribute"),
}


def names(folder, kinds):
    """Dict from private names in the Python files of a folder to the files."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        if "course" not in path.relative_to(folder).parts and "tests" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(node, "attr", getattr(node, "name", None)) if isinstance(node, kinds) else None
                if isinstance(name, str) and name.startswith("_") and not name.startswith("__"):
                    found.setdefault(name, set()).add(path.relative_to(folder).as_posix())
    return found


def test_no_other_private_name_of_theirs_is_used():
    theirs = {name for peer in PEERS for name in names(Path(peer.__file__).parent, ast.FunctionDef)}
    used, own = names(PACKAGE, ast.Attribute), names(PACKAGE, ast.FunctionDef)
    assert {name: used[name] for name in theirs & set(used) - set(own) - set(PRIVATE)} == {}
    assert set(PRIVATE) - set(used) - set(own) == set()


@pytest.mark.parametrize("name", PRIVATE)
def test_it_is_as_it_was(name):
    owner, looks = PRIVATE[name]
    if looks == "attribute":
        assert f"self.{name}" in inspect.getsource(owner)
        return
    found = inspect.getattr_static(owner, name)
    assert ("property" if isinstance(found, property) else str(inspect.signature(found))) == looks
