"""The global random streams that a run draws from and must leave as they were."""

import torch


def forked(device):
    """A context in which drawing at random, on the CPU and on a device, leaves the caller's state alone."""
    device = torch.device(device)
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
