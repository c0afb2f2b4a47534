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


TOGETHER = {
    "at once": """
for _ in range(8):
    if not os.fork():
        x = bytearray(b'x') * (200 << 20)
        time.sleep(60)
""",
    # with as much mapped as before, which a sum over the processes does not see
    "in the place of what they shared": """
x = bytearray(b'x') * (150 << 20)
for _ in range(8):
    if not os.fork():
        time.sleep(3)
        del x
        x = bytearray(b'x') * (150 << 20)
        time.sleep(60)
""",
}


@pytest.mark.parametrize("code", TOGETHER.values(), ids=TOGETHER)
def test_many_processes_that_hold_too_much_together_are_killed(run_cells, code):
    texts, why = run_cells(f"import os, time{code}time.sleep(60)", limits=SMALL)
    assert texts == ["<dead>"]
    assert why.startswith("memory: the sandbox used ") and why.endswith("of the 600 MiB allowed")


@pytest.mark.parametrize(
    "code",
    [
        "mmap.mmap(-1, 1 << 20)",
        "mmap.mmap(-1, 1 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | 0x8000)",
        "mmap.mmap(-1, 1 << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)",
        "mmap.mmap(os.open('/dev/zero', os.O_RDWR), 1 << 20)",
        "raised(libc.semget(0, 32_000, 0o1600))",
        "raised(libc.shmget(0, 1 << 20, 0o1600))",
        "raised(libc.msgget(0, 0o1600))",
        "os.memfd_create('x')",
        "raised(libc.syscall(447, 0))  # memfd_secret",
        "raised(libc.vmsplice(os.pipe()[1], None, 0, 0))",
        "os.splice(os.pipe()[0], os.pipe()[1], 1)",
        "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)",
        "socket.socket(type=socket.SOCK_DGRAM).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)",
        "raised(libc.close_range(1000, 1000, 2))",
    ],
)
def test_memory_that_nothing_counts_cannot_be_had(run_cells, code):
    setup = """
import ctypes, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def raised(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
"""
    ((_, text), _) = run_cells(setup, code, limits=SMALL)
    assert text.startswith(("PermissionError", "OSError: [Errno 38]", "OSError: [Errno 19]")), text


HOARDS = {
    "shared memory in a file": "f = open('/dev/shm/x', 'w+b'); f.truncate(320 << 20)\n"
    "m = mmap.mmap(f.fileno(), 320 << 20)\nos.unlink('/dev/shm/x')\n"
    "for _ in range(320): m.write(b'x' * (1 << 20))\nm.close()",
    "in sockets": "pairs = []\ntry:\n    while True:\n        a, b = socket.socketpair()\n"
    "        a.setblocking(False)\n        pairs.append((a, b))\n        try:\n"
    "            while True: a.send(b'x' * 4096)\n        except BlockingIOError: pass\n"
    "except OSError: time.sleep(9)",  # no more files may be open
    "in pipes of many processes": "for _ in range(80):\n    if not os.fork():\n        ends = []\n"
    "        try:\n            while True: ends.append(os.pipe()); os.write(ends[-1][1], b'x' * 4096)\n"
    "        except OSError: time.sleep(9)",
    "in pipes of processes that show nothing of themselves": "libc.prctl(4, 0)\nfor _ in range(80):\n"
    "    if not os.fork():\n        ends = []\n        try:\n            while True: ends += os.pipe()\n"
    "        except OSError: time.sleep(9)",
    "in terminals": "for _ in range(10):\n    if not os.fork():\n        ends = []\n"
    "        try:\n            while True: ends.append(os.openpty())\n        except OSError: time.sleep(9)",
    "in the tables of pages": "for _ in range(6):\n    if not os.fork():\n"
    "        m = mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)\n"
    "        sum(m[place] for place in range(0, 64 << 30, 2 << 20))\n        time.sleep(9)",
    "of a process whose first thread has ended": "def hoard():\n"
    "    time.sleep(1); x = b'x' * (150 << 20); time.sleep(9)\n"
    "for _ in range(3):\n    if not os.fork():\n        threading.Thread(target=hoard).start()\n"
    "        libc.syscall(60, 0)",
}


@pytest.mark.parametrize("kind", HOARDS)
def test_memory_counts_wherever_it_is(run_cells, kind):
    setup = "import ctypes, mmap, os, socket, threading, time\nlibc = ctypes.CDLL(None, use_errno=True)"
    small_files = small(tasks=120, memory=300 * MIB, temporary=400 * MIB, file=400 * MIB)
    texts, why = run_cells(setup, f"{HOARDS[kind]}\ntime.sleep(9)", limits=small_files)
    assert why is not None and why.startswith("memory: "), (texts, why)


USES = {
    "processes that share tensors": """
import torch, torch.multiprocessing as mp
def work(queue, shared, lock, done):
    with lock: shared += 1
    queue.put(torch.ones(1000))
    done.wait()
shared = torch.zeros(3).share_memory_()
queue, lock, done = mp.Queue(), mp.Lock(), mp.Event()
workers = [mp.Process(target=work, args=(queue, shared, lock, done)) for _ in range(2)]
[w.start() for w in workers]
got = [queue.get().sum().item() for _ in workers]
done.set(); [w.join() for w in workers]
print(sum(got), shared.tolist())
""",
    "a data loader": """
import torch
data = torch.utils.data.TensorDataset(torch.arange(64.0))
for strategy in ("file_descriptor", "file_system"):
    torch.multiprocessing.set_sharing_strategy(strategy)
    loader = torch.utils.data.DataLoader(data, 4, num_workers=2)
    print(sum(b.sum().item() for b, in loader))
""",
    "what processes share by Python": """
import multiprocessing as mp
from multiprocessing import shared_memory
def add(value, array):
    with value.get_lock(): value.value += 1
    array[0] = 5.0
value, array = mp.Value('i', 1), mp.Array('d', 3)
process = mp.Process(target=add, args=(value, array))
process.start(); process.join()
block = shared_memory.SharedMemory(create=True, size=100)
block.close(); block.unlink()
with mp.Pool(2) as pool, mp.Manager() as manager:
    print(value.value, array[:], pool.map(abs, [-1, -2]), manager.list([1])[0])
""",
    "commands, memory maps and sockets": """
import mmap, os, socket, subprocess, numpy
get_ipython().system('echo shell')
numpy.memmap('/tmp/m', 'float32', 'w+', shape=100)[:] = 1
print(subprocess.run(['echo', 'run'], capture_output=True, text=True).stdout, os.path.getsize('/tmp/m'))
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname()); client.send(b'x')
print(server.accept()[0].recv(1), open('/dev/zero', 'rb').read(3))
""",
}
SAID = {
    "processes that share tensors": "2000.0 [2.0, 2.0, 2.0]\n",
    "a data loader": "2016.0\n2016.0\n",
    "what processes share by Python": "2 [5.0, 0.0, 0.0] [1, 2] 1\n",
    "commands, memory maps and sockets": "shell\nrun\n 400\nb'x' b'\\x00\\x00\\x00'\n",
}


@pytest.mark.parametrize("use", USES)
def test_what_students_do_with_memory_works(run_cells, use):
    (text,), why = run_cells(USES[use], limits=Limits(memory=2048 * MIB))
    assert text.replace("\r", "") == SAID[use] and why is None


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
