"""What leads to a kernel's sockets passes all bytes on, and no more of the kernel's than allowed."""

import socket
import threading

import pytest

from autograder.sandbox.relay import Relay


@pytest.fixture
def ends(tmp_path):
    """Function from a limit to the reader's end, the kernel's end, and the event of too much."""
    opened = []

    def connected(limit):
        kernel, full = socket.socket(socket.AF_UNIX), threading.Event()
        kernel.bind(str(tmp_path / "inside-1"))
        kernel.listen(1)
        Relay(tmp_path / "outside", tmp_path / "inside", [1], limit, full.set)
        reader = socket.socket(socket.AF_UNIX)
        reader.connect(str(tmp_path / "outside-1"))
        accepted, _ = kernel.accept()
        for end in (kernel, reader, accepted):
            end.settimeout(20)
        opened.extend((kernel, reader, accepted))
        return reader, accepted, full

    yield connected
    for end in opened:
        end.close()


def everything(end):
    return b"".join(iter(lambda: end.recv(1 << 16), b""))


def test_all_passes_both_ways(ends):
    reader, kernel, full = ends(100_000)
    reader.sendall(b"q" * 50_000 + b".")  # requests are ours, and not counted
    asked = b""
    while not asked.endswith(b"."):
        asked += kernel.recv(1 << 16)
    assert asked == b"q" * 50_000 + b"."
    kernel.sendall(b"a" * 100_000)
    kernel.close()
    assert everything(reader) == b"a" * 100_000 and not full.is_set()


def test_above_the_limit_the_connection_ends_and_it_is_said(ends):
    reader, kernel, full = ends(100_000)
    with pytest.raises(OSError):
        for _ in range(10_000):
            kernel.sendall(bytes(10_000))
    assert len(everything(reader)) <= 100_000 and full.wait(20)


def test_a_reader_that_leaves_ends_the_kernels_connection(ends):
    reader, kernel, _ = ends(100_000)
    reader.close()
    assert kernel.recv(1) == b""


def test_a_kernel_that_is_gone_ends_the_readers_connection(tmp_path):
    Relay(tmp_path / "outside", tmp_path / "inside", [1], 1, lambda: None)
    with socket.socket(socket.AF_UNIX) as reader:
        reader.settimeout(20)
        reader.connect(str(tmp_path / "outside-1"))
        assert reader.recv(1) == b""
