"""The playground's engine in Node: one process, which answers calls of answers.mjs line by line."""

from pathlib import Path

import node_process
import pytest


@pytest.fixture(scope="session")
def engine():
    with node_process.started(Path(__file__).with_name("answers.mjs")) as engine:
        yield engine
