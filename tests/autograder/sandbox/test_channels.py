"""What two students of one batch could tell each other, or the hidden phase a later one, through the kernel's
records of files that every sandbox sees; what cannot be closed is measured in benchmarks/channels.py."""

import asyncio
import ctypes
import fcntl
import mmap
import os
from contextlib import AsyncExitStack

import pytest

from autograder.sandbox import Limits

TOOLS = """
import ctypes, errno, fcntl, os, struct
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    found = getattr(libc, name)(*arguments)
    return errno.errorcode[ctypes.get_errno()] if found < 0 else found

def control(descriptor, command, argument=0):
    try: return fcntl.fcntl(descriptor, command, argument)
    except OSError as error: return errno.errorcode[error.errno]

def lock(kind, start=0):  # struct flock
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, start, 1, 0)

shared = os.open(os.__file__, os.O_RDONLY)
"""
PAGE = mmap.PAGESIZE
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """A folder that both students' sandboxes show, read-only."""
    folder = tmp_path_factory.mktemp("seen")
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def students(started_kernel, seen):
    """Functions that run a cell in ada's sandbox and in bela's, both of which live."""
    loop, opened = asyncio.new_event_loop(), AsyncExitStack()

    async def start():
        for _ in range(2):
            kernel = await opened.enter_async_context(started_kernel(None, Limits(), show=(seen,)))
            assert await kernel.run(TOOLS) == ""
            yield kernel

    async def both():
        return [kernel async for kernel in start()]

    kernels = loop.run_until_complete(both())
    yield [lambda code, kernel=kernel: loop.run_until_complete(kernel.run(code)) for kernel in kernels]
    loop.run_until_complete(opened.aclose())
    loop.close()


OPENED = {
    "a file of Python's": "os.open(os.__file__, os.O_RDONLY)",
    "a device": "os.open('/dev/null', os.O_RDWR)",
    "an event file": "libc.eventfd(0, 0)",  # all have one and the same inode
}


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
def test_no_lock_is_in_another_students_way(students, opened):
    ada, bela = students
    for student in students:
        assert student(f"held = {opened}") == ""
    flock = "print(call('flock', held, fcntl.LOCK_EX | fcntl.LOCK_NB))"
    assert [student(flock) for student in students] == ["ENOSYS\n"] * 2  # then filelock has a way without it
    for command in ("F_SETLK", "F_OFD_SETLK"):  # a lock for reading, for writing where the file allows it
        for kind in ("F_RDLCK", "F_WRLCK"):
            ada(f"control(held, getattr(fcntl, {command!r}, 37), lock(fcntl.{kind}, 77))")
            theirs = f"lock(fcntl.{kind}, 77)"
            assert "EAGAIN" not in bela(f"print(control(held, fcntl.F_SETLK, {theirs}))")
        for query in (fcntl.F_GETLK, 36):  # F_OFD_GETLK
            found = f"control(held, {query}, lock(fcntl.F_WRLCK, 77))"
            assert bela(f"print(struct.unpack_from('h', {found})[0] == fcntl.F_UNLCK)") == "True\n"


def test_the_list_of_locks_names_none_of_others(students, seen):
    path = seen / "locked"
    path.write_text("x")
    with path.open("r+") as ours:
        fcntl.lockf(ours, fcntl.LOCK_EX)
        fcntl.flock(ours, fcntl.LOCK_EX)
        for student in students:
            assert student("print(open('/proc/locks').read())") == "\n"


@pytest.mark.parametrize("command", [1024, 1025, 1026, 1035, 1036, 1037, 1038])
def test_files_have_no_leases_notices_and_hints(students, command):
    for student in students:  # F_SETLEASE, F_GETLEASE, F_NOTIFY, F_GET_RW_HINT and the three after it
        assert (
            student(f"print(control(shared, {command}, 1 if {command} < 1035 else b'0' * 8))") == "EINVAL\n"
        )


@pytest.mark.parametrize("name, arguments", [("inotify_init", ""), ("inotify_init1", "0")])
def test_nobody_watches_files(students, name, arguments):
    assert students[0](f"print(call({name!r}, {arguments}))") == "ENOSYS\n"


def test_a_devices_times_stay(students):
    if os.geteuid() != 0:
        pytest.skip("in a namespace of users nobody may make devices read-only: named in ATTACKS.md")
    before = {path: os.stat(f"/dev/{path}").st_mtime_ns for path in os.listdir("/dev") if path in DEVICES}
    for device in before:
        for place in (f"'/dev/{device}'", f"os.open('/dev/{device}', os.O_WRONLY)"):
            code = f"try: os.utime({place})\nexcept OSError as error: print(errno.errorcode[error.errno])"
            assert students[0](code) in ("EROFS\n", "ENXIO\n"), device  # there is no terminal to open
    assert {path: os.stat(f"/dev/{path}").st_mtime_ns for path in before} == before
    assert students[0]("print(os.write(os.open('/dev/null', os.O_WRONLY), b'x'))") == "1\n"


def test_reading_leaves_no_time(students, seen):
    path = seen / "read"
    path.write_text("x")
    os.utime(path, (0, 0))  # a mount with relatime would note the next read
    assert students[0](f"print(open({str(path)!r}).read(), os.stat({str(path)!r}).st_atime)") == "x 0.0\n"
    assert path.stat().st_atime == 0


def in_memory(path):
    """Which pages of a file are in the machine's memory; only its owner may ask. Returns: bytes, 1 a page."""
    with path.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        address, pages = ctypes.addressof(ctypes.c_char.from_buffer(mapped)), -(-len(mapped) // PAGE)
        found = (ctypes.c_ubyte * pages)()
        assert LIBC.mincore(ctypes.c_void_p(address), ctypes.c_size_t(len(mapped)), found) == 0
        return bytes(flag & 1 for flag in found)


@pytest.fixture
def pages(seen):
    """A file of eight pages, all in memory and written to the disk."""
    path = seen / "pages"
    with path.open("wb") as written:
        written.write(b"x" * 8 * PAGE)
        written.flush()
        os.fsync(written.fileno())
    os.chmod(path, 0o666)
    return path


IO_SETUP = {"x86_64": 206, "aarch64": 0}[os.uname().machine]


@pytest.mark.parametrize(
    "call", ["'syscall', 451, shared, 0, 0, 0", "'mincore', 0, 0, 0", f"'syscall', {IO_SETUP}, 0, 0"]
)
def test_no_call_tells_whether_a_page_is_in_memory(students, call):  # cachestat; reads that do not wait
    assert students[0](f"print(call({call}))") == "ENOSYS\n"


def test_reads_wait_for_the_disk(students):
    assert students[0]("os.preadv(shared, [bytearray(1)], 0, os.RWF_NOWAIT)").startswith(
        "OSError: [Errno 95]"
    )
    two = "a, b = bytearray(3), bytearray(4); os.preadv(shared, [a, b], 2)"
    assert students[0](f"{two}; print(a + b == open(os.__file__, 'rb').read()[2:9])") == "True\n"


ADVISE = "os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)"
PAGE_OUT = (
    "import mmap; seen = mmap.mmap(opened, 0, prot=mmap.PROT_READ); sum(seen[::4096]); seen.madvise(21)"
)


@pytest.mark.parametrize("code", [ADVISE, PAGE_OUT], ids=["fadvise", "madvise"])
def test_no_call_takes_pages_out_of_memory(students, pages, code):
    assert in_memory(pages) == b"\1" * 8
    students[0](f"opened = os.open({str(pages)!r}, os.O_RDONLY)\n{code}")
    assert in_memory(pages) == b"\1" * 8


FILELOCK = """
import filelock, multiprocessing, time, warnings
warnings.simplefilter("ignore")

def turn(count):
    for _ in range(20):
        with filelock.FileLock("turn.lock"):
            before = int(open("turns").read())
            time.sleep(0.001)
            open("turns", "w").write(str(before + 1))

open("turns", "w").write("0")
workers = [multiprocessing.get_context("fork").Process(target=turn, args=(0,)) for _ in range(3)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print(open("turns").read())
"""
SQLITE = """
import sqlite3
with sqlite3.connect("a.db") as book:
    book.execute("create table runs (name text, loss real)")
    book.execute("insert into runs values ('gan', 0.7)")
book.close()
one, two = sqlite3.connect("a.db", timeout=0.1), sqlite3.connect("a.db", timeout=0.1)
one.execute("begin immediate")
one.execute("insert into runs values ('wgan', 0.1)")
try: two.execute("begin immediate")
except sqlite3.OperationalError as error: print(error)
one.commit()
print(two.execute("select count(*) from runs").fetchone())
"""
WAL = """
import multiprocessing, sqlite3
book = sqlite3.connect("wal.db")
print(book.execute("pragma journal_mode=wal").fetchone())
book.execute("create table runs (loss real)")
book.execute("insert into runs values (0.7)")

def read():
    print(sqlite3.connect("wal.db", timeout=1).execute("select count(*) from runs").fetchone(), flush=True)

reader = multiprocessing.get_context("fork").Process(target=read)  # while a transaction is open
reader.start()
reader.join()
book.commit()
print(reader.exitcode, book.execute("select count(*) from runs").fetchone())
"""
TIMES = """
import pathlib
pathlib.Path("done").touch()
os.utime("done", (5, 5))
print(os.listdir(".").count("done"), os.stat("done").st_mtime)
pathlib.Path("done").touch()
print(os.stat("done").st_mtime > 5)
try: os.utime("nothing")
except FileNotFoundError: print("none")
"""
HISTORY = """
from IPython.core.history import HistoryManager
from IPython import get_ipython
history = HistoryManager(shell=get_ipython(), hist_file="history.sqlite", enabled=True)
history.store_inputs(1, "gan = 1")
history.writeout_cache()
history.end_session()
later = HistoryManager(shell=get_ipython(), hist_file="history.sqlite", enabled=True)
print([line for _, _, line in later.search("gan*")])
"""
FONTS = """
import matplotlib, os, pathlib
import matplotlib.font_manager as fonts
fonts._load_fontmanager(try_read_cache=False)
print(len(list(pathlib.Path(matplotlib.get_cachedir()).glob("fontlist*.json"))))
"""
TORCH = """
import torch
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(torch.arange(8.0)), batch_size=2, num_workers=2)
torch.save({"sum": sum(batch.sum() for (batch,) in loader)}, "w.pt")
print(torch.load("w.pt")["sum"].item(), torch.load("w.pt", mmap=True)["sum"].item())
print(os.path.basename(torch.hub.get_dir()))
"""
COPIES = """
import shutil, tarfile
open("a.txt", "w").write("x")
shutil.copy2("a.txt", "b.txt")
with tarfile.open("a.tar", "w") as packed: packed.add("a.txt")
with tarfile.open("a.tar") as packed: packed.extractall("unpacked")
print(open("b.txt").read() + open("unpacked/a.txt").read())
"""
NEEDED = {
    "filelock": (FILELOCK, "60\n"),
    "sqlite": (SQLITE, "database is locked\n(2,)\n"),
    "sqlite's write-ahead log": (WAL, "('wal',)\n(0,)\n0 (1,)\n"),
    "times of files": (TIMES, "1 5.0\nTrue\nnone\n"),
    "history": (HISTORY, "['gan = 1']\n"),
    "fonts": (FONTS, "1\n"),
    "torch": (TORCH, "28.0 28.0\nhub\n"),
    "copies": (COPIES, "xx\n"),
}


@pytest.mark.parametrize("code, expected", NEEDED.values(), ids=NEEDED)
def test_what_libraries_need_works(students, code, expected):
    assert students[0](code) == expected
