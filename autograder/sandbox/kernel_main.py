"""The student's kernel, in a process that is inside a sandbox already (`zygote.py`): limits, and its start.

The kernel's sockets are already open: they were made outside, so that nothing outside can be written to from
here.
"""

import contextlib
import os
import resource
import shutil
import sys

import zmq
from ipykernel import heartbeat, kernelapp


def set_limits(limits):
    """Upper bounds that processes of the sandbox cannot raise again. Args: name in `resource` -> value."""
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def fill_home(source, home, most):
    """Put a submission's files into the working folder: copies, which its code may change, of the smaller
    ones as long as they fit, and links to the others.

    Args: source, home: folders; most: bytes to copy. Files that cannot be copied are linked too.
    """
    files = []
    for folder, _, names in os.walk(source):
        place = os.path.join(home, os.path.relpath(folder, source))
        os.makedirs(place, exist_ok=True)
        files += [(os.path.getsize(os.path.join(folder, name)), folder, place, name) for name in names]
    for size, folder, place, name in sorted(files):
        original, copy = os.path.join(folder, name), os.path.join(place, name)
        most -= size
        try:
            if most >= 0:
                shutil.copyfile(original, copy)
                continue
        except OSError:  # a file above the limit on files, or no space
            os.unlink(copy)
        os.symlink(original, copy)


def close_all_but(kept):
    """Close every file descriptor other than these and 0, 1, 2."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2 and fd not in kept:
            with contextlib.suppress(OSError):  # the one that listed the folder
                os.close(fd)


def kernel(config):
    """The kernel, ready to start, on sockets that are already bound."""

    class Heartbeat(heartbeat.Heartbeat):
        def _try_bind_socket(self):
            _bind(self.socket, self.ip, self.port)

    class App(kernelapp.IPKernelApp):
        def init_connection_file(self):
            pass

        def write_connection_file(self, **kwargs):
            pass

        def _try_bind_socket(self, socket, port):
            _bind(socket, self.ip, port)
            return port

        def init_control(self, context):
            super().init_control(context)
            # The debugger would look for a socket that has no name here, ten times a second.
            self.debug_shell_socket.disconnect(self.shell_socket.getsockopt(zmq.LAST_ENDPOINT))

    def _bind(socket, ip, port):
        socket.setsockopt(zmq.USE_FD, config["sockets"][str(port)])
        socket.bind(f"ipc://{ip}-{port}")

    kernelapp.Heartbeat = Heartbeat
    app = App.instance(transport="ipc", ip="kernel", ignore_cwd=True)
    for port, channel in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1):
        setattr(app, f"{channel}_port", port)
    app.session.key = config["key"].encode()
    app.config.HistoryManager.enabled = False
    app.initialize([])
    return app


def main(config, ready):
    """Limits, the submission's files, the kernel; returns when it has been shut down.

    Args:
        config: dict, see `provisioner.py`. ready: file descriptor to write to when the kernel is up.
    """
    close_all_but({ready, *config["sockets"].values()})
    set_limits(config["limits"])
    sys.path.insert(0, config["course"])
    fill_home(config["submission"], os.getcwd(), config["copied"])
    app = kernel(config)
    # A student's torch.py must not come before torch; a helper beside the notebook must be found.
    sys.path.append(os.getcwd())
    os.write(ready, b"1")
    os.close(ready)
    app.start()
