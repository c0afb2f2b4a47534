"""What a submission may take: time, memory, processes; and the kernel that its code runs in."""

import sys
from dataclasses import dataclass

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from traitlets import Unicode

from autograder import sandbox
from autograder.engine.checker_process import python_path
from autograder.engine.deadline import Deadline

CELL = 120  # seconds, where nobody says how many


@dataclass(frozen=True)
class Settings:
    """How notebooks are graded.

    Attributes:
        cell_seconds: for one cell of a student.
        call_seconds: that one call by the checks may compute, not wait.
        test_seconds: for one cell of checks.
        notebook_seconds: for one notebook, see `Deadline`. What is not done by then is not judged.
        restarts: how often a student's kernel that died is started again.
        memory_mb: for all processes and temporary files of a student's kernel.
        processes: processes and threads of a student's kernel.
        file_mb: for each file that a student's code writes.
        output_mb: for what a student's kernel sends.
        preload: modules that are imported once, for all students' kernels and all checks.
        visible: packages that students' code may import beside what is installed, see `sandboxed_kernel`.
        unsafe: run students' code in an ordinary kernel.
    """

    cell_seconds: int = CELL
    call_seconds: float = 20.0
    test_seconds: int = CELL
    notebook_seconds: int = 1200
    restarts: int = 12
    memory_mb: int = 4096
    processes: int = 256
    file_mb: int = 256
    output_mb: int = 32
    preload: tuple = ("torch", "torch._dynamo", "matplotlib.pyplot")
    visible: tuple = ()
    unsafe: bool = False

    def limits(self, deadline=None):
        """The limits of a student's kernel, in what is left of a notebook's time. Returns: sandbox.Limits."""
        deadline = deadline or Deadline(self.notebook_seconds)
        return sandbox.Limits(
            memory=self.memory_mb << 20,
            tasks=self.processes,
            file=self.file_mb << 20,
            output=self.output_mb << 20,
            cpu=max(1.0, deadline.processor),
            wall=deadline.left() + 60.0,
        )

    def manager(self, files, calls, limits):
        """A kernel manager for a student, not started.

        Args:
            files: working folder. calls: folder for the sockets of snapshots.
        """
        if not self.unsafe:
            return sandbox.sandboxed_kernel(
                files, limits, preload=self.preload, packages=self.visible, show=(calls,)
            )
        return UnsafeManager(files=str(files))


class UnsafeManager(AsyncKernelManager):
    """Starts an ordinary kernel of this Python, whatever kernelspecs there are."""

    files = Unicode(help="working folder")

    @property
    def kernel_spec(self):
        argv = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        argv.append("--HistoryManager.enabled=False")
        return KernelSpec(
            argv=argv, display_name="Python", language="python", env={"PYTHONPATH": python_path()}
        )

    async def _async_start_kernel(self, **options):
        await super()._async_start_kernel(cwd=self.files, **options)

    start_kernel = _async_start_kernel
