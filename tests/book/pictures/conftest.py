"""The pictures' modules in Node."""

from pathlib import Path

import node_process
import pytest


@pytest.fixture(scope="session")
def ask():
    with node_process.started(Path(__file__).with_name("answers.mjs")) as engine:
        yield engine
