"""The memory that a process keeps: counted by the system, in processes of their own."""

import subprocess
import sys

import pytest

from gan_lib.training import keep_freed_memory

ROUNDS, MIB = 10, 200

# Takes, fills and frees a tensor again and again; prints what keep_freed_memory said and the pages cleared.
PROGRAM = f"""
import resource
import sys
import torch
from gan_lib.training import keep_freed_memory

torch.set_num_threads(1)
held = keep_freed_memory() if sys.argv[1] == "keep" else None
torch.ones({MIB} << 18)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({ROUNDS}):
    torch.ones({MIB} << 18)
pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(held, pages * resource.getpagesize() >> 20)
"""


def cleared(how):
    """(what keep_freed_memory returned, MiB of pages that the system gave while memory was taken again)."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    held, mib = done.stdout.split()
    return held, int(mib)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is the C library's of GNU/Linux")
def test_memory_taken_again_costs_few_new_pages():
    held, kept = cleared("keep")
    _, returned = cleared("return")
    if returned < MIB:
        pytest.skip("huge pages: the system gives memory in pieces too large to count")
    # once the space may not be found again: the next tensor starts at a multiple of 64 bytes
    assert held == "True" and kept < returned / 4


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_is_done(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    assert keep_freed_memory() is False
