"""Whether a sandbox can be made here."""

import os
import subprocess
import sys

from autograder.sandbox import command, leases
from autograder.sandbox.leases import SandboxUnavailable
from autograder.sandbox.limits import Limits
from autograder.sandbox.provisioner import Materials, bubblewrap, describe

OPTIONS = """Ways out: install bubblewrap (Debian, Ubuntu: apt install bubblewrap); allow user namespaces \
(sysctl kernel.unprivileged_userns_clone=1; on Ubuntu 23.10 and later a profile for bwrap alone, which \
autograder/README.md gives); grade in a virtual machine, in a container of rootless podman with \
--privileged, or with Apptainer; or, for work of people whom you trust with your account, \
the switch for grading without a sandbox that nbgrader_config.py describes."""


def check_sandbox(show=(), hide=()):
    """Start the environment's Python in a sandbox, once, and end it.

    Raises: SandboxUnavailable, whose message says what failed and names the ways out.
    """
    try:
        materials = Materials()
        try:
            inner = [sys.executable, "-I", "-S", "-c", ""]
            sandbox = describe(materials, inner, Limits(), show=show, hide=hide)
            argv = [*bubblewrap(materials, sandbox), "--", *command.command(sandbox)]
            done = subprocess.run(
                argv,
                pass_fds=materials.files,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            materials.remove()
            materials.close()
    except (SandboxUnavailable, OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise SandboxUnavailable(f"Students' code cannot be isolated here: {error}. {OPTIONS}") from error
    if done.returncode:
        said = done.stderr.strip() or f"bubblewrap ended with status {done.returncode}"
        root = "root" if leases.may_give_users() else "root without CAP_SYS_ADMIN"
        who = root if os.geteuid() == 0 else "an ordinary user"
        raise SandboxUnavailable(f"Students' code cannot be isolated here, as {who}: {said}. {OPTIONS}")
