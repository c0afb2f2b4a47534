"""How a sandbox can end, why it says so, and that nothing of it remains."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.sandbox import (
    Limits,
    SandboxUnavailable,
    check_sandbox,
    leases,
    sandboxed_kernel,
    stop,
    why_dead,
)
from autograder.sandbox.availability import OPTIONS

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.mark.parametrize(
    "code, why",
    [
        ("import os; os._exit(3)", "exited with status 3"),
        ("import os; os._exit(0)", "exited with status 0"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9 (SIGKILL)"),
        ("import ctypes; ctypes.string_at(0)", "killed by signal 11 (SIGSEGV)"),
    ],
)
def test_a_kernel_that_ends_by_itself_says_how(run_cells, code, why):
    assert run_cells(code + "\nimport time; time.sleep(20)")[1] == why


def test_killing_every_process_in_sight_reaches_none_outside(run_cells):
    texts, why = run_cells("import os; os.kill(-1, 9)", "print('here')")
    assert texts[0] in ("", "ProcessLookupError: [Errno 3] No such process")
    assert texts[1] == "here\n" and why is None


def test_a_shutdown_on_request_is_no_death(run_cells):
    async def both_ways():
        for now in (True, False):
            manager = sandboxed_kernel()
            await manager.start_kernel()
            assert await manager.is_alive() and why_dead(manager) is None
            await manager.shutdown_kernel(now=now)
            assert not await manager.is_alive() and why_dead(manager) is None

    asyncio.run(both_ways())


def test_stop_names_its_reason():
    async def run():
        manager = sandboxed_kernel()
        await manager.start_kernel()
        stop(manager, "output: more than 32 MiB")
        while await manager.is_alive():
            await asyncio.sleep(0.01)
        assert why_dead(manager) == "output: more than 32 MiB"
        await manager.shutdown_kernel(now=True)

    asyncio.run(run())


def test_a_kernel_restarts():
    async def run():
        manager = sandboxed_kernel()
        await manager.start_kernel()
        await manager.restart_kernel(now=True)
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=30)
        client.stop_channels()
        await manager.shutdown_kernel(now=True)

    asyncio.run(run())


def test_an_interrupt_reaches_the_cell(started_kernel):
    async def run():
        async with started_kernel() as started:
            started.client.execute("while True: pass")
            await asyncio.sleep(0.5)
            await started.manager.interrupt_kernel()
            reply = await started.client.get_shell_msg(timeout=20)
            assert reply["content"]["ename"] == "KeyboardInterrupt"

    asyncio.run(run())


GRADER = """
import asyncio, os, signal, sys, time
from autograder.sandbox import sandboxed_kernel
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
async def main():
    manager = sandboxed_kernel()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    client.execute("import os; [os.fork() for _ in range(3)]\\nwhile True: pass")
    if sys.argv[1] == "fork" and not os.fork():
        os.closerange(0, 3)  # a child that still holds the pipes of the grading process
        time.sleep(30)
    print(manager.provisioner.process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def grader(how):
    """A grading process with a busy sandbox. Returns: it, and its supervisor's process id."""
    child = subprocess.Popen(
        [sys.executable, "-c", GRADER, how], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    return child, int(child.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_everything_ends_with_the_grading_process(number):
    child, _ = grader("")
    child.send_signal(number)
    child.wait()
    child.stdout.close()


def test_it_ends_even_while_a_fork_of_the_grading_process_holds_its_pipes(nothing_left):
    child, supervisor = grader("fork")
    child.kill()
    child.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{supervisor}").exists() and "Z" not in state(supervisor):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGKILL)
    child.stdout.close()


def state(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_a_killed_supervisor_takes_its_sandbox_along_and_the_rest_is_swept():
    async def run():
        manager = sandboxed_kernel()
        await manager.start_kernel()
        folder = Path(manager.ip).parent
        manager.provisioner.process.kill()
        while await manager.is_alive():
            await asyncio.sleep(0.01)
        assert why_dead(manager) == "the sandbox's supervisor ended: it was killed"
        await manager.shutdown_kernel(now=True)
        deadline = time.monotonic() + 10
        while folder.exists():  # its lock is held until its last process is gone
            assert time.monotonic() < deadline
            leases.sweep()
            await asyncio.sleep(0.02)

    asyncio.run(run())


def test_two_sandboxes_at_once_do_not_see_each_other():
    async def run():
        managers = [sandboxed_kernel() for _ in range(2)]
        await asyncio.gather(*(manager.start_kernel() for manager in managers))
        clients = [manager.client() for manager in managers]
        for client in clients:
            client.start_channels()
            await client.wait_for_ready(timeout=60)
        code = "import os; x = (os.getuid(), len([p for p in os.listdir('/proc') if p.isdigit()]))"
        seen = []
        for client in clients:
            reply = await client.execute_interactive(code, user_expressions={"x": "x"}, timeout=30)
            seen.append(eval(reply["content"]["user_expressions"]["x"]["data"]["text/plain"]))
        assert [tasks for _, tasks in seen] == [2, 2]
        if os.geteuid() == 0:  # else both are the caller, each in a user namespace of its own
            assert seen[0][0] != seen[1][0]
        for client, manager in zip(clients, managers, strict=True):
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    asyncio.run(run())


def test_a_hidden_folder_below_a_shown_one_is_empty(run_cells, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images").write_text("x")
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "gradebook.db").write_text("x")
    code = (
        f"import os; print(os.listdir({str(tmp_path / 'data')!r}), os.listdir({str(tmp_path / 'course')!r}))"
    )
    texts, _ = run_cells(code, show=[tmp_path], hide=[tmp_path / "course"])
    assert texts == ["['images'] []\n"]


def test_the_check_passes_here():
    check_sandbox()


def test_without_bubblewrap_the_check_names_the_ways_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable) as refused:
        check_sandbox()
    for word in (
        "bubblewrap is not installed",
        "apt install",
        "user namespaces",
        "profile for bwrap",
        "virtual machine",
        "podman",
        "Apptainer",
        "nbgrader_config.py",
    ):
        assert word in str(refused.value)


def test_no_advice_opens_the_whole_machine():
    assert "restrict_unprivileged_userns=0" not in OPTIONS


@pytest.mark.parametrize(
    "user, capabilities, given", [(0, "1ffffffffff", True), (0, "a80425fb", False), (1000, "0", False)]
)
def test_only_root_with_its_capabilities_gives_users(monkeypatch, user, capabilities, given):
    """The second is what containers have by default: no CAP_SYS_ADMIN."""
    monkeypatch.setattr(leases.os, "geteuid", lambda: user)
    monkeypatch.setattr(leases.Path, "read_text", lambda path: f"Name:\tx\nCapEff:\t{capabilities}\n")
    assert leases.may_give_users() is given


def test_where_bubblewrap_may_not_work_the_check_says_what_failed(monkeypatch, tmp_path):
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match="No permissions to create new namespace"):
        check_sandbox()


def test_a_full_submission_is_refused_by_name(tmp_path):
    (tmp_path / "big.bin").write_bytes(b"x" * 2000)

    async def run():
        manager = sandboxed_kernel(tmp_path, Limits(submission=1000))
        with pytest.raises(ValueError, match=r"^big\.bin: the submission's files hold more than 1000 bytes"):
            await manager.start_kernel()

    asyncio.run(run())
