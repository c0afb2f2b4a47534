"""A test that fails says with which command it is had again, alone."""

import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parent / "conftest.py"


def test_a_failure_names_the_command_that_repeats_it(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_wrong.py").write_text("def test_it():\n    assert False\n")
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--attacks=all", "test_wrong.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert ".venv/bin/pytest --attacks=all test_wrong.py::test_it" in done.stdout
