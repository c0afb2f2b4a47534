"""Shared by all rooms: hypothesis without deadlines (machines differ), reproducible; who stays together."""

import re

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Several processes (`pytest -n 2`) share the groups out."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    return Groups(config, log)


def group_of(nodeid):
    """A file's tests stay together; so do some folders, and of the many solutions those of an assignment."""
    file, _, name = nodeid.removeprefix("tests/").partition("::")
    if file == "autograder/test_solutions.py" and (assignment := re.search(r"\bps\d", name)):
        return assignment[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)
