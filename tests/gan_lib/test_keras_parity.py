"""The DCGAN pair against Keras itself: recorded weights in, Keras' outputs and one update of training out.

fixtures/make_keras_parity.py made the record, with TensorFlow, and says what it holds.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gan_lib.networks import (
    CropEnd,
    FlattenHWC,
    KerasBatchNorm,
    UnflattenHWC,
    dcgan_discriminator,
    dcgan_generator,
)
from gan_lib.objectives import non_saturating
from gan_lib.training import KerasAdam, alternating_step, simultaneous_step

LATENT_DIM, WIDTH = 16, 4
# absolute for outputs and losses, relative (norm of difference by norm of change) for the rest
TOLERANCES = {
    "fake": 1e-5,
    "logits": 1e-5,
    "losses": 1e-5,
    "generator": 1e-4,
    "discriminator": 1e-4,
    "moving": 1e-4,
}


@pytest.fixture(scope="module")
def keras():
    with np.load(Path(__file__).parent / "fixtures" / "keras_parity.npz") as record:
        return {key: torch.from_numpy(record[key]).double() for key in record.files}


def as_in_torch(weight):
    """Keras kernels: dense (in, out); convolution (h, w, in, out); transposed convolution (h, w, out, in)."""
    return weight.permute(3, 2, 0, 1) if weight.dim() == 4 else weight.T if weight.dim() == 2 else weight


def named_slots(network):
    """(name, tensor) in the order of Keras' `weights`."""
    for module in network.modules():
        for name in ("weight", "bias", "running_mean", "running_var"):
            slot = getattr(module, name, None)
            if slot is not None:
                yield name, slot


def measure(keras, dtype=torch.float64, alter=None, step=simultaneous_step, adam=KerasAdam):
    """The distance between Keras and us in everything recorded: {name of TOLERANCES: number}."""
    networks = {
        "generator": dcgan_generator(LATENT_DIM, WIDTH).to(dtype),
        "discriminator": dcgan_discriminator(WIDTH, dropout=0.0).to(dtype),
    }
    for name, network in networks.items():
        if alter is not None:
            alter(network)
        for i, (_, slot) in enumerate(named_slots(network)):
            slot.data.copy_(as_in_torch(keras[f"{name}/{i:02d}"]))
    generator, discriminator = networks.values()
    noise, real = keras["noise"].to(dtype), keras["real"].permute(0, 3, 1, 2).to(dtype)
    with torch.no_grad():
        fake = generator.eval()(noise).permute(0, 2, 3, 1)
        logits = discriminator.eval()(real)
    optimizers = [adam(network.train().parameters(), 1e-4, (0.5, 0.999)) for network in networks.values()]
    losses = torch.stack(step(generator, discriminator, *optimizers, real, noise, non_saturating))
    found = {"fake": fake, "logits": logits, "losses": losses}
    distances = {name: (value - keras[name]).abs().max().item() for name, value in found.items()}
    changes = {"generator": [], "discriminator": [], "moving": []}
    for name, network in networks.items():
        for i, (kind, slot) in enumerate(named_slots(network)):
            ours = slot.detach().double() - as_in_torch(keras[f"{name}/{i:02d}"])
            theirs = as_in_torch(keras[f"{name}/{i:02d}/change"])
            changes["moving" if kind.startswith("running") else name].append((ours - theirs, theirs))
    for name, pairs in changes.items():
        error, size = (torch.cat([pair[k].flatten() for pair in pairs]).norm() for k in (0, 1))
        distances[name] = (error / size).item()
    return distances


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_and_one_update_equal_keras(keras, dtype, layout):
    distances = measure(keras, dtype, alter=lambda network: network.to(memory_format=layout))
    assert all(distances[name] < tolerance for name, tolerance in TOLERANCES.items()), distances


def replace(old, new):
    def alter(network):
        for i, module in enumerate(network):
            if isinstance(module, old):
                network[i] = new()

    return alter


class CropStart(nn.Module):
    def forward(self, x):
        return x[..., 1:, 1:]


class UnbiasedBatchNorm(KerasBatchNorm):
    def forward(self, x):
        statistics = self.running_mean, self.running_var
        return F.batch_norm(x, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)


def use_unbiased_variance(network):
    for module in network:
        if isinstance(module, KerasBatchNorm):
            module.__class__ = UnbiasedBatchNorm


@pytest.mark.parametrize(
    ("noticed", "change"),
    [
        pytest.param("fake", {"alter": replace(CropEnd, CropStart)}, id="crop at the start"),
        pytest.param(
            "fake", {"alter": replace(UnflattenHWC, lambda: nn.Unflatten(1, (8 * WIDTH, 4, 4)))}, id="CHW in"
        ),
        pytest.param("logits", {"alter": replace(FlattenHWC, nn.Flatten)}, id="CHW out"),
        pytest.param("logits", {"alter": replace(nn.LeakyReLU, lambda: nn.LeakyReLU(0.2))}, id="slope 0.2"),
        pytest.param("moving", {"alter": use_unbiased_variance}, id="unbiased moving variance"),
        pytest.param("generator", {"step": alternating_step}, id="alternating update"),
        pytest.param(
            "generator", {"adam": lambda *args: torch.optim.Adam(*args, eps=1e-7)}, id="PyTorch's epsilon"
        ),
    ],
)
def test_the_comparison_notices(keras, noticed, change):
    distances = measure(keras, **change)
    assert distances[noticed] > 10 * TOLERANCES[noticed], distances
