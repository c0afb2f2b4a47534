"""The cluster of processes on this machine: what it opens, and to whom."""

import asyncio
import contextlib
import os
import re
import socket
import ssl
import subprocess
import time
from pathlib import Path

import psutil
from batches import command, table
from distributed import Security, rpc
from distributed.protocol.pickle import dumps
from small_course import RIGHT, filled_in, hand_in

PAGE = b"GET /health HTTP/1.0\r\n\r\n"


def tree(pid):
    """A process and all below it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        own = psutil.Process(pid)
        return [own, *own.children(recursive=True)]
    return []


def listening(processes):
    """Where these processes wait for somebody, by the kernel's own tables: set of (address, port)."""
    inodes, found = set(), set()
    for process in processes:
        with contextlib.suppress(OSError):
            for one in Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(one)))
    for kind in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                address, port = words[1].split(":")
                found.add((address, int(port, 16)))
    return found


async def _asks(port, security, folder):
    options = {"connection_args": security.get_connection_args("client")} if security else {}
    call = {"function": dumps(os.mkdir), "args": dumps((str(folder),)), "wait": True}
    address = f"{'tls' if security else 'tcp'}://127.0.0.1:{port}"
    for operation in ("run", "run_function"):  # of a worker or a nanny; of a scheduler
        with contextlib.suppress(Exception):
            async with rpc(address, timeout=3, **options) as peer:
                await asyncio.wait_for(getattr(peer, operation)(**call), 5)


def runs_code_of(security, port, folder):
    """Whether somebody with these certificates, or none, gets code to run behind a port."""
    asyncio.run(_asks(port, security, folder))
    return folder.is_dir()


def answers(port, by_tls):
    """What a port says to somebody without a certificate."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=3) as stream:
        if by_tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            stream = context.wrap_socket(stream)
        stream.sendall(PAGE)
        return stream.recv(100)
    return b""


def test_while_it_grades_nobody_else_gets_in(small, tmp_path):
    course, release = small
    hand_in(course, "bob", filled_in(release, RIGHT))
    process = subprocess.Popen(
        command(course, "--workers", "2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    tried, let_in, keys = set(), [], []
    try:
        while process.poll() is None:
            if len(found := listening(own := tree(process.pid))) < 5 or tried:
                time.sleep(0.02)
                continue
            tried = found
            scratch = (course / "autograded" / ".grading" / "workers").readlink()
            let_in += [path for path in (scratch, *scratch.iterdir()) if path.stat().st_mode & 0o066]
            for one in own:
                with contextlib.suppress(psutil.Error):
                    keys += [one for text in (*one.cmdline(), *one.environ().values()) if "PRIVATE" in text]
            for _, port in sorted(found):
                for name, security in {"plain": None, "another": Security.temporary()}.items():
                    if runs_code_of(security, port, tmp_path / f"{name}-{port}"):
                        let_in.append((name, port))
                let_in += [(port, by_tls) for by_tls in (False, True) if answers(port, by_tls)]
    finally:
        if process.poll() is None:
            process.kill()
    out, err = process.communicate()
    assert not let_in and not keys
    assert len(tried) == 5 and {address for address, _ in tried} == {"0100007F"}  # two workers, two nannies
    assert process.returncode == 0 and "Traceback" not in err, err
    assert table(subprocess.CompletedProcess((), 0, out))["graded"] == 2
