"""What the processes of a sandbox use, seen from outside (for `supervise.py`; standard library only).

Memory is found in two ways. Adding up what each process has mapped is quick, and never too little: pages that
forks share count for each of them. Dividing shared pages among those who share them tells how much it really
is, and takes the kernel tens of milliseconds a process: so it is done only where the sum is above the limit,
and again only once what has been mapped since could make the difference, or a while has passed.
"""

import functools
import os
import time
from pathlib import Path

CLOCK = os.sysconf("SC_CLK_TCK")
PATIENCE = 4  # times as long as an exact look took, until the next that nothing else asks for
INODE = 2048  # bytes that the kernel holds for a file beside its contents, about,
DESCRIPTOR = 10 << 10  # for one end of a pipe, which has two pages where its user has many,
TERMINAL = 160 << 10  # and for a pseudo terminal, both ways
SOCKET = 10  # times the usual buffer: a page that `sendfile` leaves in a socket is charged as less


class Meter:
    """Of one sandbox."""

    def __init__(self, root, temporary, files, most):
        """
        Args:
            root: file descriptor of the sandbox's root folder, whose /proc shows its processes and no others.
            temporary: its temporary folders, from there.
            files: number of files that a process may have open.
            most: bytes, below which memory need not be known more exactly.
        """
        self.root, self.temporary, self.files, self.most = root, temporary, files, most
        self.exact, self.mapped = 0, None  # of the last exact look: bytes; what was mapped then, by process
        self.next = 0.0  # when another one is due, whatever happens

    def look(self):
        """What all processes use now.

        Returns: dict of memory (bytes, an upper bound but for what a process has mapped anew in the place of
        shared pages since the last exact look; pages of temporary files count twice where a process maps
        them; pipes, sockets and terminals count as if they were full), cpu (seconds) and tasks.
        """
        now, mapped = self._sum(exact=False)
        if now["memory"] <= self.most:
            return now
        if self.mapped is None or time.monotonic() > self.next or self._since(mapped) > self.most:
            begin = time.monotonic()
            now, _ = self._sum(exact=True)
            self.exact, self.mapped = now["memory"], mapped
            self.next = time.monotonic() + PATIENCE * (time.monotonic() - begin)
        return now | {"memory": min(now["memory"], self._since(mapped))}

    def _since(self, mapped):
        """The last exact look, and what has been mapped since."""
        grown = (max(0, size - self.mapped.get(who, 0)) for who, size in mapped.items())
        return self.exact + sum(grown)

    def _sum(self, exact):
        """Returns: dict as from `look`, and one from who has something to its bytes."""
        cpu, tasks, sizes = 0.0, 0, {}
        proc = os.open("proc", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.root)
        try:
            for process in filter(str.isdigit, os.listdir(proc)):
                if stat := _stat(process, proc):  # fields 14 to 17, 20 and 22 of proc(5)
                    cpu += sum(map(int, stat[11:15])) / CLOCK
                    tasks += int(stat[17])
                    living = _living(process, stat, proc)
                    size = _memory(living, proc, exact) + _open_files(living, proc, self.files)
                    sizes[process, stat[19]] = size  # number and start: numbers are given again
            sizes["sockets"] = _sockets(proc)
        finally:
            os.close(proc)
        sizes["terminals"] = TERMINAL * len(_names("dev/pts", self.root))
        sizes["temporary"] = held(self.root, self.temporary)
        return {"memory": sum(sizes.values()), "cpu": cpu, "tasks": tasks}, sizes


def held(root, temporary):
    """Bytes in the temporary folders of a sandbox."""
    total = 0
    for folder in temporary:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
        found = os.statvfs(handle)
        os.close(handle)
        total += (found.f_blocks - found.f_bfree) * found.f_frsize + (found.f_files - found.f_ffree) * INODE
    return total


def _stat(process, proc):
    """Fields from the third on; none where the process has ended."""
    return _read(f"{process}/stat", proc).rpartition(") ")[2].split()


def _living(process, stat, proc):
    """Where to ask for a process's memory: its first thread has none once it has ended before the others."""
    if stat[0] == "Z" and int(stat[17]) > 1:
        for thread in _names(f"{process}/task", proc):
            if _stat(f"{process}/task/{thread}", proc)[:1] not in ([], ["Z"]):
                return f"{process}/task/{thread}"
    return process


def _memory(process, proc, exact):
    """Bytes of a process's pages, in memory and swapped out, and of the tables that lead to them."""
    status = _numbers(_read(f"{process}/status", proc))
    pages = status.get("VmRSS:", 0) + status.get("VmSwap:", 0)
    if exact and (shares := _numbers(_read(f"{process}/smaps_rollup", proc))):
        pages = shares["Pss:"] + shares.get("SwapPss:", 0)
    return (pages + status.get("VmPTE:", 0)) << 10


def _open_files(process, proc, most):
    """Bytes that the kernel may hold for what a process has open."""
    closed = not os.access(f"{process}/fd", os.R_OK | os.X_OK, dir_fd=proc)  # a process can see to that
    return DESCRIPTOR * (most if closed else len(_names(f"{process}/fd", proc)))


def _sockets(proc):
    """Bytes that sockets may hold: their buffers, which nobody inside can enlarge but TCP itself."""
    counts = _numbers(_read("1/net/sockstat", proc) + _read("1/net/sockstat6", proc), place=2)
    used, tcp = counts.get("sockets:", 0), counts.get("TCP:", 0) + counts.get("TCP6:", 0)
    return used * SOCKET * _setting("core/wmem_default") + tcp * (
        _setting("ipv4/tcp_rmem") + _setting("ipv4/tcp_wmem")
    )


@functools.cache
def _setting(name):
    """The largest number of a setting of the network; Linux's own where a container does not show it."""
    text = Path("/proc/sys/net", name)
    return int(text.read_text().split()[-1]) if text.exists() else 212_992


def _numbers(text, place=1):
    """Numbers from lines such as "VmRSS: 12 kB", by their first words."""
    lines = (line.split() for line in text.splitlines())
    return {words[0]: int(words[place]) for words in lines if len(words) > place and words[place].isdigit()}


def _names(path, folder):
    """Names in a folder, none where it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    except OSError:
        return []
    try:
        return os.listdir(handle)
    except OSError:
        return []
    finally:
        os.close(handle)


def _read(name, folder):
    try:
        handle = os.open(name, os.O_RDONLY, dir_fd=folder)
    except OSError:
        return ""
    try:
        return os.read(handle, 1 << 16).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(handle)
