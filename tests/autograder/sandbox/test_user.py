"""Tests of real sandboxes, run again as an ordinary user where the tests themselves are root's."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent


USERS_OWN = {  # tests in which it matters who the caller is
    "test_sight.py": "",
    "test_limits.py": "many_processes or wherever or nothing_counts or files_count or bomb_stops"
    " or no_interrupt or threads",
    "test_submission.py": "cannot_be_read",
    "test_zygote.py": "nothing_of or own",
    "test_channels.py": "lock or leases or time or page",
    "test_ends.py": "grading_process or supervisor or two_sandboxes or check_passes or hidden",
}


@pytest.mark.parametrize("name", USERS_OWN)
def test_sandboxes_of_an_ordinary_user(as_ordinary_user, name):
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    possible = subprocess.run(
        as_ordinary_user(["bwrap", "--ro-bind", "/", "/", "true"]), capture_output=True, text=True
    )
    if possible.returncode:
        pytest.skip(f"ordinary users may not make namespaces here: {possible.stderr.strip()}")
    home = tempfile.mkdtemp(dir="/tmp")  # pytest's own folders are closed to others
    os.chmod(home, 0o777)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "TMPDIR": home,
        "PYTHONPATH": str(HERE.parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--confcutdir={HERE}"]
    argv += [str(HERE / name), "-k", USERS_OWN[name]]
    done = subprocess.run(
        as_ordinary_user(argv), env=environment, capture_output=True, text=True, cwd=HERE.parents[2]
    )
    shutil.rmtree(home)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_sandboxes_of_root_in_a_container(tmp_path):
    """Root of most containers may not do more than an ordinary user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give up what root of a container lacks")
    argv = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]
    possible = subprocess.run(
        [*argv, "bwrap", "--unshare-user", "--ro-bind", "/", "/", "true"], capture_output=True, text=True
    )
    if possible.returncode:
        pytest.skip(f"namespaces of users are not to be had here: {possible.stderr.strip()}")
    argv += [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--confcutdir={HERE}", "-q"]
    argv += [str(HERE / name) for name in ("test_sight.py", "test_ends.py", "test_limits.py")]
    argv += ["-k", "sight or check_passes or many_processes or wherever"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=HERE.parents[2])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
