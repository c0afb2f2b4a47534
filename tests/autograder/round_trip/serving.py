"""A Jupyter server where commands of a course are typed, as an instructor starts it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

TOKEN = "of-the-test"


class Serving:
    """The server's address and process, and what it answers."""

    def __init__(self, port, process):
        self.address, self.process = f"http://127.0.0.1:{port}", process

    def answer(self, page, data=None, method=None):
        """The response, of GET or, if there is something to put there, of PUT; an error's, too."""
        body = None if data is None else json.dumps(data).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = Request(
            f"{self.address}/{page}", body, headers, method=method or ("PUT" if body else "GET")
        )
        try:
            return urlopen(request, timeout=60)
        except HTTPError as error:
            return error

    def ask(self, page, data=None):
        """The text of a page."""
        response = self.answer(page, data)
        assert response.status == 200, f"{page}: {response.status}"
        return response.read().decode()


@contextlib.contextmanager
def serving(course):
    """Yields a Serving that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", f"--ServerApp.token={TOKEN}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (course.parent / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=course.parent, env=os.environ | {"PATH": path}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            found = Serving(port, server)
            _wait_for(lambda: found.ask("api"), server)
            yield found
        finally:
            server.terminate()
            server.wait()


def _wait_for(answer, server, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            return answer()
        except URLError:
            time.sleep(0.3)
    raise AssertionError("no answer from jupyter server")
