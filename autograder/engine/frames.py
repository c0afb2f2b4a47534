"""Messages of a few byte strings over a stream socket."""

import struct
import time

MESSAGE = 192 << 20  # bytes: two networks of the course with gradients and the state of their optimizers
PARTS = 4


class Lost(ConnectionError):
    """The other side is gone, or sent what is no message."""


def send(connection, parts, seconds=60.0):
    """Send one message.

    Args:
        connection: stream socket.
        parts: at most 4 byte strings, 192 MiB together.
        seconds: for the whole message.

    Raises: ValueError above the limits; Lost, TimeoutError.
    """
    if len(parts) > PARTS or sum(map(len, parts)) > MESSAGE:
        size = sum(map(len, parts))
        raise ValueError(
            f"a message has at most {PARTS} parts and {MESSAGE} bytes, not {len(parts)} and {size}"
        )
    connection.settimeout(seconds)
    try:
        connection.sendall(struct.pack(f"!B{len(parts)}Q", len(parts), *map(len, parts)))
        for part in parts:
            connection.sendall(part)
    except TimeoutError:
        raise
    except OSError as error:
        raise Lost(f"the other side is gone: {error}") from error


def receive(connection, seconds=None, limit=MESSAGE):
    """Receive one message; nothing above the limit is read.

    Args:
        connection: stream socket.
        seconds: for the whole message; None waits for ever.
        limit: bytes of all parts together.

    Returns: list of bytes.
    Raises: Lost, TimeoutError.
    """
    end = None if seconds is None else time.monotonic() + seconds
    (count,) = _exactly(connection, 1, end)
    if count > PARTS:
        raise Lost(f"a message has at most {PARTS} parts, not {count}")
    sizes = struct.unpack(f"!{count}Q", _exactly(connection, 8 * count, end))
    if sum(sizes) > limit:
        raise Lost(f"a message of {sum(sizes)} bytes, above the limit of {limit}")
    return [bytes(_exactly(connection, size, end)) for size in sizes]


def _exactly(connection, size, end):
    """`size` bytes. Memory is taken as they come, so that an announced size costs nothing."""
    read = bytearray()
    while len(read) < size:
        if end is not None and end <= time.monotonic():
            raise TimeoutError("no complete message in time")
        connection.settimeout(None if end is None else max(end - time.monotonic(), 0.001))
        try:
            piece = connection.recv(min(size - len(read), 1 << 20))
        except TimeoutError:
            raise
        except OSError as error:
            raise Lost(f"the other side is gone: {error}") from error
        if not piece:
            raise Lost("the other side is gone")
        read += piece
    return read
