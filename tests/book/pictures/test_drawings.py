"""The drawings are true: shapes are the models', counts those of a transposed convolution of ones."""

import re

import drawings
import pytest
import torch
from torch import nn

from gan_lib.networks import dcgan_discriminator, dcgan_generator
from gan_lib.objectives import non_saturating


def shapes(network, inputs):
    """(channels, side) of the images that a network's layers pass on, each shape once where it stays."""
    seen = []
    for layer in network:
        inputs = layer(inputs)
        shape = tuple(inputs.shape[1:3])
        if inputs.dim() == 4 and inputs.shape[2] == inputs.shape[3] and (not seen or seen[-1] != shape):
            seen.append(shape)
    return seen, inputs


@torch.no_grad()
def test_the_pair_has_the_models_shapes():
    generator, discriminator = dcgan_generator().eval(), dcgan_discriminator().eval()
    layers = [layer for layer in generator if not isinstance(layer, nn.Tanh)]
    assert generator[0].in_features == drawings.LATENT
    found, images = shapes(layers, torch.randn(2, drawings.LATENT))
    # the last transposed convolution makes one row and column too many, which the layer after it cuts off
    assert [shape for shape in found if shape != (3, 33)] == drawings.GENERATOR
    found, logits = shapes(discriminator, images)
    assert [(3, 32), *found] == drawings.DISCRIMINATOR
    assert logits.shape == (2, 1)
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    convolutions = [layer for layer in (*generator, *discriminator) if isinstance(layer, kinds)]
    assert {layer.kernel_size for layer in convolutions} == {(4, 4)}
    assert [layer.stride[0] for layer in convolutions] == [2, 2, 2, 1, 2, 2, 2]
    for channels, side in drawings.GENERATOR + drawings.DISCRIMINATOR[1:]:
        assert f">{side} × {side}</text>" in drawings.pair() and f">× {channels}</text>" in drawings.pair()


@pytest.mark.parametrize("kernel, stride", [(4, 2), (5, 2), (3, 2), (7, 3)])
def test_counts_are_those_of_a_transposed_convolution_of_ones(kernel, stride):
    ones = torch.ones(1, 1, 12, 12)
    written = nn.functional.conv_transpose2d(ones, torch.ones(1, 1, kernel, kernel), stride=stride)[0, 0]
    start = stride * kernel  # away from the border, at an output that the first entry of a kernel falls on
    counts = torch.tensor(drawings.writes(kernel, stride, 6))
    assert torch.equal(written[start : start + 6, start : start + 6].long(), counts[:, None] * counts)


def test_the_checkerboard_is_drawn():
    drawn = ("".join(drawings._overlap(0, kernel)) for kernel in (4, 5))
    shades = [set(re.findall(r"shade\d", markup)) for markup in drawn]
    assert shades == [{"shade2", "shade4"}, {"shade2", "shade3", "shade4", "shade6", "shade9"}]


def test_gradients_flow_as_the_game_is_drawn():
    """Detached, the discriminator's loss reaches itself alone; the generator's loss reaches both."""
    generator, discriminator = nn.Linear(2, 2), nn.Linear(2, 1)
    noise, data = torch.randn(3, 2), torch.randn(3, 2)
    fake = generator(noise).detach()
    non_saturating.discriminator(discriminator(data), discriminator(fake)).backward()
    assert generator.weight.grad is None and discriminator.weight.grad.any()
    discriminator.zero_grad()
    non_saturating.generator(discriminator(generator(noise))).backward()
    assert generator.weight.grad.any() and discriminator.weight.grad.any()
