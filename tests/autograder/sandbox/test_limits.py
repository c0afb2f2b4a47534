"""What a student's code can use up, and what remains afterwards: real sandboxes with small limits."""

from dataclasses import replace

import pytest

from autograder.sandbox import Limits

MIB = 1 << 20
SMALL = Limits(memory=600 * MIB, temporary=64 * MIB, file=32 * MIB, tasks=40, cpu=30, wall=60)

pytestmark = pytest.mark.usefixtures("nothing_left")


def small(**changes):
    return replace(SMALL, **changes)


def test_a_limit_must_be_above_zero():
    with pytest.raises(ValueError, match="'tasks' must be above 0, got 0"):
        Limits(tasks=0)


def test_one_process_that_asks_for_too_much_gets_a_memory_error(run_cells):
    texts, why = run_cells("x = bytearray(700 << 20)", "print('goes on')", limits=SMALL)
    assert texts[0].startswith("MemoryError") and texts[1] == "goes on\n" and why is None


def test_many_processes_that_hold_too_much_together_are_killed(run_cells):
    code = """
import os, time
for _ in range(8):
    if not os.fork():
        x = bytearray(b'x') * (200 << 20)
        time.sleep(60)
time.sleep(60)
"""
    texts, why = run_cells(code, limits=SMALL)
    assert texts == ["<dead>"]
    assert why.startswith("memory: the sandbox used ") and why.endswith("of the 600 MiB allowed")


def test_shared_memory_of_one_process_counts(run_cells):
    code = """
import mmap, time
shared = mmap.mmap(-1, 900 << 20)
for _ in range(900): shared.write(b'x' * (1 << 20))
time.sleep(9)
"""
    assert run_cells(code, limits=SMALL)[1].startswith("memory: ")


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/student"])
def test_temporary_files_fill_their_folder_and_no_more(run_cells, folder):
    code = f"""
try:
    for i in range(10):
        open(f'{folder}/{{i}}', 'wb').write(b'x' * (31 << 20))
except OSError as error:
    print(i, error.strerror)
"""
    assert run_cells(code, limits=SMALL)[0] == ["2 No space left on device\n"]


def test_temporary_files_count_as_memory(run_cells):
    code = """
import time
for folder in ('/tmp', '/dev/shm', '/student'):
    for i in range(6):
        open(f'{folder}/{i}', 'wb').write(b'x' * (31 << 20))
time.sleep(10)
"""
    assert run_cells(code, limits=small(memory=500 * MIB, temporary=200 * MIB))[1].startswith("memory: ")


def test_many_empty_files_count_as_memory(run_cells):
    code = """
import os, time
for i in range(400_000):
    os.close(os.open(f'/tmp/{i}', os.O_CREAT | os.O_WRONLY))
time.sleep(10)
"""
    assert run_cells(code, limits=small(memory=500 * MIB))[1].startswith("memory: ")


def test_a_huge_file_is_refused(run_cells):
    code = "f = open('/tmp/f', 'wb'); f.truncate(33 << 20)"
    assert run_cells(code, limits=SMALL)[0][0].startswith("OSError: [Errno 27] File too large")


def test_a_fork_bomb_stops_at_the_tasks_allowed(run_cells):
    code = """
import os, signal, time
pids = []
try:
    while True:
        pid = os.fork()
        if not pid:
            time.sleep(30)
            os._exit(0)
        pids.append(pid)
except BlockingIOError:
    print(len(pids) < 40)
for pid in pids: os.kill(pid, signal.SIGKILL)
for pid in pids: os.waitpid(pid, 0)
"""
    assert run_cells(code, "print(1 + 1)", limits=SMALL) == (["True\n", "2\n"], None)


def test_a_fork_bomb_that_goes_on_ends_with_the_sandbox(run_cells):
    code = """
import os
while True:
    try: os.fork()
    except OSError: pass
"""
    texts, why = run_cells(code, limits=small(cpu=2, wall=30))
    assert texts == ["<dead>"] and why.startswith(("CPU time: ", "wall clock: "))


def test_threads_are_tasks(run_cells):
    code = """
import threading, time
try:
    for i in range(100): threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
except RuntimeError as error:
    print(error)
"""
    assert run_cells(code, limits=SMALL)[0] == ["can't start new thread\n"]


def test_a_loop_in_c_that_no_interrupt_reaches_ends_with_its_cpu_time(run_cells):
    texts, why = run_cells("(1 << 3_000_000_0) // 3 ** 9_000_000", limits=small(cpu=2))
    assert texts == ["<dead>"] and why == "CPU time: the sandbox used more than 2 s"


def test_children_that_have_ended_share_the_cpu_time(run_cells):
    code = """
import os, time
while True:
    if not os.fork():
        end = time.process_time() + 0.2
        while time.process_time() < end: pass
        os._exit(0)
    os.wait()
"""
    assert run_cells(code, limits=small(cpu=2))[1] == "CPU time: the sandbox used more than 2 s"


def test_sleep_ends_with_the_wall_clock(run_cells):
    texts, why = run_cells("import time; time.sleep(100)", limits=small(wall=4))
    assert texts == ["<dead>"] and why == "wall clock: the sandbox ran longer than 4 s"


def test_output_written_past_the_kernel_is_dropped(run_cells):
    code = """
import os, sys, threading
written = 0
def shout():
    global written
    while True: written += os.write(sys.stderr._original_stdstream_copy, b'x' * 65536)
threading.Thread(target=shout, daemon=True).start()
"""
    wait = "import time\nwhile written < 500_000: time.sleep(.01)\nprint('goes on')"
    assert run_cells(code, wait, limits=SMALL) == (["", "goes on\n"], None)


def test_a_message_above_the_limit_is_not_read_and_ends_the_sandbox(run_cells):
    code = "import time; display({'text/plain': 'x' * (8 << 20)}, raw=True); time.sleep(50)"
    texts, why = run_cells(code, limits=small(message=1 * MIB))
    assert texts == ["<dead>"] and why == "output: a message of more than 1 MiB"


def test_children_that_left_their_session_end_with_the_kernel(run_cells):
    """The fixture `nothing_left` looks for them."""
    code = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        time.sleep(1000)
    os._exit(0)
"""
    run_cells(code, limits=SMALL)
