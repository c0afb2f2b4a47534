"""Counts what comes out of a sandbox before ZeroMQ sees it.

A message of ZeroMQ has any number of parts, and all of them are held in memory until the last has come: a
limit on the size of a part limits nothing. So a kernel's connections lead through here, byte by byte.
"""

import contextlib
import socket
import threading

PIECE = 1 << 16


class Relay:
    """Sockets that lead on to those of a kernel, for one connection each.

    Args:
        outside, inside: paths of the new and of the kernel's own sockets, but for "-1", "-2", ...
        ports: their numbers.
        limit: bytes that may come from the kernel, on all of them together.
        full: function that is called once, in a thread of the relay, when there is more.
    """

    def __init__(self, outside, inside, ports, limit, full):
        self.left, self.full, self.lock = limit, full, threading.Lock()
        for port in ports:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listening.bind(f"{outside}-{port}")
            listening.listen(1)
            _start(self._connect, listening, f"{inside}-{port}")

    def _connect(self, listening, path):
        with listening:
            near, _ = listening.accept()
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.connect(path)
        except OSError:  # the sandbox has ended
            near.close()
            far.close()
            return
        back = _start(self._pump, near, far, lambda size: True)
        self._pump(far, near, self._count)
        back.join()
        near.close()
        far.close()

    def _pump(self, source, target, allowed):
        """Pass on what comes, until one side ends or too much has come."""
        with contextlib.suppress(OSError):
            while (piece := source.recv(PIECE)) and allowed(len(piece)):
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, size):
        with self.lock:
            before, self.left = self.left, self.left - size
        if before >= 0 > self.left:
            self.full()
        return self.left >= 0


def _start(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread
