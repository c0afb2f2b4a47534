"""Whatever a student's side answers is an answer, or a failure of the checks that asked, not the engine's."""

import copy
import os
import random
import socket

import pytest
import torch
from torch import nn

from autograder.engine import protocol, snapshot
from autograder.engine.proxies import Link, Remote, RemoteFunction

CODE = """
import torch
from torch import nn
def f(x): return {"a": [x, 1.5, (True, None)], "b": {2, 3}, 4: torch.float32, "s": torch.Size([2])}
def g(net, optimizer, x):
    loss = net(x).sum(); loss.backward(); optimizer.step(); optimizer.zero_grad(); return loss
def h(x): return lambda: x
answer = {"A", 1.5}
"""
NASTY = [
    None,
    True,
    -1,
    0,
    1,
    2**63,
    10**400,
    "",
    "f",
    "tensor",
    "name",
    "handle",
    [],
    [[]],
    {},
    {"a": 1},
    ["dict", [[], 1]],
    ["list"],
    ["set", ["list"]],
    ["tensor", 0],
    ["tensor", -1],
    ["tensor", 10**9],
    ["tensor", "x"],
    ["array", 0],
    ["float", "x"],
    ["float", "0x1p99999"],
    ["size", -1],
    ["size", 2**70],
    ["numpy", "int8", 300],
    ["numpy", "O", 1],
    ["dtype", "Tensor"],
    ["device", "x:y"],
    ["device", "cuda:99999999999"],
    ["bytes", "é"],
    ["complex", "1"],
    ["function", [], "x", "function"],
    ["function", None, "x", "function"],
    ["function", ["name"], "x", "function"],
    ["function", ["name", 3], "x", "y"],
    ["function", ["handle", [1]], "x", "y"],
    ["function", ["tensor", 0], "x", "y"],
    ["object", ["handle", ["a", "b"]], "x", "y"],
    ["object"],
    ["module"],
    ["module", 3],
    ["module", ["sys"]],
    ["unsendable"],
    ["unknown", 1],
    "\ud800",
    ["str", "\ud800"],
    ["error", [["ValueError"], "x", [0, False, False]]],
    [["ValueError"], 3],
    [[], "x"],
    [["SystemExit"], "x", [3, True, False]],
    [["StopIteration"], "x", [3, True, False]],
    [["UnicodeDecodeError"], "x", [10**30, False, True]],
    [["TooLong"], "x", [-1, True, True]],
    [["ValueError", 3], "x", [0, False, False]],
    [["ValueError"], "x", ["a", False, False]],
    ["list", ["list", ["list"]]],
    ["new", 0, "float32", 0, [2**40], [0], "plain", None],
]


def forge(reply, chance):
    """A reply with one place of its data changed, or of its bytes."""
    text, *blobs = reply
    if chance.random() < 0.15:
        raw = bytearray(chance.choice([text, *blobs]) or b"x")
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        return [bytes(raw), *blobs] if chance.random() < 0.5 else [text, bytes(raw)]
    data = protocol.loads(text)
    places = []

    def walk(node):
        if isinstance(node, list):
            for number, one in enumerate(node):
                places.append((node, number))
                walk(one)

    walk(data)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        node, number = chance.choice(
            places[1:] or places
        )  # the number of the call stays: else nothing is read
        if number < len(node):
            node[number] = (
                copy.deepcopy(chance.choice(NASTY)) if chance.random() < 0.8 else copy.deepcopy(data)
            )
            if chance.random() < 0.1:
                del node[number]
    try:
        return [protocol.dumps(data), *blobs]
    except (ValueError, protocol.Unsendable):
        return reply


class Forger(snapshot.Worker):
    def __init__(self, connection, names, seed):
        super().__init__(connection, names)
        self.chance = random.Random(seed)

    def answer(self, *request):
        reply = super().answer(*request)
        return forge(reply, self.chance) if self.chance.random() < 0.7 else reply


@pytest.mark.parametrize("seed", range(40))
def test_forged_replies_are_failures_of_who_asked(seed):
    names = {"__name__": "__main__"}
    exec(CODE, names)
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        try:
            ours.close()
            Forger(theirs, names, seed).work()
        finally:
            os._exit(1)
    theirs.close()
    link = Link(ours, lambda: (1.0, 0.5))
    try:
        for _ in range(25):
            try:
                found = link.lookup(["f", "g", "h", "answer", "absent"])
                for name in ("f", "g", "h"):
                    if not isinstance(found.get(name), Remote):
                        continue
                    net = nn.Linear(2, 1)
                    arguments = (net, torch.optim.Adam(net.parameters()), torch.ones(3, 2))
                    arguments = arguments if name == "g" else (torch.ones(2, requires_grad=True),)
                    if isinstance(found[name], RemoteFunction):
                        result = found[name](*arguments)
                        if isinstance(result, torch.Tensor) and result.requires_grad:
                            result.sum().backward()
            except Exception:  # all that `Checker` takes for a failure of the cell
                pass
            assert link.broken is None
            if link.dead:
                break
    finally:
        ours.close()
        os.kill(pid, 9)
        os.waitpid(pid, 0)
