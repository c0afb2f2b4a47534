"""The command line as data; what it does is tested from inside (test_sight.py)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.sandbox.command import TEMPORARY, Sandbox, command, options


def sandbox(**changes):
    return Sandbox(**{"command": ("python", "kernel_main.py"), "shown": (Path("/usr"),), **changes})


def places(args, option):
    """Where an option stands in the list."""
    return [i for i, arg in enumerate(args) if arg == option]


def test_a_user_gets_a_user_namespace_and_root_a_user_without_rights():
    assert "--unshare-user" in options(sandbox())
    assert command(sandbox()) == ["python", "kernel_main.py"]
    assert "--unshare-user" not in options(sandbox(uid=70000))
    assert command(sandbox(uid=70000)) == [
        *["setpriv", "--reuid", "70000", "--regid", "70000", "--clear-groups", "--no-new-privs"],
        *["--inh-caps=-all", "--bounding-set=-all", "python", "kernel_main.py"],
    ]


@pytest.mark.parametrize("uid", [None, 70000])
def test_every_namespace_is_new_and_the_sandbox_dies_with_its_parent(uid):
    args = options(sandbox(uid=uid))
    for option in ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--die-with-parent"):
        assert option in args


def test_nothing_can_be_written_but_the_temporary_folders_of_limited_size():
    args = options(sandbox(temporary=1234, binds={"/course": Path("/x")}, data={"/etc/passwd": 7}))
    assert not {"--bind", "--bind-data", "--file"} & set(args)
    assert [args[i + 1 : i + 3] for i in places(args, "--dev-bind")] == [["/dev/full", "/dev/zero"]]
    folders = [args[i + 1] for i in places(args, "--tmpfs")]
    assert folders == list(TEMPORARY)
    assert all(args[i - 2 : i] == ["--size", "1234"] for i in places(args, "--tmpfs"))
    assert [args[i + 1] for i in places(args, "--remount-ro")] == ["/dev", "/"]


def test_only_the_variables_given_are_set():
    args = options(sandbox(environment={"LANG": "C.UTF-8"}))
    start = args.index("--clearenv")
    assert args[start + 1 : start + 4] == ["--setenv", "LANG", "C.UTF-8"] and args.count("--setenv") == 1


def test_a_hidden_folder_is_covered_after_it_is_shown_and_before_what_is_shown_below_it():
    env = Path("/usr/course/.venv")
    args = options(sandbox(shown=(env, Path("/usr")), hidden=(Path("/usr/course"),)))
    shown, covered, below = (
        args.index(p, args.index("--ro-bind")) for p in ("/usr", "/usr/course", str(env))
    )
    assert shown < args.index("/usr/course", args.index("--ro-bind") + 1) == covered < below
    assert "/usr/course" in [args[i + 1] for i in places(args, "--remount-ro")]


names = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


@given(st.sets(names, max_size=5), st.sets(names, max_size=5))
def test_parents_come_before_children_and_are_made_open(shown, hidden):
    args = options(sandbox(shown=tuple(shown), hidden=tuple(hidden - shown)))
    made = {"/"}
    takes = {"--ro-bind": 2, "--tmpfs": 1, "--dir": 1}
    for i, option in enumerate(args):
        if option in takes:
            path = args[i + takes[option]]
            assert str(Path(path).parent) in made, path
            made.add(path)
            if option == "--dir":
                assert args[i - 2 : i] == ["--perms", "0755"]
        elif option in ("--proc", "--dev"):
            made.add(args[i + 1])
