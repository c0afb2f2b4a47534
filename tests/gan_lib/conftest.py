"""Shared by the tests that train small networks."""

import pytest
import torch


@pytest.fixture(scope="module")
def one_thread():
    """Networks this small are slower with more, above all where other programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
