"""nbgrader's own tests of `autograde`, with the course's settings: each passes, or breaks on a promise.

`pytest --peers=all tests/autograder/test_peers.py` runs all of them, on as many processes as there are cores.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbgrader
import pytest

ROOT = Path(__file__).parents[2]
PEER = Path(nbgrader.__file__).parent / "tests" / "apps" / "test_nbgrader_autograde.py"
SETTINGS = f"""
from pathlib import Path

c = get_config()
exec(Path({str(ROOT / "autograder" / "nbgrader_config.py")!r}).read_text())
for name in {{*c}} - {{"Autograde", "Execute"}}:
    del c[name]
c.IsolatedExecute.preload = []
"""
NAMED = {  # autograder/README.md has them too, under "Differences from plain nbgrader"
    "test_side_effects": "what students' code writes is gone with its sandbox",
    "test_handle_failure": "cells of another assignment fail nobody: the submission waits for a person",
    "test_handle_failure_single_notebook": "the same",
    "test_missing_files": "whatever is handed in is graded or named: an empty folder is named, with status 1",
    "test_no_execute": "outputs that were handed in are never what counts",
}
SOME = (  # they failed once
    "test_force_single_notebook",
    "test_hidden_tests_single_notebook",
    "test_grade_with_validating_envvar",
    "test_incorrect_source_kernelspec",
)


@pytest.fixture(scope="module")
def names():
    """Of all tests in the peer's file."""
    functions = [one for one in ast.walk(ast.parse(PEER.read_text())) if isinstance(one, ast.FunctionDef)]
    return {one.name for one in functions if one.name.startswith("test_")}


def test_what_is_named_is_there(names):
    told = (ROOT / "autograder" / "README.md").read_text()
    assert {*NAMED, *SOME} <= names and all(f"`{name}`" in told for name in NAMED)


def test_the_peers_tests_pass_but_for_those_that_are_named(names, tmp_path, pytestconfig):
    everything = pytestconfig.getoption("peers") == "all"
    (tmp_path / "nbgrader_config.py").write_text(SETTINGS)
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTER_CONFIG_PATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for alembic
    report = tmp_path / "report.xml"
    plain = "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={tmp_path}", f"--junitxml={report}"
    workers = ["-n", str(len(os.sched_getaffinity(0)))] if everything else []
    chosen = [str(PEER)] if everything else [f"{PEER}::TestNbGraderAutograde::{name}" for name in SOME]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, *workers, *chosen],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"} | own,
        capture_output=True,
        text=True,
    )
    assert report.exists(), done.stderr
    ran = {"passed": set(), "failed": set()}
    for case in ElementTree.parse(report).iter("testcase"):
        failed = any(case.find(how) is not None for how in ("failure", "error"))
        ran["failed" if failed else "passed"].add(case.get("name").partition("[")[0])
    assert ran["failed"] == (set(NAMED) if everything else set()), done.stdout[-5000:]
    assert ran["failed"] | ran["passed"] == (names if everything else set(SOME))
