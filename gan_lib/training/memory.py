"""Memory that a training process keeps for its next step."""

import ctypes
import sys

# mallopt(3): what freed memory is given back to the system, and what is asked of it at a time
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_LARGEST, _AT_LEAST = 2**31 - 1, 2**30


def keep_freed_memory():
    """Let this process keep the memory it frees, rather than hand it back and ask for it again.

    A step on the CPU frees and takes hundreds of MiB; each time the system clears the pages it gives. This
    concerns the whole process, so a program calls it for itself, and the library does not. It holds for the
    C library of GNU/Linux; elsewhere nothing changes.

    Returns: whether it holds.
    Source: ``mallopt(3)`` of the Linux manual.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _LARGEST, _M_TOP_PAD: _AT_LEAST}
    return mallopt is not None and all(mallopt(name, value) == 1 for name, value in settings.items())
