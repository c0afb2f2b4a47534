"""Shared by all rooms: hypothesis without deadlines (machines differ), reproducible; who stays together;
and a browser."""

import os
import re
import shlex
import shutil

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

# Started first where several processes share the work, so that none is left alone with a long one at the end.
LONG = (
    "autograder/round_trip/test_all_sets.py ps5",
    "book/test_pages.py",
    "autograder/grade/test_waits.py",
    "autograder/sandbox",
    "autograder/test_matrix.py",
    "autograder/engine/test_deaths.py",
    "autograder/test_form.py",
    "autograder/attacks/test_full_disk.py",
    "autograder/attacks/test_whose_fault.py",
    "autograder/attacks/test_attacks.py",
)

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


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call():
    """The name of a test is no part of its environment: processes that tests share are kept by theirs."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup():
    os.environ.pop("PYTEST_CURRENT_TEST", None)


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
        "right and one wrong), all, or those of the assignments with these numbers, "
        "or variants of contracts, separated by commas",
    )
    parser.addoption(
        "--solutions",
        default="some",
        choices=("some", "all"),
        help="which of the wrong solutions in tests/autograder/solutions, and which seeds of the right ones, "
        "are judged in two processes as well",
    )
    parser.addoption(
        "--peers",
        default="some",
        choices=("some", "all"),
        help="of nbgrader's own tests of autograde, with the course's settings: some, or all (minutes)",
    )
    parser.addoption("--matrix-json", metavar="FILE", help="where the verdicts on them are written")
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="also the tests that are left to `make test-all`: those marked exhaustive",
    )


def pytest_collection_modifyitems(config, items):
    """A test marked exhaustive runs where it is asked for, by the option or by its name."""
    if not config.getoption("exhaustive") and not any("::" in word for word in config.args):
        left = [item for item in items if item.get_closest_marker("exhaustive")]
        if left:
            config.hook.pytest_deselected(items=left)
            items[:] = [item for item in items if item not in left]
    if hasattr(config, "workerinput"):
        rank = {group: number for number, group in enumerate(LONG)}
        items.sort(key=lambda item: rank.get(group_of(item.nodeid), len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Several processes (`pytest -n 2`) share the groups out."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    config.option.loadscopereorder = False  # by the number of tests, which says little here
    return Groups(config, log)


def group_of(nodeid):
    """A file's tests stay together; so do some of a folder, and where assignments are many those of one."""
    file, _, name = nodeid.removeprefix("tests/").partition("::")
    if file.startswith("autograder/sandbox/"):
        return "autograder/sandbox"
    several = file in ("autograder/test_solutions.py", "autograder/round_trip/test_all_sets.py")
    assignment = re.search(r"\bps\d", name) if several else None
    return f"{file} {assignment[0]}" if assignment else file


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A failure says how it is had again, alone."""
    report = yield
    if report.failed:
        options = [word for word in item.config.invocation_params.args if str(word).startswith("--")]
        report.sections.append(("again", shlex.join([".venv/bin/pytest", *options, item.nodeid])))
    return report


@pytest.fixture(scope="module")
def browser():
    """Chromium. A file's own: while one is driven, its process can neither drive another nor run asyncio."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: install it (apt-get install chromium) or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
