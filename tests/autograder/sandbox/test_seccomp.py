"""The filter, run by an interpreter of its few instructions; the kernel runs it in test_sight.py."""

import platform
import struct
from pathlib import Path

import pytest

from autograder.sandbox import seccomp

ALLOW, KILL = seccomp.ALLOW, seccomp.KILL
EPERM, ENOSYS, EINVAL, NOT_DONE = 0x00050001, 0x00050026, 0x00050016, 0x00050000


def answer(machine, number, arguments=(), architecture=None):
    """What the filter says to a system call. Returns: the value of its return instruction."""
    program = list(struct.iter_unpack("=HBBI", seccomp.seccomp_filter(machine)))
    architecture = seccomp.MACHINES[machine][1] if architecture is None else architecture
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, architecture, 0, *padded)
    at = value = 0
    while True:
        code, yes, no, operand = program[at]
        match code:
            case seccomp.LOAD:
                (value,) = struct.unpack_from("=I", data, operand)
            case seccomp.RETURN:
                return operand
            case seccomp.EQUAL:
                at += yes if value == operand else no
            case seccomp.ABOVE:
                at += yes if value >= operand else no
            case seccomp.ANY:
                at += yes if value & operand else no
        at += 1


machines = pytest.mark.parametrize("machine, column", [("x86_64", 0), ("aarch64", 1)])


@machines
def test_named_calls_are_denied_and_all_others_allowed(machine, column):
    denied = {numbers[column] for numbers in seccomp.DENIED.values()}
    absent = {numbers[column] for numbers in seccomp.ABSENT.values()}
    not_done = {numbers[column] for numbers in seccomp.NOT_DONE.values()}
    for number in range(500):
        expected = EPERM if number in denied else ENOSYS if number in absent else ALLOW
        expected = NOT_DONE if number in not_done else expected
        if number != seccomp.SOCKET[column]:  # 0 is no family
            assert answer(machine, number) == expected, number


@machines
def test_clone_makes_processes_and_threads_and_no_namespaces(machine, column):
    clone = seccomp.CLONE[column]
    assert answer(machine, clone, (17,)) == ALLOW  # SIGCHLD: fork
    assert answer(machine, clone, (0x003D0F00,)) == ALLOW  # glibc's flags for a thread
    for namespace in (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer(machine, clone, (17 | namespace,)) == EPERM


@machines
@pytest.mark.parametrize(
    "family, expected",
    [(1, ALLOW), (2, ALLOW), (10, ALLOW), (16, ALLOW), (17, EPERM), (38, EPERM), (40, EPERM)],
)
def test_sockets_are_of_families_that_a_namespace_holds(machine, column, family, expected):
    assert answer(machine, seccomp.SOCKET[column], (family,)) == expected


@machines
def test_a_thread_has_the_files_of_its_process(machine, column):
    thread, files = 0x10000, 0x400
    assert answer(machine, seccomp.CLONE[column], (0x100 | 0x800 | thread,)) == EPERM
    assert answer(machine, seccomp.CLONE[column], (0x100 | 0x800 | thread | files,)) == ALLOW
    assert answer(machine, seccomp.CLOSE_RANGE[column], (3, 9, 2)) == EPERM
    assert answer(machine, seccomp.CLOSE_RANGE[column], (3, 9, 4)) == ALLOW  # CLOSE_RANGE_CLOEXEC


SHARED, PRIVATE, VALIDATE, ANONYMOUS, HUGE = 0x01, 0x02, 0x03, 0x20, 0x40000


@machines
@pytest.mark.parametrize(
    "flags, expected",
    [
        (PRIVATE | ANONYMOUS, ALLOW),
        (PRIVATE | ANONYMOUS | 0x20000, ALLOW),  # MAP_STACK
        (SHARED, ALLOW),  # a file's
        (PRIVATE, ALLOW),
        (VALIDATE, ALLOW),
        (SHARED | ANONYMOUS, EPERM),
        (VALIDATE | ANONYMOUS, EPERM),
        (SHARED | ANONYMOUS | 0x8000, EPERM),  # MAP_POPULATE
        (PRIVATE | ANONYMOUS | HUGE, EPERM),
        (SHARED | HUGE, EPERM),
    ],
)
def test_memory_is_of_a_process_or_of_a_file(machine, column, flags, expected):
    assert answer(machine, seccomp.MMAP[column], (0, 4096, 3, flags, 2**32 - 1)) == expected
    assert answer(machine, seccomp.MMAP[column], (0, 4096, 3, flags | 1 << 32)) == expected


@machines
@pytest.mark.parametrize("level", [1, 6])
@pytest.mark.parametrize("option", [2, 7, 8, 9, 32, 33])
def test_buffers_of_sockets_stay_as_they_are(machine, column, level, option):
    expected = EPERM if level == 1 and option in (7, 8, 32, 33) else ALLOW
    assert answer(machine, seccomp.SETSOCKOPT[column], (3, level, option)) == expected


@machines
@pytest.mark.parametrize(
    "command, expected",
    [
        *((command, ALLOW) for command in (0, 1, 2, 3, 4, 8, 10, 1030, 1031, 1032)),  # F_DUPFD … F_GETPIPE_SZ
        *((lock, NOT_DONE) for lock in (6, 7, 37, 38)),  # F_SETLK, F_SETLKW, and of open files
        *((asked, ALLOW) for asked in (5, 36)),  # F_GETLK, F_OFD_GETLK
        *((shared, EINVAL) for shared in (1024, 1025, 1026, 1035, 1036, 1037, 1038, 1039, 1040)),
    ],
)
def test_an_open_file_has_nothing_that_others_see(machine, column, command, expected):
    assert answer(machine, seccomp.FCNTL[column], (3, command)) == expected
    assert answer(machine, seccomp.FCNTL[column], (3, command | 1 << 32)) == expected


@machines
@pytest.mark.parametrize(
    "advice, expected",
    [(0, ALLOW), (4, ALLOW), (8, ALLOW), (14, ALLOW), (20, EINVAL), (21, EINVAL), (22, ALLOW), (25, EINVAL)],
)
def test_no_advice_acts_on_the_pages_of_files(machine, column, advice, expected):
    assert answer(machine, seccomp.MADVISE[column], (0, 4096, advice)) == expected


def test_calls_of_another_architecture_end_the_process():
    assert answer("x86_64", 0, architecture=0x40000003) == KILL  # i386
    assert answer("x86_64", seccomp.X32 | 1) == EPERM


def test_the_numbers_are_this_machines():
    """strace's and the kernel's headers are rarely installed: ask the C library's own table where it is."""
    header = Path(f"/usr/include/{platform.machine()}-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip(f"no {header}")
    lines = header.read_text().split("\n")
    table = {w[1].removeprefix("__NR_"): int(w[2]) for line in lines if len(w := line.split()) == 3}
    column = seccomp.MACHINES[platform.machine()][0]
    for name, numbers in {
        **seccomp.DENIED,
        **seccomp.ABSENT,
        **seccomp.NOT_DONE,
        "clone": seccomp.CLONE,
        "socket": seccomp.SOCKET,
        "mmap": seccomp.MMAP,
        "setsockopt": seccomp.SETSOCKOPT,
        "close_range": seccomp.CLOSE_RANGE,
        "fcntl": seccomp.FCNTL,
        "madvise": seccomp.MADVISE,
    }.items():
        if name in table:
            assert table[name] == numbers[column], name


def test_another_machine_has_no_filter():
    with pytest.raises(KeyError):
        seccomp.seccomp_filter("riscv64")
