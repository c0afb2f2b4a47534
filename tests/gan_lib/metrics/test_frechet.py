"""The Fréchet distance against closed forms, the reference programs, and its own properties."""

import itertools
import math
import warnings

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from gan_lib.data import load_images
from gan_lib.metrics import (
    Moments,
    bias_curve,
    frechet_distance,
    frechet_distance_of_gaussians,
    frechet_infinity,
)

seeds = st.integers(0, 2**31)


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def features(n, d, seed=0, decay=2.0):
    """Correlated, with standard deviations that fall over so many powers of ten, like those of networks."""
    mix = torch.linalg.qr(normal(d, d, seed=99))[0]
    return normal(n, d, seed) * torch.logspace(0, -decay, d, dtype=torch.float64) @ mix + 0.3


def statistics(x):
    return x.mean(0), torch.cov(x.T)


def pytorch_fid(mean_a, covariance_a, mean_b, covariance_b):
    """The formula of pytorch-fid 0.3.0, fid_score.calculate_frechet_distance."""
    root = scipy.linalg.sqrtm(covariance_a.numpy() @ covariance_b.numpy()).real
    difference = (mean_a - mean_b).numpy()
    return difference @ difference + np.trace(covariance_a) + np.trace(covariance_b) - 2 * np.trace(root)


def exact(a, b):
    """Through the singular values of the samples themselves, which no covariance has squared."""
    left, right = ((x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (a, b))
    cross = torch.linalg.svdvals(left @ right.T).sum()
    shift = (a.mean(0) - b.mean(0)).square().sum()
    return (shift + left.square().sum() + right.square().sum() - 2 * cross).item()


@pytest.mark.parametrize("d", [2, 7, 128])
def test_agrees_with_pytorch_fid_torch_fidelity_and_torchmetrics(d):
    a, b = features(5 * d + 10, d), 1.3 * features(4 * d + 10, d, seed=1) + 0.1
    ours = frechet_distance(a, b)
    assert ours == pytest.approx(pytorch_fid(*statistics(a), *statistics(b)), rel=1e-6)
    assert ours == pytest.approx(_compute_fid(*statistics(a), *statistics(b)).item(), rel=1e-6)
    theirs = fid_statistics_to_metric(*map(fid_features_to_statistics, (a, b)), verbose=False)
    assert ours == pytest.approx(theirs["frechet_inception_distance"], rel=1e-6)
    assert ours == pytest.approx(frechet_distance_of_gaussians(*statistics(a), *statistics(b)), rel=1e-10)


@pytest.mark.parametrize("decay", [0.0, 3.0, 7.0])
@pytest.mark.parametrize("n, m", [(400, 300), (40, 300), (40, 25)])
def test_is_exact_however_small_the_sample_and_however_ill_conditioned_the_covariance(n, m, decay):
    a, b = features(n, 64, decay=decay), 1.1 * features(m, 64, seed=1, decay=decay)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert frechet_distance(a, b) == pytest.approx(exact(a, b), rel=1e-9)
    assert [str(x)[:2] for x in (w.message for w in caught)] == [str(x) for x in (n, m) if x <= 64]


def test_commuting_covariances_are_the_closed_form():
    s, t = torch.rand(2, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) + 0.1
    mix = torch.linalg.qr(normal(30, 30))[0]
    shift = normal(1, 30, seed=4)[0]
    closed = (shift.square().sum() + (s - t).square().sum()).item()
    value = frechet_distance_of_gaussians(torch.zeros(30), mix * s**2 @ mix.T, shift, mix * t**2 @ mix.T)
    assert value == pytest.approx(closed, rel=1e-12)


def test_sees_two_moments_only_a_coin_is_a_normal_to_it():
    coin = torch.tensor([[-1.0], [1.0]]).repeat(500, 1)
    same = torch.distributions.Normal(0, 1).icdf((torch.arange(1000.0) + 0.5) / 1000)[:, None].double()
    same = same / same.std() * coin.std()
    assert frechet_distance(coin, same) == pytest.approx(0, abs=1e-12)
    assert frechet_distance_of_gaussians([0.0], [[1.0]], [0.0], [[1.0]]) == pytest.approx(0, abs=1e-12)
    assert frechet_distance_of_gaussians([0.0], [[1.0]], [2.0], [[9.0]]) == pytest.approx(8)  # squared W2


@given(seeds, st.integers(1, 6), st.integers(2, 20), st.integers(2, 20))
@settings(max_examples=40)
@pytest.mark.filterwarnings("ignore:.*singular:RuntimeWarning")
def test_zero_at_itself_symmetric_nonnegative_and_blind_to_rotations(seed, d, n, m):
    a, b = normal(n, d, seed), normal(m, d, seed + 1) * 3 + 1
    rotation = torch.linalg.qr(normal(d, d, seed + 2))[0]
    value = frechet_distance(a, b)
    assert value >= 0
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(b, a) == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert frechet_distance(a @ rotation + 5, b @ rotation + 5) == pytest.approx(value, rel=1e-8, abs=1e-10)
    assert frechet_distance(2 * a, 2 * b) == pytest.approx(4 * value, rel=1e-9, abs=1e-12)


@given(seeds, st.integers(1, 5000), st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=20)
def test_moments_do_not_depend_on_the_batches(seed, size, dtype):
    x = (features(5000, 8, seed % 1000) + 100).to(dtype)
    whole, parts = Moments().update(x), Moments()
    for batch in x[torch.randperm(5000, generator=torch.Generator().manual_seed(seed))].split(size):
        parts.update(batch)
    torch.testing.assert_close(parts.mean, x.double().mean(0), rtol=1e-10, atol=0)
    torch.testing.assert_close(parts.covariance, torch.cov(x.double().T), rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(parts.covariance, whole.covariance, rtol=1e-9, atol=1e-12)
    other = features(5000, 8, 1)
    assert frechet_distance(parts, other) == pytest.approx(frechet_distance(whole, other), rel=1e-10)


def test_moments_merge_in_any_order_and_leave_the_other_alone():
    x = features(90, 5)
    parts = [Moments().update(x[i::3][: 30 - i]) for i in range(3)]
    seen = torch.cat([x[i::3][: 30 - i] for i in range(3)])
    before = parts[1].scatter.clone()
    for order in ([0, 1, 2], [2, 0, 1]):
        merged = Moments()
        for i in order:
            merged.merge(parts[i])
        assert merged.count == 87
        torch.testing.assert_close(merged.mean, seen.mean(0), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(merged.covariance, torch.cov(seen.T), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(parts[1].scatter, before, rtol=0, atol=0)
    assert Moments().update(x).merge(Moments()).update(x[:0]).count == 90


def test_moments_refuse_what_is_no_feature():
    with pytest.raises(ValueError, match=r"floats \(n, d\), got torch.float32 of shape \(3,\)"):
        Moments().update(torch.zeros(3))
    with pytest.raises(ValueError, match=r"torch\.uint8"):
        Moments().update(torch.zeros(3, 2, dtype=torch.uint8))
    for bad in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="finite"):
            Moments().update(torch.tensor([[1.0], [bad]]))
    with pytest.raises(ValueError, match="4 dimensions as before, got 3"):
        Moments().update(torch.zeros(2, 4)).update(torch.zeros(2, 3))
    for few in (Moments(), Moments().update(torch.zeros(1, 4))):
        with pytest.raises(ValueError, match=f"at least 2 samples, got {few.count}"):
            _ = few.covariance


def test_gaussians_must_be_gaussians():
    eye, zero = torch.eye(2), torch.zeros(2)
    with pytest.raises(ValueError, match=r"one d, got .*\(3,\)"):
        frechet_distance_of_gaussians(zero, eye, torch.zeros(3), torch.eye(3))
    with pytest.raises(ValueError, match="finite"):
        frechet_distance_of_gaussians(zero, eye * torch.nan, zero, eye)
    for bad in (
        [[1.0, 2.0], [2.0, 1.0]],
        [[0.0, 1.0], [1.0, 0.0]],
        [[-1.0, 0.0], [0.0, 1.0]],
        [[1.0, 0.5], [0, 1]],
    ):
        with pytest.raises(ValueError, match="positive semidefinite"):
            frechet_distance_of_gaussians(zero, torch.tensor(bad), zero, eye)


def test_no_variance_at_all_leaves_the_means():
    a, b = torch.zeros(5, 3), torch.ones(5, 3) * 2
    assert frechet_distance_of_gaussians(*statistics(a), *statistics(b)) == pytest.approx(12)


def test_bias_of_two_equal_samples_is_the_leading_order():
    d, n = 16, 400
    values = [frechet_distance(normal(n, d, 2 * i), normal(n, d, 2 * i + 1)) for i in range(60)]
    mean, error = np.mean(values) * n, np.std(values) * n / math.sqrt(len(values))
    theory = 2 * d + d * (d + 1) / 2
    assert error < 0.02 * theory
    assert mean == pytest.approx(theory, abs=4 * error + 0.03 * theory)  # the next order is O(d/n)


def test_extrapolation_removes_the_bias_of_the_generated_sample():
    d = 16
    known = Moments()  # its sample is large: what it lacks is far below the bias of the other
    known.update(normal(200_000, d, 7))
    fake = normal(4000, d, 8)
    generator = torch.Generator().manual_seed(0)
    result = frechet_infinity(known, fake, generator)
    assert len(result.sizes) == 15 and result.sizes[0] == 400 and result.sizes[-1] == 4000
    assert abs(result.distance) < frechet_distance(known, fake) / 4
    assert result.slope == pytest.approx(d + d * (d + 1) / 4, rel=0.3)  # half of the bias of two samples
    again = frechet_infinity(known, fake, torch.Generator().manual_seed(0))
    assert again.distance == result.distance
    line = np.polyfit(1 / result.sizes.numpy(), result.distances.numpy(), 1)
    assert (result.slope, result.distance) == pytest.approx(tuple(line), rel=1e-6, abs=1e-9)


def test_bias_curve_falls_and_ends_at_the_whole_sample():
    real, fake = features(2000, 6), features(2000, 6, 1)
    curve = bias_curve(real, fake, [50, 200, 2000], torch.Generator().manual_seed(0))
    assert curve[0] > curve[1] > curve[2]
    assert curve[2].item() == pytest.approx(frechet_distance(real, fake), rel=1e-9)
    with pytest.raises(ValueError, match=r"2 \.\.\. 2000, the number of samples; got 2001"):
        bias_curve(real, fake, [2001], torch.Generator())
    with pytest.raises(ValueError, match=r"two different sizes, got \[100, 100\]"):
        frechet_infinity(real, fake, torch.Generator(), sizes=[100, 100])


def _noise(x, level, generator):
    return (1 - level) * x + level * torch.rand(x.shape, generator=generator)


def _blur(x, level, generator):
    if level == 0:
        return x
    at = torch.arange(-3 * level, 3 * level + 1.0)
    kernel = torch.exp(-(at**2) / (2 * level**2))
    kernel = kernel / kernel.sum()
    x = F.conv2d(x, kernel.view(1, 1, 1, -1), padding=(0, 3 * level))
    return F.conv2d(x, kernel.view(1, 1, -1, 1), padding=(3 * level, 0))


def _rectangles(x, level, generator):
    """Five a picture, their sides so large a part of its own."""
    x, side = x.clone(), int(level * x.shape[-1])
    for _ in range(5):
        corners = torch.randint(x.shape[-1] - side + 1, (len(x), 2), generator=generator)
        at = torch.arange(x.shape[-1])
        inside = (at >= corners[..., None]) & (at < corners[..., None] + side)
        x.masked_fill_((inside[:, 0, :, None] & inside[:, 1, None, :])[:, None], 0.0)
    return x


def _salt_and_pepper(x, level, generator):
    hit = torch.rand(x.shape, generator=generator) < level
    return torch.where(hit, torch.randint(2, x.shape, generator=generator).float(), x)


@pytest.mark.parametrize(
    "disturb, levels",
    [
        (_noise, (0, 0.25, 0.5, 0.75)),
        (_blur, (0, 1, 2, 4)),
        (_rectangles, (0, 0.25, 0.5, 0.75)),
        (_salt_and_pepper, (0, 0.1, 0.2, 0.3)),
    ],
    ids=["noise", "blur", "rectangles", "salt and pepper"],
)
def test_rises_with_each_disturbance_of_heusel_et_al(disturb, levels):
    """Figure 3 of Heusel et al. (2017), on Fashion-MNIST in features of a fixed random projection."""
    images = load_images("fashion_mnist_10k").images[:2000].float() / 255
    project = normal(784, 64).float() / 28
    real = images[1000:].flatten(1) @ project
    generator = torch.Generator().manual_seed(0)
    curve = [
        frechet_distance(real, disturb(images[:1000], level, generator).flatten(1) @ project)
        for level in levels
    ]
    assert all(low < high for low, high in itertools.pairwise(curve)), curve
