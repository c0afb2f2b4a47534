"""The process of the checks has a limit too: what an answer makes a check build is that check's failure."""

import subprocess
import sys

import pytest

from autograder.engine.checker_process import new_checker
from autograder.engine.failures import EngineFailure

LIMITED = """
from autograder.engine.checker import limit_memory
import torch
limit_memory(1 << 28)
MANY = "torch.zeros(1).expand(1 << 25).tolist()"
for build in ("torch.zeros(1 << 27)", MANY, "bytearray(1 << 29)", "[0] * 10**8"):
    try:
        eval(build)
    except (MemoryError, RuntimeError) as error:
        print(type(error).__name__)
print(len(bytearray(1 << 27)))
"""


def test_what_is_too_large_to_build_is_an_ordinary_error():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    said = done.stdout.split("\n")
    assert said[:5] == ["RuntimeError", "MemoryError", "MemoryError", "MemoryError", str(1 << 27)], done


@pytest.fixture
def checker():
    made = new_checker(["torch"])
    yield made
    made.close()


def test_a_cell_that_takes_all_memory_fails_and_the_next_has_it_again(checker):
    hoard = "def check():\n    kept = []\n    while True: kept.append(bytearray(1 << 27))\ncheck()"
    enough = "assert len(bytearray(3 << 29)) > 0"
    for source, runs in ((hoard, False), (enough, True), (hoard, False), (enough, True)):
        assert checker.ask("support", "hoard", source) is runs


def test_a_process_of_checks_that_is_killed_says_so(checker):
    with pytest.raises(EngineFailure, match="the process of the checks failed at 'support'"):
        checker.ask("support", "killer", "import os, signal; os.kill(os.getpid(), signal.SIGABRT)")
