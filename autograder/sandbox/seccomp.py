"""Which system calls a sandbox may not make: a filter in the kernel's own form (bubblewrap's --seccomp).

Namespaces, an unused user and no capabilities already stop what these calls would do; the filter keeps a
student's code from the parts of the kernel where that has failed before, from memory and sockets that
nothing else here counts or blocks, and from what a file that all sandboxes see would tell one of another.
"""

import errno
import struct

# System call numbers: x86_64, aarch64 (None: it has no such call).
DENIED = {
    # other processes' memory
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # new namespaces and file systems
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    # parts of the kernel with a history
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    # memory that is neither a process's nor a file's
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "memfd_secret": (447, 447),
}
# "There is no such call": callers have another way for these.
ABSENT = {
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    # pages that a pipe or a socket holds on to when nothing else has them any more
    "splice": (275, 76),
    "tee": (276, 77),
    "vmsplice": (278, 75),
    # a lock, or a watch, on a file that others see too
    "flock": (73, 32),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    # whether a page is in memory, asked or made so without reading it
    "preadv2": (327, 286),
    "io_setup": (206, 0),
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "process_madvise": (440, 440),
}
# Answered with 0 and not done: no honest program can tell, or needs more than that it does not fail.
NOT_DONE = {
    "fadvise64": (221, 223),  # it would take pages out of memory for all
}
CLONE, SOCKET, MMAP, SETSOCKOPT, CLOSE_RANGE = (56, 220), (41, 198), (9, 222), (54, 208), (436, 436)
FCNTL, MADVISE = (72, 25), (28, 233)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH

# A network namespace does not hold AF_VSOCK (the way from a virtual machine to its host), nor AF_ALG.
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
THREAD, FILES = 0x10000, 0x400  # CLONE_THREAD, CLONE_FILES: a thread's own files would be seen by nobody
UNSHARE = 2  # CLOSE_RANGE_UNSHARE, which makes them its own
# Anonymous memory that is shared stays when no page of it is in anybody's table; huge pages are in no count.
MAP_SHARED, MAP_ANONYMOUS, MAP_HUGETLB = 0x1, 0x20, 0x40000  # MAP_SHARED_VALIDATE is 3
SOL_SOCKET, BUFFERS = 1, (7, 8, 32, 33)  # SO_{SND,RCV}BUF, and the same with FORCE
# Locks are taken on devices and event files as well, which are one for the machine. SQLite needs them to be
# granted, so they are, and not taken; nobody's is ever in the way. Leases, notices and hints: none.
LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
# F_DUPFD … F_SETFL, F_GETLK, F_SETOWN … F_GETSIG, F_SETOWN_EX, F_GETOWN_EX, F_OFD_GETLK,
# F_DUPFD_CLOEXEC … F_GET_SEALS
COMMANDS = (*range(6), *range(8, 12), 15, 16, 36, *range(1030, 1035))
ADVICE = (20, 21, 25)  # MADV_COLD, MADV_PAGEOUT, MADV_COLLAPSE: they act on a file's pages in memory
X32 = 0x40000000

LOAD, EQUAL, ABOVE, ANY, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF_LD|W|ABS, JEQ, JGE, JSET, RET
NUMBER, MACHINE = 0, 4  # offsets in struct seccomp_data
ARGUMENTS = [16 + 8 * place for place in range(6)]  # their lower halves
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def seccomp_filter(machine):
    """The filter for a machine, an array of struct sock_filter.

    Args:
        machine: as `platform.machine()` says, "x86_64" or "aarch64".

    Returns: bytes. Raises: KeyError for another machine.
    """
    column, architecture = MACHINES[machine]
    deny, absent, unknown = (ERROR | number for number in (errno.EPERM, errno.ENOSYS, errno.EINVAL))
    program = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (ABOVE, 0, 1, X32),
        (RETURN, 0, 0, deny),
    ]
    for calls, answer in ((DENIED, deny), (ABSENT, absent), (NOT_DONE, ERROR)):
        for numbers in calls.values():
            if numbers[column] is not None:
                program += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, answer)]
    families, buffers, advice = map(_any_of, (FAMILIES, BUFFERS, ADVICE))
    for numbers, rule in (
        (
            CLONE,
            [
                (LOAD, 0, 0, ARGUMENTS[0]),
                (ANY, 3, 0, NAMESPACES),
                (ANY, 0, 1, THREAD),
                (ANY, 0, 1, FILES),
                (RETURN, 0, 0, ALLOW),
                (RETURN, 0, 0, deny),
            ],
        ),
        (SOCKET, [(LOAD, 0, 0, ARGUMENTS[0]), *families, (RETURN, 0, 0, deny), (RETURN, 0, 0, ALLOW)]),
        (
            MMAP,
            [
                (LOAD, 0, 0, ARGUMENTS[3]),
                (ANY, 2, 0, MAP_HUGETLB),
                (ANY, 0, 2, MAP_ANONYMOUS),
                (ANY, 0, 1, MAP_SHARED),
                (RETURN, 0, 0, deny),
                (RETURN, 0, 0, ALLOW),
            ],
        ),
        (
            SETSOCKOPT,
            [
                (LOAD, 0, 0, ARGUMENTS[1]),
                (EQUAL, 0, 1 + len(BUFFERS), SOL_SOCKET),
                (LOAD, 0, 0, ARGUMENTS[2]),
                *buffers,
                (RETURN, 0, 0, ALLOW),
                (RETURN, 0, 0, deny),
            ],
        ),
        (
            CLOSE_RANGE,
            [
                (LOAD, 0, 0, ARGUMENTS[2]),
                (ANY, 0, 1, UNSHARE),
                (RETURN, 0, 0, deny),
                (RETURN, 0, 0, ALLOW),
            ],
        ),
        (
            FCNTL,
            [
                (LOAD, 0, 0, ARGUMENTS[1]),
                *_any_of(COMMANDS, 1 + len(LOCKS)),
                *_any_of(LOCKS),
                (RETURN, 0, 0, unknown),
                (RETURN, 0, 0, ERROR),
                (RETURN, 0, 0, ALLOW),
            ],
        ),
        (
            MADVISE,
            [(LOAD, 0, 0, ARGUMENTS[2]), *advice, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, unknown)],
        ),
    ):
        program += [(EQUAL, 0, len(rule), numbers[column]), *rule]
    program.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _any_of(values, further=0):
    """Instructions that jump over the next one, and as many further, where one of the values is loaded."""
    return [(EQUAL, len(values) - place + further, 0, value) for place, value in enumerate(values)]
