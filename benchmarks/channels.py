"""Measure what one sandboxed kernel can still tell another through the machine: bits a second, and errors.

    PYTHONPATH=. python benchmarks/channels.py --bytes 100 --rounds 3

A random text is sent in five ways. The first two work when the sender is gone before the receiver begins,
as the hidden phase of a submission is before a later grading: the sender reads one page of a file that
every sandbox sees, or leaves it, and the receiver reads the same pages and looks at the clock, or at what
the kernel counts as read for it. (The pages are put out of memory beforehand, from outside; how many pages
of such files are there, and how many in memory, is printed first.) The others need both at once: who wakes
the threads that wait at a word of such a file learns how many there were; the number of the machine's
terminals is for all to read; a processor that one uses the other has not. Takes root, who alone may ask
which pages are in memory.
"""

import argparse
import asyncio
import contextlib
import ctypes
import mmap
import os
import random
import stat
import statistics
import sys
import time
from pathlib import Path

from autograder.sandbox import sandboxed_kernel
from autograder.sandbox.visible import shown_paths

PAGE, STRIDE = mmap.PAGESIZE, 256 << 10  # bytes between two pages, so that none is read ahead with another
KNOWN = 64  # bits at the beginning that the receiver knows, to tell a quick page from a slow one
LIBC = ctypes.CDLL(None, use_errno=True)

READ = """
import os, resource, time
files = [os.open(path, os.O_RDONLY) for path, _ in places]
pages = [(file, offset) for file, (_, offsets) in zip(files, places) for offset in offsets]
"""
SEND_PAGES = """
for (file, offset), bit in zip(pages, bits):
    if bit:
        os.pread(file, 1, offset)
"""
RECEIVE_PAGES = """
def now():
    return {clock}

seen = []
for file, offset in pages:
    before = now()
    os.pread(file, 1, offset)
    seen.append(now() - before)
import statistics
middle = sum(statistics.median(seen[bit:known:2]) for bit in (0, 1)) / 2
if {by_time}:
    middle = (statistics.median(seen[0:known:2]) * statistics.median(seen[1:known:2])) ** 0.5
bits = [int(one < middle) for one in seen]
"""
WAIT = """
import ctypes, os, platform, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
FUTEX, TOGETHER = {"x86_64": 202, "aarch64": 98}[platform.machine()], 64
file = os.open(os.path.realpath(sys.executable), os.O_RDONLY)
start = libc.mmap(None, ctypes.c_size_t(1 << 20), 1, 2, file, ctypes.c_long(0))  # PROT_READ, MAP_PRIVATE

def wait(word):
    value = ctypes.c_uint32.from_address(start + 4 * word).value
    libc.syscall(FUTEX, ctypes.c_void_p(start + 4 * word), 0, ctypes.c_uint32(value), None, None, 0)

def wake(word):
    return libc.syscall(FUTEX, ctypes.c_void_p(start + 4 * word), 1, 1, None, None, 0)
"""
SEND_WAITING = """
for first in range(0, count, TOGETHER):
    words = [first + at for at, bit in enumerate(bits[first : first + TOGETHER]) if bit]
    threads = [threading.Thread(target=wait, args=(word,)) for word in words]
    for thread in threads: thread.start()
    time.sleep(0.003)
    wait(count + first)
    for thread in threads: thread.join(1)
"""
RECEIVE_WAITING = """
bits = []
for first in range(0, count, TOGETHER):
    while not wake(count + first):
        time.sleep(0.0002)
    bits += [wake(word) for word in range(first, min(first + TOGETHER, count))]
"""
SLOTS = """
import os, time
def until(slot):
    while (left := begin + slot * length - time.time()) > 0:
        time.sleep(left)

until(0)
"""
SEND_TERMINALS = """
for slot in range(0, count // 4):
    until(slot)
    number = sum(bit << place for place, bit in enumerate(bits[4 * slot : 4 * slot + 4]))
    held = [os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY) for _ in range(number)]
    until(slot + 0.8)
    for one in held: os.close(one)
"""
RECEIVE_TERMINALS = """
file = os.open("/proc/sys/kernel/pty/nr", os.O_RDONLY)
before, bits = int(os.pread(file, 20, 0)), []
for slot in range(0, count // 4):
    until(slot + 0.6)
    number = int(os.pread(file, 20, 0)) - before
    bits += [number >> place & 1 for place in range(4)]
"""
SEND_WORK = """
os.sched_setaffinity(0, {0})
for slot, bit in enumerate(bits):
    until(slot)
    while bit and time.time() < begin + (slot + 0.9) * length: pass
"""
RECEIVE_WORK = """
os.sched_setaffinity(0, {0})
seen = []
for slot in range(count):
    until(slot + 0.1)
    before = time.thread_time()
    while time.time() < begin + (slot + 0.9) * length: pass
    seen.append(time.thread_time() - before)
import statistics
middle = sum(statistics.median(seen[bit:known:2]) for bit in (0, 1)) / 2
bits = [int(one < middle) for one in seen]
"""


@contextlib.asynccontextmanager
async def sandbox():
    """Yields a function that runs a cell in a new sandbox, and returns what it printed."""
    manager = sandboxed_kernel()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()

    async def run(code):
        said = []

        def hear(message):
            if message["msg_type"] == "error":
                raise RuntimeError(message["content"]["evalue"])
            said.append(message["content"].get("text", ""))

        await client.execute_interactive(code, allow_stdin=False, output_hook=hear, timeout=300)
        return "".join(said)

    try:
        await client.wait_for_ready(timeout=60)
        yield run
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


def cell(setup, code, **names):
    """A cell that prints the bits that it has, and how long the code took."""
    given = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    timed = f"started = time.perf_counter()\n{code}\nprint(time.perf_counter() - started, bits)"
    return f"{given}\n{setup}\n{timed}"


def result(said):
    seconds, _, bits = said.partition(" ")
    return float(seconds), [int(bit) for bit in bits if bit in "01"]


async def one_after_the_other(bits, setup, send, receive, **names):
    """Returns: seconds of both together, and the bits received."""
    async with sandbox() as run:
        sending, _ = result(await run(cell(setup, send, bits=bits, **names)))
    async with sandbox() as run:
        receiving, received = result(await run(cell(setup, receive, **names)))
    return sending + receiving, received


async def both_at_once(bits, setup, send, receive, **names):
    async with sandbox() as sender, sandbox() as receiver:
        names["begin"] = time.time() + 1
        said = await asyncio.gather(
            receiver(cell(setup, receive, **names)), sender(cell(setup, send, bits=bits, **names))
        )
    seconds, received = result(said[0])
    return min(seconds, result(said[1])[0]), received


def in_memory(descriptor, size):
    """Which pages of a file are in memory. Returns: bytes, whose lowest bit says so."""
    LIBC.mmap.restype = ctypes.c_void_p
    address = LIBC.mmap(
        None, ctypes.c_size_t(size), mmap.PROT_READ, mmap.MAP_SHARED, descriptor, ctypes.c_long(0)
    )
    found = ctypes.create_string_buffer(-(-size // PAGE))
    LIBC.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), found)
    LIBC.munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))
    return found.raw


def files():
    """Paths of the files that every sandbox sees, each once, and their sizes."""
    known = set()
    for shown in shown_paths():
        for folder, _, names in os.walk(shown) if shown.is_dir() else [(shown.parent, [], [shown.name])]:
            for path in (Path(folder, name) for name in names):
                status = path.lstat()
                if (
                    stat.S_ISREG(status.st_mode)
                    and status.st_size
                    and (inode := (status.st_dev, status.st_ino)) not in known
                ):
                    known.add(inode)
                    yield path, status.st_size


def cold():
    """Pages that a sandbox sees, and how many of them are not in memory."""
    pages = absent = 0
    for path, size in files():
        with path.open("rb") as opened:
            found = in_memory(opened.fileno(), size)
        pages += len(found)
        absent += sum(not flag & 1 for flag in found)
    return pages, absent


def places(count):
    """So many pages of files that every sandbox sees, out of memory. Returns: list of (path, offsets)."""
    chosen = []
    for path, size in files():
        if size > 2 * STRIDE and count:
            with path.open("rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                found = in_memory(opened.fileno(), size)
            offsets = [at for at in range(STRIDE // 2, size - PAGE, STRIDE) if not found[at // PAGE] & 1][
                :count
            ]
            count -= len(offsets)
            chosen += [(str(path), offsets)] if offsets else []
    if count:
        sys.exit(f"{count} pages too few that are not in use")
    return chosen


async def measured(name, bits):
    """Send in one of the ways. Returns: seconds, bits received."""
    common = {"count": len(bits), "known": KNOWN}
    match name:
        case "pages, by the clock" | "pages, by getrusage":
            by_time = name.endswith("clock")
            clock = (
                "time.perf_counter()" if by_time else "resource.getrusage(resource.RUSAGE_SELF).ru_inblock"
            )
            receive = RECEIVE_PAGES.format(clock=clock, by_time=by_time)
            chosen = places(len(bits))
            return await one_after_the_other(bits, READ, SEND_PAGES, receive, places=chosen, **common)
        case "threads that wait":
            return await both_at_once(bits, WAIT, SEND_WAITING, RECEIVE_WAITING, **common)
        case "number of terminals":
            return await both_at_once(bits, SLOTS, SEND_TERMINALS, RECEIVE_TERMINALS, length=0.008, **common)
        case "use of a processor":
            return await both_at_once(bits, SLOTS, SEND_WORK, RECEIVE_WORK, length=0.03, **common)


WAYS = (
    "pages, by the clock",
    "pages, by getrusage",
    "threads that wait",
    "number of terminals",
    "use of a processor",
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    pages, absent = cold()
    print(f"pages of files that a sandbox sees: {pages}; not in memory: {absent}\n")
    print("| way | bits a second, median | of the rounds | bits wrong |\n|---|---|---|---|")
    chance = random.Random(1)
    for name in WAYS:
        rates, wrong, total = [], 0, 0
        for _ in range(args.rounds):
            bits = [place % 2 for place in range(KNOWN)]
            bits += [chance.randrange(2) for _ in range(8 * args.bytes)]
            seconds, received = asyncio.run(measured(name, bits))
            rates.append(len(bits) / seconds)
            wrong += sum(one != other for one, other in zip(bits, received, strict=True))
            total += len(bits)
        shown = ", ".join(f"{rate:.0f}" for rate in sorted(rates))
        print(f"| {name} | {statistics.median(rates):.0f} | {shown} | {wrong} of {total} |", flush=True)


if __name__ == "__main__":
    main()
