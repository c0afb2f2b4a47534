"""A place where a student's code can do no harm and see no secret: bubblewrap around a kernel.

    manager = sandboxed_kernel(Path("submitted/ada/ps1_minimax"), Limits(memory=2 << 30))
    await manager.start_kernel()        # an AsyncKernelManager: nbclient takes it as `km`
    client = manager.client()           # an AsyncKernelClient whose sockets refuse messages above the limit
    ...
    await manager.shutdown_kernel(now=True)
    why_dead(manager)                   # None, or "memory: the sandbox used 2.1 GB of the 2.0 GB allowed"

What runs where: `manager` starts `supervise.py`, a small process outside the sandbox that starts bubblewrap,
watches what the sandbox uses (`meter.py`), kills it, and removes all its traces, also when the grading
process is killed. bubblewrap makes the sandbox and runs `first_process.py` in it. The kernel is forked from
`zygote.py`, which has imported Python's and the course's large libraries once; the new process enters the
sandbox, gives up its privileges, sets resource limits and becomes the kernel (`kernel_main.py`).
"""

from autograder.sandbox.availability import check_sandbox
from autograder.sandbox.leases import SandboxUnavailable
from autograder.sandbox.limits import Limits
from autograder.sandbox.manager import begin_imports, sandboxed_kernel, stop, why_dead
from autograder.sandbox.visible import packages

__all__ = [
    "Limits",
    "SandboxUnavailable",
    "begin_imports",
    "check_sandbox",
    "packages",
    "sandboxed_kernel",
    "stop",
    "why_dead",
]
