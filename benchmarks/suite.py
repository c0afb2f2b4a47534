"""Where the time of the tests goes: python benchmarks/suite.py [pytest's arguments]

Runs `pytest -n auto` and prints, by room and for the slowest files, how long the tests took, the processor
time of their process and of the children that it has waited for, and what they started: processes, commands
of nbgrader and of `autograder`, notebooks run by papermill, builds of a book, browsers. (A plugin of pytest,
`-p benchmarks.suite`.)
"""

import collections
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTED = {  # words of a command, and what it is called
    "nbgrader": "nbgrader",
    "autograder": "autograder",
    "papermill": "papermill",
    "run.py": "papermill",
    "jupyter-book": "book",
    "chromium": "browser",
}
COLUMNS = "tests", "seconds", "cpu s", "processes", "nbgrader", "autograder", "papermill", "book", "browser"
FILES = 25  # the slowest of them have a row of their own

_counts = collections.Counter()


def _listen(event, arguments):
    if event == "subprocess.Popen":
        _counts["processes"] += 1
        words = arguments[1] if isinstance(arguments[1], list | tuple) else [arguments[1]]
        command = " ".join(os.path.basename(os.fsdecode(word)) for word in words[:4])
        for word, name in STARTED.items():
            if word in command:
                _counts[name] += 1
                break
    elif event in ("os.fork", "os.posix_spawn"):
        _counts["processes"] += 1


def pytest_configure():
    sys.addaudithook(_listen)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Fixtures of a wider scope are paid for by the test that asks first."""
    before, begin = _counts.copy(), (time.monotonic(), sum(os.times()[:4]))
    item.spent = lambda: {
        "seconds": time.monotonic() - begin[0],
        "cpu s": sum(os.times()[:4]) - begin[1],
        **(_counts - before),
    }
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "teardown":
        report.user_properties.append(("spent", item.spent()))
    return report


def pytest_terminal_summary(terminalreporter, config):
    rooms, files = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        spent = dict(getattr(report, "user_properties", ())).get("spent")
        if spent is None or report.when != "teardown":
            continue
        file = Path(report.nodeid.partition("::")[0])
        for counts, name in ((rooms, file.parent), (files, file)):
            counts[str(name.relative_to("tests"))].update(spent | {"tests": 1})
    if not rooms:
        return
    _print(terminalreporter, rooms, len(rooms))
    _print(terminalreporter, files, FILES)


def _print(terminal, counts, most):
    rows = sorted(counts.items(), key=lambda row: -row[1]["seconds"])
    terminal.write_line(f"\n| | {' | '.join(COLUMNS)} |\n|{' --- |' * (len(COLUMNS) + 1)}")
    for name, count in [*rows[:most], ("all", sum(counts.values(), collections.Counter()))]:
        terminal.write_line(f"| {name} | {' | '.join(f'{count[column]:.0f}' for column in COLUMNS)} |")


if __name__ == "__main__":
    root = Path(__file__).parents[1]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "-p", "benchmarks.suite", "-n", "auto", *sys.argv[1:]]
    sys.exit(subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": path}).returncode)
