"""Real sandboxes for the tests: kernels, what they leave behind, and the same tests as an ordinary user."""

import asyncio
import shutil
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autograder.sandbox import Limits, sandboxed_kernel, why_dead
from autograder.sandbox.leases import base

SANDBOX = Path(__file__).parents[3] / "autograder" / "sandbox"
MIB = 1 << 20


def pytest_collection_modifyitems(items):
    if shutil.which("bwrap") is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="bubblewrap is not installed"))


@pytest.fixture(scope="session", autouse=True)
def own_base(tmp_path_factory):
    """Sandboxes of these tests have their folders apart from those of others that run at the same time."""
    folder = str(tmp_path_factory.mktemp("t"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield folder


def processes(place):
    """Processes of the sandboxes with folders below a place: supervisors, and all that see such a folder."""
    found, name = set(), "/".join(Path(place).parts[-2:])
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if ("supervise.py" in command and name in command) or name in (folder / "mountinfo").read_text():
                found.add((int(folder.name), command))
        except OSError:
            continue
    return found


@pytest.fixture
def nothing_left(own_base):
    """After the test there is no process and no folder of a sandbox that was not there before."""
    folders, before = set(base().glob("kernel-*")), processes(own_base)
    yield
    deadline = time.monotonic() + 10  # killed processes of the test itself take a moment
    while (left := processes(own_base) - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left
    assert set(base().glob("kernel-*")) <= folders


class Kernel:
    """A kernel that has started, for tests: `run` gives the text of a cell's outputs."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    async def run(self, code, timeout=60):
        request, texts = self.client.execute(code, allow_stdin=False), []
        while True:
            wait = asyncio.ensure_future(self.client.get_iopub_msg(timeout=timeout))
            while not wait.done():
                await asyncio.wait([wait], timeout=0.2)
                if not wait.done() and not await self.manager.is_alive():
                    wait.cancel()
                    return "".join(texts) + "<dead>"
            message = wait.result()
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    texts.append(content["text"])
                case "error":
                    texts.append(f"{content['ename']}: {content['evalue']}")
                case "execute_result":
                    texts.append(content["data"]["text/plain"])
                case "status" if content["execution_state"] == "idle":
                    return "".join(texts)


@asynccontextmanager
async def kernel(files=None, limits=None, **kw):
    """A started sandbox; it is ended, whatever happens."""
    manager = sandboxed_kernel(files, limits or Limits(), **kw)
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@pytest.fixture(scope="session")
def started_kernel():
    """`kernel`, for `async with`."""
    return kernel


@pytest.fixture
def run_cells():
    """A function that runs cells in a new sandbox: the texts of their outputs, and why the sandbox died."""
    return _run_cells


def _run_cells(*cells, files=None, limits=None, **kw):
    async def run():
        async with kernel(files, limits, **kw) as started:
            texts = [await started.run(cell) for cell in cells]
            deadline = time.monotonic() + 5
            while texts[-1].endswith("<dead>") and why_dead(started.manager) is None:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            return texts, why_dead(started.manager)

    return asyncio.run(run())


@pytest.fixture
def as_ordinary_user():
    """A function from a command line to one that runs it as an ordinary user, for tests that are root's."""
    return _as_ordinary_user


def _as_ordinary_user(argv, user=54321):
    """Folders on the way to the Python environment that others may not enter (/root, say) are replaced by
    ones that they may, in a view of the file system of the command's own.
    """
    args = ["bwrap", "--dev-bind", "/", "/"]
    paths = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[3]]
    closed = sorted({p for path in paths for p in path.parents if p.stat().st_mode & 5 != 5})
    for folder in closed:
        args += ["--perms", "0755", "--tmpfs", str(folder)]
    for path in paths:
        if any(path.is_relative_to(folder) for folder in closed):
            for parent in reversed(path.parents):
                args += ["--perms", "0755", "--dir", str(parent)]
            args += ["--ro-bind", str(path), str(path)]
    return [*args, "setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--", *argv]


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """A function that runs a cell in one sandbox shared by the module's tests, and returns its output's text.

    Its submission holds a notebook, a data file, a module, and files that would lead elsewhere.
    """
    submission = tmp_path_factory.mktemp("submitted") / "ada" / "ps1"
    (submission / "data").mkdir(parents=True)
    (submission / "ps1.ipynb").write_text("{}")
    (submission / "data" / "points.csv").write_text("1,2\n")
    (submission / "helper.py").write_text("answer = 42\n")
    (submission / "torch.py").write_text("raise SystemExit('the wrong torch')\n")
    (submission / "peer").symlink_to(submission.parent)
    (submission / "passwords").symlink_to("/etc/shadow")
    loop = asyncio.new_event_loop()
    opened = kernel(submission, Limits(memory=2048 * MIB))
    started = loop.run_until_complete(opened.__aenter__())
    yield lambda code: loop.run_until_complete(started.run(code))
    loop.run_until_complete(opened.__aexit__(None, None, None))
    loop.close()
