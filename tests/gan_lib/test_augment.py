"""Noise and augmentation: their distributions, and gradients through them."""

import math

import pytest
import torch

from gan_lib.augment import AUGMENTATIONS, diff_augment, instance_noise


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_instance_noise_has_the_given_spread_and_lets_gradients_through():
    x = torch.full((200, 100), 5.0, requires_grad=True)
    noisy = instance_noise(x, 0.3, seeded())
    assert (noisy - x).std().item() == pytest.approx(0.3, rel=0.03)
    assert (noisy - x).mean().item() == pytest.approx(0, abs=0.01)
    noisy.sum().backward()
    assert x.grad.eq(1).all()
    assert instance_noise(x, 0.0).equal(x)
    assert instance_noise(x.half(), 0.1).dtype == torch.half
    with pytest.raises(ValueError, match=r"std must not be negative, got -0\.1"):
        instance_noise(x, -0.1)


@pytest.mark.parametrize("policy", [*((name,) for name in AUGMENTATIONS), tuple(AUGMENTATIONS)])
def test_augmentation_draws_from_its_generator_alone(policy):
    x = torch.randn(8, 3, 16, 12)
    state = torch.get_rng_state()
    first, same, other = (diff_augment(x, policy, seeded(seed)) for seed in (0, 0, 1))
    assert first.equal(same) and not first.equal(other)
    assert first.shape == x.shape
    assert torch.get_rng_state().equal(state)
    assert not diff_augment(x, policy).equal(diff_augment(x, policy))
    rows = x[:1].expand(8, -1, -1, -1)
    transformed = diff_augment(rows, policy, seeded())
    assert any(not transformed[0].equal(row) for row in transformed[1:])  # every sample its own transform


@pytest.mark.parametrize("policy", [*((name,) for name in AUGMENTATIONS), tuple(AUGMENTATIONS)])
def test_augmentation_is_differentiable(policy):
    x = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: diff_augment(v, policy, seeded()), x)
    assert torch.autograd.gradgradcheck(lambda v: diff_augment(v, policy, seeded()).square(), x)


@pytest.mark.parametrize("height, width", [(32, 32), (9, 20), (3, 3)])
def test_translation_moves_by_up_to_an_eighth_and_fills_with_zero(height, width):
    x = torch.rand(1, 2, height, width) + 1  # no zeros of its own
    most_y, most_x = int(height / 8 + 0.5), int(width / 8 + 0.5)
    padded = torch.nn.functional.pad(x[0], (most_x, most_x, most_y, most_y))
    shifts = {
        (dy, dx): padded[:, dy : dy + height, dx : dx + width]
        for dy in range(2 * most_y + 1)
        for dx in range(2 * most_x + 1)
    }
    n = 40 * len(shifts)
    moved = diff_augment(x.expand(n, -1, -1, -1), ("translation",), seeded())
    counts = [int((moved == shift).flatten(1).all(1).sum()) for shift in shifts.values()]
    assert sum(counts) == n  # every result is one of the shifts
    # each count is binomial with mean 40: six standard deviations
    assert all(abs(count - 40) < 6 * math.sqrt(40) for count in counts)


@pytest.mark.parametrize("size", [8, 10, 7])
def test_cutout_empties_a_square_of_half_the_size(size):
    x = torch.ones(2000, 1, size, size)
    cut = diff_augment(x, ("cutout",), seeded())
    length = int(size / 2 + 0.5)
    centres = size + 1 - length % 2
    places = [range(max(c - length // 2, 0), min(c - length // 2 + length, size)) for c in range(centres)]
    expected = set()
    for rows in places:
        for columns in places:
            window = torch.ones(size, size)
            window[rows.start : rows.stop, columns.start : columns.stop] = 0
            expected.add(tuple(window.flatten().tolist()))
    assert {tuple(image.flatten().tolist()) for image in cut} == expected


def test_colour_changes_brightness_saturation_and_contrast_within_their_ranges():
    n = 4000
    grey = torch.full((n, 3, 4, 4), 0.2)
    brighter = diff_augment(grey, ("colour",), seeded())
    # a uniform grey has neither saturation nor contrast: all that changes is brightness
    assert brighter.flatten(1).var(1).max() < 1e-10
    moved = brighter[:, 0, 0, 0] - 0.2
    assert -0.5 <= moved.min() < -0.49 and 0.49 < moved.max() <= 0.5
    # (c, -c): the grey of every pixel is 0, so the images' spread shows both factors, U(0, 2) U(0.5, 1.5)
    coloured = torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1).expand(n, 2, 4, 4)
    spread = diff_augment(coloured, ("colour",), seeded(1))[:, :, 0, 0]
    factor = (spread[:, 0] - spread[:, 1]) / 2
    assert 0 <= factor.min() < 0.05 and 2.5 < factor.max() <= 3
    assert factor.mean().item() == pytest.approx(1, abs=0.05)
    # grey images keep their saturation: contrast alone, U(0.5, 1.5)
    light = torch.tensor([1.0, -1.0]).reshape(1, 1, 1, 2).expand(n, 3, 4, 2)
    spread = diff_augment(light, ("colour",), seeded(2))
    contrast = (spread[..., 0] - spread[..., 1])[:, 0, 0] / 2
    assert 0.5 <= contrast.min() < 0.51 and 1.49 < contrast.max() <= 1.5


def test_policies_and_shapes_are_checked():
    with pytest.raises(ValueError, match="some of colour, translation, cutout; got 'color'"):
        diff_augment(torch.zeros(1, 3, 8, 8), ("color",))
    with pytest.raises(ValueError, match=r"must be \(B, C, H, W\), got shape \(3, 2\)"):
        diff_augment(torch.zeros(3, 2))
    x = torch.randn(2, 3, 4, 4)
    assert diff_augment(x, ()).equal(x)
