"""Folders and users that a sandbox has for itself."""

import os
import subprocess
import sys

import pytest

from autograder.sandbox import SandboxUnavailable, cgroup, leases


@pytest.fixture(autouse=True)
def own_base(monkeypatch, tmp_path):
    folder = tmp_path / "r"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(leases, "base", lambda: folder)
    monkeypatch.setattr(leases, "LOCKS", tmp_path / "users")


def test_a_folder_in_use_is_kept_and_one_that_nobody_holds_is_swept():
    kept, lock = leases.new_folder()
    left, dropped = leases.new_folder()
    (left / "s-1").touch()
    os.close(dropped)
    assert leases.sweep() == [left]
    assert kept.exists() and not left.exists()
    os.close(lock)


def test_the_lock_goes_with_the_last_process_that_holds_it():
    folder, lock = leases.new_folder()
    code = "import sys; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[lock]
    )
    child.stdout.readline()
    os.close(lock)
    assert leases.sweep() == []
    child.kill()
    child.communicate()
    assert leases.sweep() == [folder]


def test_no_two_sandboxes_have_the_same_user():
    users = [leases.new_user() for _ in range(3)]
    assert len({number for number, _ in users}) == 3
    os.close(users[0][1])
    again, lock = leases.new_user()
    assert again == users[0][0]
    for descriptor in (lock, users[1][1], users[2][1]):
        os.close(descriptor)


def test_all_users_in_use_is_refused(monkeypatch):
    monkeypatch.setattr(leases, "USERS", 1)
    _, lock = leases.new_user()
    with pytest.raises(SandboxUnavailable, match="all 1 users for sandboxes are in use"):
        leases.new_user()
    os.close(lock)


def test_a_base_that_others_may_enter_is_refused(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setattr(leases.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"gan-sandbox-{os.geteuid()}").mkdir(mode=0o755)
    with pytest.raises(SandboxUnavailable, match="others cannot enter"):
        leases.base()


def group_tree(tmp_path, shared):
    """A folder like a cgroup2 file system, /top/user/own, where the groups in `shared` share out memory."""
    for name in ("top", "top/user", "top/user/own"):
        (tmp_path / name).mkdir()
        controllers = "memory pids" if name in shared else ""
        (tmp_path / name / "cgroup.subtree_control").write_text(controllers)
    return tmp_path / "top", tmp_path / "top" / "user" / "own"


def test_a_group_is_made_below_the_nearest_one_that_shares_out_memory(tmp_path):
    group = cgroup.make(1000, 7, group_tree(tmp_path, {"top", "top/user"}))
    assert group.parent == tmp_path / "top" / "user"
    assert (group / "memory.max").read_text() == "1000" and (group / "pids.max").read_text() == "7"


def test_no_group_is_made_where_none_shares_out_memory(tmp_path):
    assert cgroup.make(1000, 7, group_tree(tmp_path, set())) is None
    assert [p.name for p in (tmp_path / "top").iterdir() if p.is_dir()] == ["user"]


def test_this_processs_group_is_found_below_the_mounted_root(tmp_path):
    (tmp_path / "mounts").write_text("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "groups").write_text("1:cpu:/x\n0::/user.slice/a.scope\n")
    top, own = cgroup.own_group(tmp_path / "mounts", tmp_path / "groups")
    assert (str(top), str(own)) == ("/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/a.scope")


def test_without_groups_of_version_2_there_is_none(tmp_path):
    (tmp_path / "mounts").write_text("30 23 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw\n")
    (tmp_path / "groups").write_text("1:cpu:/x\n")
    assert cgroup.own_group(tmp_path / "mounts", tmp_path / "groups") is None
