"""How much a sandbox may use."""

from dataclasses import dataclass, fields

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Upper bounds for one sandbox, from its start to its end. Sizes are in bytes, times in seconds.

    Attributes:
        memory: all processes and temporary files of the sandbox together. A single process that asks for more
            gets an ordinary MemoryError; a sandbox that has more is killed.
        tasks: processes and threads.
        file: the largest file.
        temporary: what /tmp, /dev/shm and the home folder hold, each.
        cpu: processor time of all processes together.
        wall: wall-clock time, whatever the sandbox does meanwhile.
        threads: that numerical libraries use (OMP_NUM_THREADS).
        message: one message from the kernel; a larger one is never read, and ends the sandbox.
        output: all that the kernel sends on iopub, in bytes, and
        output_messages: in messages. Who reads the messages counts them, and calls `stop` (see manager.py).
        submission: size of the submission's own files, and
        submission_files: their number.
    """

    memory: int = 4096 * MIB
    tasks: int = 256
    file: int = 256 * MIB
    temporary: int = 512 * MIB
    cpu: float = 1200
    wall: float = 1800
    threads: int = 1
    message: int = 64 * MIB
    output: int = 32 * MIB
    output_messages: int = 20_000
    submission: int = 256 * MIB
    submission_files: int = 1000

    def __post_init__(self):
        for field in fields(self):
            if not (value := getattr(self, field.name)) > 0:
                raise ValueError(f"the limit {field.name!r} must be above 0, got {value!r}")
