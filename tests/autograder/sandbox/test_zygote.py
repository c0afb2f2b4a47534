"""Kernels that are forked from one process: each has what was imported, and nothing of another's."""

import asyncio
import os
import select
import signal

import pytest

from autograder.sandbox import SandboxUnavailable, sandboxed_kernel
from autograder.sandbox.provisioner import zygote

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def in_turn(run_cells):
    """A function from cells to their texts, each in a kernel of its own."""

    def run(*cells, preload=("colorsys",)):
        return [run_cells(cell, preload=preload)[0][0] for cell in cells]

    return run


def test_modules_are_there_at_once_and_each_kernels_own(in_turn):
    look = "import sys; print('colorsys' in sys.modules, hasattr(sys.modules['colorsys'], 'mark'))"
    change = "import colorsys; colorsys.mark = 1"
    assert in_turn(f"{look}; {change}", look) == ["True False\n"] * 2


def test_kernels_draw_numbers_of_their_own(in_turn):
    draw = "import random, numpy; print(random.random(), numpy.random.rand())"
    first, second = in_turn(draw, draw, preload=("numpy",))
    assert not set(first.split()) & set(second.split())


def test_a_kernel_sees_nothing_of_the_zygote(in_turn):
    look = """
import os
print(os.getppid(), os.getpgid(0) == os.getsid(0) == os.getpid(), len(os.getgroups()))
print(sorted(name for name in os.listdir("/proc") if name.isdigit()) == ["1", str(os.getpid())])
"""
    (text,) = in_turn(look)
    first, second = text.splitlines()
    assert first.startswith("0 True") and second == "True"
    assert first.endswith(" 0") or os.geteuid() != 0


def test_plotting_has_folders_of_the_sandbox(in_turn):
    """In each kernel, and not those that the zygote had when it imported."""
    plot = """
import matplotlib, matplotlib.pyplot as plt
print(matplotlib.get_cachedir(), matplotlib.get_configdir())
plt.plot([1, 2]); plt.savefig("a.png"); plt.close()
"""
    shown = in_turn(plot, plot, preload=("matplotlib.pyplot",))
    assert shown == ["/tmp/.own/matplotlib /tmp/.own/matplotlib\n"] * 2


def test_a_zygote_that_was_killed_is_replaced(in_turn):
    assert in_turn("print(1)") == ["1\n"]
    server = zygote(("colorsys",), 1)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    assert in_turn("print(2)") == ["2\n"]


def test_a_kernel_goes_on_without_its_zygote(started_kernel):
    async def run():
        async with started_kernel(preload=["colorsys"]) as started:
            os.kill(zygote(("colorsys",), 1).process.pid, signal.SIGKILL)
            await asyncio.sleep(0.2)
            return await started.run("print(3)")

    assert asyncio.run(run()) == "3\n"


def test_a_zygote_ends_when_nobody_can_ask_it(in_turn):
    in_turn("print(4)", preload=("stringprep",))
    server = zygote(("stringprep",), 1)
    server.control.close()
    assert server.process.wait(10) == 0


def test_a_zygote_that_was_never_asked_ends_without_a_word(capfd):
    server = zygote(("nturl2path",), 1)
    assert select.select([server.control], [], [], 60)[0]  # it is ready
    server.control.close()
    assert server.process.wait(10) == 0 and capfd.readouterr().err == ""


def test_a_module_that_cannot_be_imported_is_named():
    async def run():
        with pytest.raises(SandboxUnavailable, match="No module named 'no_such_module'"):
            await sandboxed_kernel(preload=["no_such_module"]).start_kernel()

    asyncio.run(run())
