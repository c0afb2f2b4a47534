"""Shared by all rooms: hypothesis without deadlines (machines differ), reproducible; who stays together;
and a browser."""

import os
import re
import shutil

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

TOGETHER = ("book", "autograder/grade", "autograder/round_trip", "autograder/sandbox")

NAMES = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

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
    parser.addoption(
        "--solutions",
        default="some",
        choices=("some", "all"),
        help="which of the wrong solutions in tests/autograder/solutions are judged in two processes as well",
    )
    parser.addoption(
        "--peers",
        default="some",
        choices=("some", "all"),
        help="of nbgrader's own tests of autograde, with the course's settings: some, or all (minutes)",
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


@pytest.fixture(scope="module")
def browser():
    """Chromium. A file's own: while one is driven, its process can neither drive another nor run asyncio."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: install it (apt-get install chromium) or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
