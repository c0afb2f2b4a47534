"""What a student's code sees and reaches, asked from inside a real sandbox."""

import json
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from autograder.sandbox import Limits, visible
from autograder.sandbox.leases import base
from autograder.sandbox.provisioner import environment, zygote

ROOT = Path(__file__).parents[3]


IMPORTED = """
import autograder.checks, torch
for name in "gan_lib", "gan_lib.regularizers", "questions", "autograder.bank.sync":
    try:
        print(name, __import__(name).__file__)
    except ImportError:
        pass
print(torch.ones(2).sum().item())
"""


def test_the_kernel_has_pytorch_and_no_function_that_an_assignment_asks_for(ask):
    assert ask(IMPORTED) == "2.0\n"


def test_the_kernel_has_the_packages_that_a_course_shows(run_cells, tmp_path, monkeypatch):
    (tmp_path / "pottery").mkdir()
    (tmp_path / "pottery" / "__init__.py").write_text("clay = 5")
    monkeypatch.syspath_prepend(tmp_path)
    code = "import pottery, gan_lib; print(pottery.clay, pottery.__file__, gan_lib.__file__)"
    texts, _ = run_cells(code, packages=["pottery", "gan_lib"])
    assert texts == ["5 /course/pottery/__init__.py /course/gan_lib/__init__.py\n"]


def test_nothing_of_the_course_is_seen_but_its_public_modules(ask):
    code = """
import os
skip = {"/proc", "/usr", "/dev"} | set(%r)
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(folder, f) not in skip]
    for name in files:
        print(os.path.join(folder, name))
"""
    shown = [str(path) for path in visible.python_paths()]
    seen = set(ask(code % (shown,)).splitlines())
    public = set()
    for name, path in visible.public_modules().items():
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        public |= {f"/course/{name}/{p.relative_to(path)}".removesuffix("/.") for p in files}
    system = {name for name in seen if name.startswith(("/etc/", "/student/.", "/tmp/"))}
    helper = {f"/submission/{name}" for name in ("helper.py", "torch.py", "data/points.csv")}
    mine = {name.replace("/submission", "/student") for name in helper}
    assert public and seen - system <= public | helper | mine | {"/run/first_process.py"}
    assert {name for name in system if name.startswith("/etc/")} & {"/etc/shadow", "/etc/ssh"} == set()


@pytest.mark.parametrize(
    "path", ["autograder/course", "questions", "tests", "autograder/plugins/answers.py", ".git"]
)
def test_the_rest_of_the_repository_is_not_there(ask, path):
    assert (ROOT / path).exists()
    assert ask(f"import os; print(os.path.lexists({str(ROOT / path)!r}))") == "False\n"


def test_keys_cannot_be_imported(ask):
    for module in ("questions.bank", "autograder.plugins.answers", "autograder.sandbox"):
        assert "ModuleNotFoundError" in ask(f"import {module}")


def test_the_grading_process_is_not_there(ask):
    code = "import os; print(*sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))"
    pids = [int(pid) for pid in ask(code).split()]
    assert len(pids) == 2 and max(pids) < 100  # bubblewrap's first process and the kernel
    own = ask("print(open('/proc/1/cmdline').read().replace(chr(0), ' '))")
    assert "--ro-bind" not in own and "kernel-" not in own  # which would tell places of this machine


def test_no_variable_of_the_grader_is_seen(ask):
    code = "print(open('/proc/self/environ').read().replace(chr(0), chr(10)))"
    names = {line.partition("=")[0] for line in ask(code).split("\n") if line}
    assert names == set(environment(1)) and "PATH" in names
    first = ask("print(open('/proc/1/environ').read().replace(chr(0), chr(10)))")
    assert {line.partition("=")[0] for line in first.split("\n") if line} <= names | {"PWD"}


def test_no_open_file_leads_outside(ask):
    code = """
import os
for fd in os.listdir('/proc/self/fd'):
    try: print(os.readlink(f'/proc/self/fd/{fd}'))
    except OSError: pass
"""
    for target in ask(code).split("\n"):
        assert (
            target.startswith(
                (
                    "socket:",
                    "pipe:",
                    "anon_inode:",
                    "/dev/null",
                    "/dev/ptmx",
                    "/dev/pts",
                    "/proc/",
                    "/student/",
                )
            )
            or not target
        ), target


def test_other_users_have_no_file_to_give(ask):
    assert ask("open('/etc/shadow')").startswith("FileNotFoundError")
    assert ask("import os; os.listdir('/root')").startswith(
        ("FileNotFoundError", "PermissionError", "")
    ) and (
        ask("import os; print([f for f in os.listdir('/root') if f != '.pyenv'])").startswith(
            ("[]", "File", "Perm")
        )
    )


def test_there_is_no_network(ask):
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    code = "import socket; s = socket.socket(); s.settimeout(2); s.connect(({!r}, {}))"
    assert ask(code.format("127.0.0.1", port)).startswith("ConnectionRefusedError")
    assert ask(code.format("192.0.2.1", 80)).startswith("OSError: [Errno 101] Network is unreachable")
    assert ask("import socket; socket.getaddrinfo('example.org', 80)").startswith("gaierror")
    listening.close()


def test_abstract_sockets_of_the_machine_are_not_reached(ask):
    listening = socket.socket(socket.AF_UNIX)
    name = f"\0grader-{os.getpid()}"
    listening.bind(name)
    listening.listen()
    assert ask(f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})").startswith(
        "ConnectionRefused"
    )
    listening.close()


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_ALG", "AF_PACKET"])
def test_families_of_sockets_that_no_namespace_holds_are_denied(ask, family):
    kind = "SEQPACKET" if family == "AF_ALG" else "STREAM"
    code = f"import socket; socket.socket(socket.{family}, socket.SOCK_{kind})"
    assert ask(code).startswith("PermissionError")


def test_the_submissions_files_are_there_to_be_read_and_changed(ask):
    assert ask("print(open('data/points.csv').read())") == "1,2\n\n"
    assert ask("open('data/points.csv', 'a').write('3\\n'); print(open('data/points.csv').read())") == (
        "1,2\n3\n\n"
    )
    assert ask("import os; os.remove('data/points.csv'); os.rmdir('data'); os.mkdir('data')") == ""
    assert ask("open('/submission/data/points.csv', 'a')").startswith(("OSError: [Errno 30]", "Permission"))
    assert ask("open('data/points.csv', 'w').write(open('/submission/data/points.csv').read())") == "4"
    assert ask("import os; print(sorted(f for f in os.listdir()))") == "['data', 'helper.py', 'torch.py']\n"


def test_each_kernel_begins_with_the_files_as_they_were_handed_in(run_cells, tmp_path):
    (tmp_path / "log.txt").write_text("handed in\n")
    append = "print(open('log.txt', 'a').write('x'), open('log.txt').read())"
    assert [run_cells(append, files=tmp_path)[0] for _ in range(2)] == [["1 handed in\nx\n"]] * 2
    assert (tmp_path / "log.txt").read_text() == "handed in\n"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_names_that_libraries_use_are_ordinary_names(run_cells, tmp_path, kind):
    names = (".cache", ".config", ".ipython", ".jupyter", ".local", ".matplotlib", ".own", "timestamp.txt")
    for name in names:
        place = tmp_path / name if kind == "file" else tmp_path / name / "x"
        place.parent.mkdir(exist_ok=True)
        place.write_text("mine")
    code = f"""
import os, pathlib, torch, matplotlib.pyplot as plt
plt.plot([1]); plt.savefig('figure.png'); torch.hub.get_dir()
print(sorted(os.listdir()) == sorted([*{names}, 'figure.png']))
print({{p.read_text() for p in pathlib.Path().rglob('*') if p.is_file() and p.name != 'figure.png'}})
"""
    text = run_cells(code, files=tmp_path, preload=("matplotlib.pyplot",))[0][0]
    assert text.startswith("True\n{'mine'}\n")


def test_what_is_too_much_to_copy_is_there_to_be_read(run_cells, tmp_path):
    (tmp_path / "data").mkdir()
    for name, size in {"data/large.bin": 40 << 20, "data/small.txt": 3, "b.bin": 10 << 20}.items():
        (tmp_path / name).write_bytes(b"x" * size)
    code = """
import os
for name in ("data/large.bin", "data/small.txt", "b.bin"): print(os.path.getsize(name), os.path.islink(name))
open("data/small.txt", "a").write("y"), open("data/new", "w")
"""
    for limits, large in (
        (Limits(temporary=128 << 20), True),  # the folder's share
        (Limits(file=16 << 20), True),  # a file's own limit
        (Limits(), False),
    ):
        (text,), _ = run_cells(code, files=tmp_path, limits=limits)
        assert text.startswith(f"{40 << 20} {large}\n3 False\n{10 << 20} False\n") and "Error" not in text


def test_what_is_imported_outside_keeps_its_files_apart():
    server = zygote(("linecache",), 1)
    environ = Path(f"/proc/{server.process.pid}/environ")
    while not environ.read_bytes() and server.process.poll() is None:  # it has not quite begun
        time.sleep(0.01)
    lines = environ.read_bytes().decode().split("\0")
    folders = [value for line in lines if (value := line.partition("=")[2])[:1] == "/" and ":" not in value]
    assert len(folders) == 7 and all(Path(folder).is_relative_to(base()) for folder in folders)


def test_a_helper_beside_the_notebook_is_found_and_a_torch_is_not(ask):
    assert ask("import helper; print(helper.answer)") == "42\n"
    assert ask("import torch; print(torch.__version__[0])") == "2\n"


def test_the_working_folder_takes_new_files(ask):
    assert ask("open('figure.png', 'w').write('x'); print(open('figure.png').read())") == "x\n"


@pytest.mark.parametrize(
    "path", ["/", "/dev", "/run", "/etc", "/course", "/course/autograder", "/submission", sys.prefix, "/usr"]
)
def test_nothing_else_can_be_written(ask, path):
    assert ask(f"open({path + '/new'!r}, 'w')").startswith(("OSError: [Errno 30]", "PermissionError"))


def call(name, *args):
    """A cell that makes one call of the C library and prints its result and errno's name."""
    return f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
result = libc.{name}({", ".join(map(repr, args))})
print(result, errno.errorcode.get(ctypes.get_errno()))
"""


@pytest.mark.parametrize(
    "name, args",
    [
        ("ptrace", (16, 1, 0, 0)),
        ("mount", (b"tmpfs", b"/tmp", b"tmpfs", 0, None)),
        ("umount2", (b"/tmp", 0)),
        ("unshare", (0x10000000,)),
        ("setns", (0, 0)),
        ("chroot", (b"/tmp",)),
        ("setuid", (0,)),
        ("setresgid", (0, 0, 0)),
        ("setgroups", (1, b"\0\0\0\0")),
        ("sethostname", (b"x", 1)),
        ("shmget", (0, 1 << 20, 0o1600)),
        ("reboot", (0,)),
    ],
)
def test_privileged_calls_fail(ask, name, args):
    code = call(name, *args)
    if name in ("setuid", "setresgid"):  # a user namespace has no user 0 to become
        assert ask(code) in ("-1 EPERM\n", "-1 EINVAL\n")
    else:
        assert ask(code) == "-1 EPERM\n"


def test_setuid_programs_give_nothing(ask):
    assert "uid=0" not in ask(
        "import subprocess; print(subprocess.run('su -c id', shell=True, input='', "
        "capture_output=True, text=True).stdout)"
    )
    status = ask("print(open('/proc/self/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.split("\n") if ":\t" in line)
    assert {fields[f"Cap{s}"] for s in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"


def test_anonymous_files_that_nobody_counts_are_denied(ask):
    assert ask("import os; os.memfd_create('x')").startswith("OSError: [Errno 38]")


def test_limits_cannot_be_raised(ask):
    assert ask("import resource; resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999))").startswith(
        "ValueError"
    )


def test_startup_files_of_the_submission_or_of_ipython_are_not_run(run_cells, tmp_path):
    startup = tmp_path / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "a.py").write_text("poisoned = 1")
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.poisoned = 1")
    (tmp_path / "kernel.json").write_text(json.dumps({"argv": ["false"]}))
    texts, _ = run_cells("poisoned", files=tmp_path)
    assert texts == ["NameError: name 'poisoned' is not defined"]
