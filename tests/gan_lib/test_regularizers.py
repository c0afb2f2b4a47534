"""Regularizers against closed forms and independent computations."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_lib import regularizers as rg
from gan_lib.networks import dcgan_discriminator

seeds = st.integers(0, 2**32 - 1)


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def half_square(x):
    """A critic whose gradient is its argument."""
    return x.flatten(1).square().sum(1, keepdim=True) / 2


def linear(weight):
    return lambda x: x.flatten(1) @ weight


# gradient penalties


@pytest.mark.parametrize("length", [0.2, 1.0, 3.0])
def test_linear_critics_pay_for_slopes_on_either_side_of_one(length):
    weight = normal(0, 6)
    weight = (length * weight / weight.norm()).requires_grad_()
    points = normal(1, 4, 6), normal(2, 4, 6)
    for penalty in (rg.gradient_penalty(linear(weight), *points), rg.dragan_penalty(linear(weight), *points)):
        assert penalty.item() == pytest.approx((length - 1) ** 2, abs=1e-12)
        (slope,) = torch.autograd.grad(penalty, weight)
        torch.testing.assert_close(slope, 2 * (length - 1) * weight.detach() / length)
    for penalty in (rg.r1_penalty(linear(weight), points[0]), rg.r2_penalty(linear(weight), points[0])):
        assert penalty.item() == pytest.approx(length**2)
        (slope,) = torch.autograd.grad(penalty, weight)
        torch.testing.assert_close(slope, 2 * weight.detach())


@settings(deadline=None)
@given(seeds, st.sampled_from([(5, 6), (3, 3, 2, 2), (1, 1)]))
def test_quadratic_critics_show_where_the_slope_is_taken(seed, shape):
    real, fake, noise = normal(seed, *shape), normal(seed + 1, *shape), normal(seed + 2, *shape)
    eps = torch.rand(shape[0], *[1] * (len(shape) - 1), dtype=torch.float64)

    def two_sided(x):
        return torch.stack([(row.norm() - 1) ** 2 for row in x]).mean()

    torch.testing.assert_close(
        rg.gradient_penalty(half_square, real, fake, eps), two_sided(eps * real + (1 - eps) * fake)
    )
    torch.testing.assert_close(rg.dragan_penalty(half_square, real, noise), two_sided(real + noise))
    mean_square = torch.stack([row.norm() ** 2 for row in real]).mean()
    torch.testing.assert_close(rg.r1_penalty(half_square, real), mean_square)
    torch.testing.assert_close(rg.r2_penalty(half_square, real), mean_square)


def test_points_are_drawn_on_the_segment_one_per_sample():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    real, fake = torch.zeros(5000, 2, 1, 1), torch.ones(5000, 2, 1, 1)
    rg.gradient_penalty(critic, real, fake)
    share = seen[0].flatten(1)
    assert share[:, 0].equal(share[:, 1])
    ordered = share[:, 0].sort().values
    # Kolmogorov-Smirnov against U(0, 1); 1.95 / sqrt(n) is passed once in a thousand times
    assert (ordered - torch.linspace(0, 1, 5000)).abs().max() < 1.95 / math.sqrt(5000)


def test_dragan_draws_gaussian_noise_of_half_the_spread_of_the_data():
    torch.manual_seed(0)
    real, seen = 7 + 3 * torch.randn(5000, 4), []
    rg.dragan_penalty(lambda x: seen.append(x.detach()) or x.sum(1), real)
    noise = (seen[0] - real).flatten()
    assert noise.std().item() == pytest.approx(1.5, rel=0.03)
    assert noise.mean().item() == pytest.approx(0, abs=0.05)
    # the fourth moment tells a Gaussian (3) from a uniform density (1.8)
    assert (noise / noise.std()).pow(4).mean().item() == pytest.approx(3, abs=0.3)


PENALTIES = {
    "gradient_penalty": lambda d, x, y: rg.gradient_penalty(d, x, y, torch.full_like(x[:, :1, :1, :1], 0.3)),
    "r1_penalty": lambda d, x, y: rg.r1_penalty(d, x),
    "r2_penalty": lambda d, x, y: rg.r2_penalty(d, y),
    "dragan_penalty": lambda d, x, y: rg.dragan_penalty(d, x, y),
}


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_second_order_gradient_agrees_with_finite_differences(penalty):
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Conv2d(2, 3, 3, 2, 1), nn.Tanh(), nn.Flatten(), nn.Linear(12, 1)).double()
    x, y = normal(0, 3, 2, 4, 4), normal(1, 3, 2, 4, 4)
    weight = critic[0].weight
    (slope,) = torch.autograd.grad(penalty(critic, x, y), weight)
    assert all(p.grad is None for p in critic.parameters())
    values, direction = [], torch.randn_like(weight)
    for step in (1e-5, -2e-5):
        with torch.no_grad():
            weight += step * direction
            values.append(penalty(critic, x, y))
    difference = (values[0] - values[1]) / 2e-5
    torch.testing.assert_close((slope * direction).sum(), difference, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_flat_critics_and_their_gradients_are_finite(penalty):
    critic = nn.Sequential(nn.Flatten(), nn.Linear(32, 4), nn.ReLU(), nn.Linear(4, 1))
    for parameter in critic.parameters():
        nn.init.zeros_(parameter)
    value = penalty(critic, torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4))
    assert value.item() in (0.0, 1.0)
    value.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_penalties_leave_the_generator_alone(penalty):
    fake = torch.randn(3, 3, 32, 32, requires_grad=True)
    critic = dcgan_discriminator(2)
    penalty(critic, torch.randn(3, 3, 32, 32), fake).backward()
    assert fake.grad is None
    assert critic[0].weight.grad.abs().sum() > 0


def test_penalties_can_be_looked_at_without_a_graph():
    with torch.no_grad():
        assert rg.r1_penalty(half_square, torch.ones(2, 3)).item() == 3


@pytest.mark.parametrize("gamma, modulus", [(0.0, 1.00499), (0.3, 0.97468), (1.0, 0.9)])
def test_r1_turns_the_dirac_gan_inwards(gamma, modulus):
    """One simultaneous step of size 0.2 at (theta, psi) = 0; D(x) = psi x, data at 0, generator at theta."""

    def step(point):
        theta, psi = point
        loss_g = nn.functional.softplus(-psi * theta)
        real = torch.zeros(1, 1, dtype=torch.float64)
        loss_d = nn.functional.softplus(psi * theta) + gamma / 2 * rg.r1_penalty(lambda x: psi * x, real)
        slope_g = torch.autograd.grad(loss_g, theta, create_graph=True)[0]
        slope_d = torch.autograd.grad(loss_d, psi, create_graph=True)[0]
        return point - 0.2 * torch.stack([slope_g, slope_d])

    at_rest = torch.zeros(2, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(step, at_rest)
    assert torch.linalg.eigvals(jacobian).abs().max().item() == pytest.approx(modulus, abs=1e-4)


def test_penalties_name_shapes_that_do_not_match():
    with pytest.raises(ValueError, match=r"real \(3, 2\) and fake \(4, 2\)"):
        rg.gradient_penalty(half_square, torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"noise \(3,\) and real \(3, 2\)"):
        rg.dragan_penalty(half_square, torch.zeros(3, 2), torch.zeros(3))


# weights


def test_clipping_clamps_parameters_in_place_and_nothing_else():
    network = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5))
    network[0].weight.requires_grad_(False)
    network[1].running_mean.fill_(3)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    identity = {name: id(p) for name, p in network.named_parameters()}
    rg.clip_weights_(network, 0.1)
    for name, parameter in network.named_parameters():
        assert parameter.equal(before[name].clamp(-0.1, 0.1))
        assert id(parameter) == identity[name] and parameter.is_leaf
    assert not network[0].weight.requires_grad and network[1].weight.requires_grad
    assert network[1].running_mean.eq(3).all()
    for bound in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"bound must be positive, got {bound}"):
            rg.clip_weights_(network, bound)


def matrix(layer):
    weight = layer.weight.detach()
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight.flatten(1)


@pytest.mark.slow
def test_spectral_norm_of_every_layer_becomes_one_and_the_weights_stay():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.ConvTranspose2d(3, 4, 4), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(80, 2)
    )
    network.append(nn.Linear(2, 1, bias=False))
    layers = [module for module in network if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    raw, start = [matrix(layer) for layer in layers], {n: b.clone() for n, b in network.named_buffers()}
    assert rg.spectral_normalize(network) is network
    for _ in range(200):
        network(torch.zeros(2, 3, 3, 3))
    for layer, weight in zip(layers, raw, strict=True):
        torch.testing.assert_close(
            matrix(layer), weight / torch.linalg.matrix_norm(weight, 2), atol=1e-4, rtol=1e-3
        )
        assert layer.parametrizations.weight.original.requires_grad
    assert network[1].weight.eq(1).all() and set(start) <= {n for n, _ in network.named_buffers()}


def test_spectral_norm_is_not_applied_twice():
    layer, other = spectral_norm(nn.Linear(3, 3)), nn.Embedding(3, 3)
    network = rg.spectral_normalize(nn.Sequential(other, layer))
    assert len(layer.parametrizations.weight) == 1
    assert not hasattr(other, "parametrizations")
    rg.spectral_normalize(network)
    assert len(layer.parametrizations.weight) == 1
    with pytest.raises(ValueError, match="ReLU has no linear or convolutional layer"):
        rg.spectral_normalize(nn.ReLU())


def test_normalised_critics_are_lipschitz():
    torch.manual_seed(0)
    critic = nn.Sequential(
        nn.Linear(3, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    )
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.mul_(10)
    rg.spectral_normalize(critic)
    for _ in range(100):
        critic(torch.zeros(1, 3))
    x, y = 5 * torch.randn(2000, 3), 5 * torch.randn(2000, 3)
    steepness = (critic(x) - critic(y)).squeeze(1).abs() / (x - y).norm(dim=1)
    assert 0 < steepness.max() <= 1.001


def test_a_normalised_discriminator_can_be_penalised():
    critic = rg.spectral_normalize(dcgan_discriminator(2))
    logits = critic(torch.randn(2, 3, 32, 32)).sum() + rg.r1_penalty(critic, torch.randn(2, 3, 32, 32))
    logits.backward()
    assert all(p.grad.isfinite().all() for p in critic.parameters())


# operator norm


@pytest.mark.slow
@pytest.mark.parametrize("layer, shape", [(nn.Linear(7, 4), (7,)), (nn.Conv2d(2, 3, 3, 1, 1), (2, 5, 5))])
def test_operator_norm_is_the_largest_singular_value_of_the_whole_map(layer, shape):
    torch.manual_seed(0)
    layer.reset_parameters()
    layer = layer.double()
    size = math.prod(shape)
    columns = layer(torch.eye(size, dtype=torch.float64).view(size, *shape)) - layer(
        torch.zeros(1, *shape, dtype=torch.float64)
    )
    found = rg.operator_norm(layer, shape, 2000, torch.Generator().manual_seed(0))
    assert found.item() == pytest.approx(torch.linalg.matrix_norm(columns.flatten(1), 2).item(), rel=1e-4)


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(seeds, st.sampled_from([(4, 2), (3, 1), (2, 2), (3, 2)]))
def test_a_convolution_is_at_most_ceil_k_over_s_times_its_reshaped_kernel(seed, sizes):
    kernel, stride = sizes
    layer = nn.Conv2d(2, 3, kernel, stride, padding=1, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(normal(seed, *layer.weight.shape))
    reshaped = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item()
    found = rg.operator_norm(layer, (2, 8, 8), 300, torch.Generator().manual_seed(seed)).item()
    assert reshaped * 0.99 <= found <= math.ceil(kernel / stride) * reshaped * (1 + 1e-9)


def test_operator_norm_of_a_constant_is_zero_and_needs_an_iteration():
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    assert rg.operator_norm(layer, (3,)).item() == 0
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        rg.operator_norm(layer, (3,), iterations=0)


# losses and layers that look at a whole batch


@settings(deadline=None)
@given(seeds, st.integers(1, 5), st.integers(1, 5))
def test_feature_matching_is_the_squared_distance_of_the_means(seed, n, m):
    real, fake = normal(seed, n, 3, 2), normal(seed + 1, m, 3, 2).requires_grad_()
    difference = fake.detach().mean(0) - real.mean(0)
    real.requires_grad_()
    loss = rg.feature_matching(real, fake)
    assert loss.item() == pytest.approx(difference.norm().item() ** 2)
    loss.backward()
    torch.testing.assert_close(fake.grad, (2 * difference / m).expand(m, 3, 2))
    assert real.grad is None
    assert rg.feature_matching(real, real[torch.randperm(n)]).item() == pytest.approx(0, abs=1e-20)


def test_feature_matching_names_shapes_that_do_not_match():
    with pytest.raises(ValueError, match=r"got \(3,\) for real and \(4,\) for fake"):
        rg.feature_matching(torch.zeros(2, 3), torch.zeros(2, 4))


def test_pulling_away_by_hand():
    one_way, at_right_angles = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.0], [0.0, -5.0]])
    assert rg.pulling_away(torch.cat([one_way, 3 * one_way, -one_way])).item() == pytest.approx(1)
    assert rg.pulling_away(at_right_angles).item() == 0
    three = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], requires_grad=True)
    assert rg.pulling_away(three).item() == pytest.approx(2 * 0.5 / 6)
    rg.pulling_away(three).backward()
    assert three.grad.isfinite().all()
    with pytest.raises(ValueError, match="at least 2 are needed, got 1"):
        rg.pulling_away(one_way)


@settings(deadline=None)
@given(seeds, st.integers(2, 9), st.integers(1, 4))
def test_pulling_away_is_the_mean_of_its_pairs(seed, n, d):
    features = normal(seed, n, d, 1)
    flat = features.flatten(1)
    pairs = [
        torch.cosine_similarity(flat[i], flat[j], dim=0) ** 2 for i in range(n) for j in range(n) if i != j
    ]
    value = rg.pulling_away(features)
    torch.testing.assert_close(value, torch.stack(pairs).mean())
    assert (n / d - 1) / (n - 1) - 1e-9 <= value <= 1 + 1e-9


def test_packing_joins_successive_samples_channel_after_channel():
    images = torch.arange(6 * 2 * 2 * 2.0).reshape(6, 2, 2, 2)
    packed = rg.pack(images, 3)
    assert packed.shape == (2, 6, 2, 2)
    assert packed[1].equal(torch.cat(list(images[3:])))
    assert rg.pack(images.contiguous(memory_format=torch.channels_last), 3).equal(packed)
    assert rg.pack(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 2).tolist() == [[1, 2, 3, 4]]
    assert rg.pack(images, 1).equal(images)
    for size in (4, 0):
        with pytest.raises(ValueError, match=f"a batch of 6 cannot be packed by {size}"):
            rg.pack(images, size)


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 2, 3)])
def test_minibatch_std_appends_the_mean_spread_of_each_group(shape):
    x = normal(0, *shape)
    whole, grouped = rg.minibatch_std(x), rg.MinibatchStd(3)(x)
    for y in (whole, grouped):
        assert y.shape == (6, 5, *shape[2:])
        assert y[:, :4].equal(x)
    expected = x.flatten(1).std(0, correction=0).mean()
    torch.testing.assert_close(whole[:, 4], expected.expand(6, *shape[2:]))
    for first in range(2):
        group = x[first::2]
        expected = group.flatten(1).std(0, correction=0).mean()
        torch.testing.assert_close(grouped[first::2, 4], expected.expand(3, *shape[2:]))


def test_minibatch_std_of_equal_samples_is_zero_with_a_finite_gradient():
    x = torch.ones(4, 3, requires_grad=True)
    y = rg.minibatch_std(x)
    torch.testing.assert_close(y[:, 3], torch.full((4,), 1e-4))  # a square root's last bit is the processor's
    y.sum().backward()
    assert x.grad.isfinite().all()
    for group in (3, 0):
        with pytest.raises(ValueError, match=f"a batch of 4 cannot be divided into groups of {group}"):
            rg.minibatch_std(x, group)


def test_minibatch_discrimination_is_the_sum_over_the_other_samples():
    torch.manual_seed(0)
    layer, x = rg.MinibatchDiscrimination(3, kernels=4, dim=2).double(), normal(0, 5, 3)
    y = layer(x)
    assert y.shape == (5, 7)
    assert y[:, :3].equal(x)
    for i in range(5):
        for b in range(4):
            rows = x @ layer.weight[:, b]
            close = [math.exp(-(rows[i] - rows[j]).abs().sum().item()) for j in range(5) if j != i]
            assert y[i, 3 + b].item() == pytest.approx(sum(close))
    order = torch.randperm(5)
    torch.testing.assert_close(layer(x[order]), y[order])
    assert torch.autograd.gradcheck(layer, x.requires_grad_())
    with pytest.raises(ValueError, match="got 3, 0, 5"):
        rg.MinibatchDiscrimination(3, kernels=0)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Linear(1, 8), rg.MinibatchDiscrimination(8, 4, 2), nn.Linear(12, 1)],
        lambda: [rg.MinibatchStd(), nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)],
    ],
    ids=["discrimination", "std"],
)
def test_batch_layers_see_a_collapse_that_no_single_sample_shows(layers):
    """Fake batches sit on one of two random points, real ones on both: each sample alone looks the same."""
    torch.manual_seed(0)
    discriminator = nn.Sequential(*layers())
    optimizer = torch.optim.Adam(discriminator.parameters(), 0.02)
    for _ in range(150):
        real = torch.randint(0, 2, (16, 1)).float() * 2 - 1
        fake = (torch.randint(0, 2, (1, 1)).float() * 2 - 1).expand(16, 1)
        softplus = nn.functional.softplus
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 < 2 * math.log(2)  # what a discriminator of single samples cannot get below
