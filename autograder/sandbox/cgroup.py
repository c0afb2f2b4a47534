"""A control group (version 2) for a sandbox's memory and tasks, where this process may make one.

The kernel then counts everything that the sandbox holds (also socket buffers and temporary files), and stops
it in time. Where no group can be made the supervisor's own counting is all there is.
"""

import contextlib
import os
import tempfile
from pathlib import Path

NEEDED = {"memory", "pids"}


def own_group(mounts="/proc/self/mountinfo", groups="/proc/self/cgroup"):
    """Returns: the mount point of the cgroup2 file system and this process's group in it, or None."""
    inside = next(
        (line[3:] for line in Path(groups).read_text().splitlines() if line.startswith("0::")), None
    )
    for line in Path(mounts).read_text().splitlines():
        place, _, kind = line.partition(" - ")
        if inside is not None and kind.split()[0] == "cgroup2":
            root, mount = place.split()[3:5]
            return Path(mount), Path(mount) / os.path.relpath(inside, root)
    return None


def make(memory, tasks, found=None):
    """A new group beside this process's own.

    A group that holds processes cannot share out memory among groups below it, so the nearest group above
    that does is taken: for a logged-in user or a service, one that systemd has handed over.

    Args:
        memory: bytes. tasks: processes and threads.
        found: what `own_group` returns.

    Returns: the group's folder, or None where none can be made.
    """
    if (found := found or own_group()) is None:
        return None
    top, own = found
    for parent in (own, *own.parents):
        if not parent.is_relative_to(top):
            return None
        try:
            if set((parent / "cgroup.subtree_control").read_text().split()) >= NEEDED:
                return _make_in(parent, memory, tasks)
        except OSError:
            continue
    return None


def _make_in(parent, memory, tasks):
    group = Path(tempfile.mkdtemp(prefix="gan-sandbox-", dir=parent))
    try:
        (group / "memory.max").write_text(str(memory))
        (group / "memory.oom.group").write_text("1")
        (group / "pids.max").write_text(str(tasks))
        if (group / "memory.swap.max").exists():
            (group / "memory.swap.max").write_text("0")
    except OSError:
        group.rmdir()
        raise
    return group


def remove(group):
    """Kill what is in a group, and remove it."""
    with contextlib.suppress(OSError):
        (group / "cgroup.kill").write_text("1")
    with contextlib.suppress(OSError):
        group.rmdir()
