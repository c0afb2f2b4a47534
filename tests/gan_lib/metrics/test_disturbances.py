"""Disturbances of images: nothing at strength 0, what the docstrings say beyond, errors that name values."""

import math

import pytest
import torch

from gan_lib.metrics import DISTURBANCES
from gan_lib.metrics.disturbances import (
    gaussian_blur,
    gaussian_noise,
    rectangles,
    salt_and_pepper,
    swirl,
)

every = pytest.mark.parametrize("name", DISTURBANCES)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=4, channels=3, size=20, seed=1):
    return torch.randint(0, 256, (n, channels, size, size), generator=draws(seed), dtype=torch.uint8)


@every
def test_strength_0_changes_nothing_and_returns_a_copy(name):
    x = images()
    result = DISTURBANCES[name](x, 0, draws())
    assert torch.equal(result, x) and result.data_ptr() != x.data_ptr()


@every
def test_changes_more_at_a_greater_strength_and_leaves_its_input_alone(name):
    x = gaussian_blur(images(n=16), 2)  # smooth, as photographs are
    kept = x.clone()
    changes = [
        (DISTURBANCES[name](x, strength, draws()).float() - x).abs().mean() for strength in (0.1, 0.5, 0.9)
    ]
    assert 0 <= changes[0] < changes[1] < changes[2]
    assert torch.equal(x, kept)


@every
@pytest.mark.parametrize("channels", [1, 3])
def test_keeps_shape_type_and_is_decided_by_the_generator(name, channels):
    x = images(channels=channels)
    first, second = (DISTURBANCES[name](x, 0.4, draws(3)) for _ in range(2))
    assert (first.shape, first.dtype) == (x.shape, torch.uint8)
    assert torch.equal(first, second)


@every
@pytest.mark.parametrize("strength", [-0.1, math.inf, math.nan])
def test_refuses_a_strength_out_of_range(name, strength):
    with pytest.raises(ValueError, match=f"strength of a disturbance must be .* got {strength}"):
        DISTURBANCES[name](images(), strength, draws())


@every
def test_refuses_floats(name):
    with pytest.raises(ValueError, match="must be uint8"):
        DISTURBANCES[name](images().float(), 0.5, draws())


def test_noise_alone_has_its_mean_and_standard_deviation():
    x = gaussian_noise(images(n=64), 1.0, draws()).double()
    assert x.mean() == pytest.approx(128, abs=1)
    assert x.std() == pytest.approx(62, abs=2)  # 64, less what lies outside 0 ... 255


def test_blur_keeps_constant_images_and_spreads_a_point_by_its_standard_deviation():
    flat = torch.full((1, 1, 12, 12), 77, dtype=torch.uint8)
    assert torch.equal(gaussian_blur(flat, 2.5), flat)
    point = torch.zeros(1, 1, 41, 41, dtype=torch.uint8)
    point[..., 20, 20] = 255
    mass = gaussian_blur(point, 1.5)[0, 0].double().sum(0)
    offset = torch.arange(41) - 20
    # rounding to whole grey values loses the tails
    assert ((mass * offset**2).sum() / mass.sum()).sqrt() == pytest.approx(1.5, rel=0.1)


def test_rectangles_blacken_squares_of_the_stated_size():
    white = torch.full((50, 1, 20, 20), 255, dtype=torch.uint8)
    one = rectangles(white, 0.25, draws(), count=1)
    assert ((one == 0).sum((1, 2, 3)) == 25).all()
    assert (rectangles(white, 1.0, draws()) == 0).all()


def test_salt_and_pepper_hits_its_share_half_white_in_all_channels():
    grey = torch.full((50, 3, 20, 20), 100, dtype=torch.uint8)
    x = salt_and_pepper(grey, 0.2, draws())
    assert (x == 255).double().mean() == pytest.approx(0.1, abs=0.01)
    assert (x == 0).double().mean() == pytest.approx(0.1, abs=0.01)
    assert (x == x[:, :1]).all()


def test_swirl_turns_the_middle_and_leaves_what_is_round():
    y, x = torch.meshgrid(torch.arange(41) - 20, torch.arange(41) - 20, indexing="ij")
    disc = ((x**2 + y**2 < 120).to(torch.uint8) * 200)[None, None]
    assert (swirl(disc, 3.0).float() - disc).abs().mean() < 4  # resampled, so not to the last bit
    half = ((x > 0).to(torch.uint8) * 200)[None, None]
    assert (swirl(half, 3.0).float() - half).abs().mean() > 10
