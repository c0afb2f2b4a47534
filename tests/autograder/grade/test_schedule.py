"""The cluster of processes on this machine: what it opens."""

import contextlib
import socket
import warnings
from http.client import HTTPConnection

import psutil

from autograder.grade.schedule import connected


def answers(port, page):
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", page)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_shows_no_pages_and_minds_no_other_cluster(tmp_path):
    def ports():  # in here, so that it goes to the worker as it is
        found = psutil.Process().net_connections("tcp")
        return [tuple(one.laddr) for one in found if one.status == psutil.CONN_LISTEN]

    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.socket())
        with contextlib.suppress(OSError):  # somebody else's cluster does as well
            other.bind(("", 8787))
            other.listen()
        stack.enter_context(warnings.catch_warnings(action="error", category=UserWarning))
        before = set(ports())
        client = stack.enter_context(connected(None, 1, str(tmp_path)))
        (worker,) = client.run(ports).values()
        listening = [*set(ports()).difference(before), *worker]
        assert len(listening) >= 3 and {host for host, _ in listening} == {"127.0.0.1"}
        known = client.scheduler_info()
        (worker,) = known["workers"].values()
        for services in (known["services"], worker["services"]):
            for page in ("/health", "/metrics", "/info/main/workers.html", "/json/identity.json"):
                assert answers(services["dashboard"], page) == 404, (services, page)
