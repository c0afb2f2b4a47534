"""Shared by all rooms: hypothesis without deadlines (machines differ), reproducible; who stays together."""

from pathlib import Path

import pytest
from hypothesis import settings

TOGETHER = ("book", "autograder/grade", "autograder/round_trip", "autograder/sandbox")

settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")


def pytest_addoption(parser):
    parser.addoption(
        "--attacks",
        default="some",
        help="of the hostile notebooks in tests/autograder/attacks: some (one of each kind), all, or names "
        "separated by commas",
    )
    parser.addoption(
        "--matrix",
        default="some",
        help="of the solutions in tests/autograder/solutions, nbgrader judges: some (of every task one "
        "right and three wrong), all, or those of the assignments with these numbers, separated by commas",
    )
    parser.addoption("--matrix-json", metavar="FILE", help="where the verdicts on them are written")


def pytest_collection_modifyitems(items):
    """Several processes (`pytest -n 2 --dist loadgroup`) share the files out; costly fixtures stay whole."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item):
    """A file's tests stay together; so do some folders, and of the many solutions those of an assignment."""
    file = item.path.relative_to(Path(__file__).parent).as_posix()
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")
    if file == "autograder/test_solutions.py" and case is not None:
        return case.assignment
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)
