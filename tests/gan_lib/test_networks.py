import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

from gan_lib.networks import (
    PAIRS,
    ConditionalBatchNorm2d,
    FlattenHWC,
    KerasBatchNorm,
    ProjectionHead,
    UnflattenHWC,
    dcgan_discriminator,
    dcgan_generator,
    mlp_discriminator,
    mlp_generator,
    sngan_discriminator,
    sngan_generator,
)
from gan_lib.regularizers import gradient_penalty


def count(tensors):
    return sum(t.numel() for t in tensors)


def test_parameters_counted_like_keras():
    generator, discriminator = dcgan_generator(), dcgan_discriminator()
    moving = [buffer for name, buffer in generator.named_buffers() if "running" in name]
    assert count(moving) == 17_280
    assert count(generator.parameters()) + count(moving) == 3_838_720
    assert count(discriminator.parameters()) == 662_977
    assert not [name for name, _ in discriminator.named_buffers()]


@pytest.mark.parametrize(("latent_dim", "width", "channels"), [(128, 64, 3), (5, 4, 1), (1, 1, 2)])
def test_shapes_and_range(latent_dim, width, channels):
    fake = dcgan_generator(latent_dim, width, channels)(torch.randn(4, latent_dim))
    assert fake.shape == (4, channels, 32, 32)
    assert fake.abs().max() <= 1
    assert dcgan_discriminator(width, channels)(fake).shape == (4, 1)


@pytest.mark.parametrize("sizes", [{"latent_dim": 0}, {"width": 0}, {"channels": -1}])
def test_sizes_below_one_are_named(sizes):
    (name, size), *_ = sizes.items()
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got {size}"):
        dcgan_generator(**sizes)
    if name != "latent_dim":
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got {size}"):
            dcgan_discriminator(**sizes)


def test_images_of_another_size_are_told_how_to_become_32x32():
    with pytest.raises(ValueError, match=r"must be 4x4 here, got \(3, 3\).*pad=True"):
        dcgan_discriminator(4, 1)(torch.zeros(2, 1, 28, 28))


def test_weights_start_glorot_uniform_and_biases_at_zero():
    torch.manual_seed(0)
    for network in (dcgan_generator(width=32), dcgan_discriminator(width=32)):
        for module in network:
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                area = module.weight[0, 0].numel()
                bound = math.sqrt(6 / (area * (module.weight.shape[0] + module.weight.shape[1])))
                assert 0.97 * bound < module.weight.abs().max() <= bound
                # the standard deviation of a uniform density, within 5 standard errors of its estimate
                spread = module.weight.std() / (bound / math.sqrt(3))
                assert abs(spread - 1) < 5 / math.sqrt(5 * module.weight.numel())
                assert module.bias is None or not module.bias.any()


def test_vectors_and_images_are_read_row_by_row_pixel_by_pixel():
    vector = torch.arange(2 * 2 * 3 * 5.0).reshape(2, 30)
    images = UnflattenHWC(2, 3)(vector)
    assert images.shape == (2, 5, 2, 3)
    assert images[1, :, 0, 2].equal(vector[1, 10:15])
    assert images[1, 4, 1, 0] == vector[1, 15 + 4]
    assert FlattenHWC(2, 3)(images).equal(vector)


@given(
    shape=st.sampled_from([(2, 3), (7, 1), (2, 3, 1, 1), (3, 2, 4, 5)]),
    steps=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_moving_averages_follow_the_mean_and_the_biased_variance(shape, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    norm = KerasBatchNorm(shape[1]).double()
    mean, variance = torch.zeros(shape[1]).double(), torch.ones(shape[1]).double()
    for _ in range(steps):
        x = 1 + 3 * torch.randn(shape, generator=generator, dtype=torch.float64)
        y = norm(x)
        values = x.transpose(0, 1).flatten(1)
        mean = 0.99 * mean + 0.01 * values.mean(1)
        variance = 0.99 * variance + 0.01 * values.var(1, correction=0)
        normalised = (values - values.mean(1, keepdim=True)) / (
            values.var(1, correction=0, keepdim=True) + 1e-3
        ).sqrt()
        torch.testing.assert_close(y.transpose(0, 1).flatten(1), normalised)
    torch.testing.assert_close(norm.running_mean, mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.running_var, variance, rtol=1e-12, atol=1e-12)


def test_recomputed_statistics_are_the_means_over_the_batches():
    generator = torch.Generator().manual_seed(0)
    norm = KerasBatchNorm(3).double().eval()
    norm(1e3 * torch.randn(4, 3, dtype=torch.float64))
    x = 1 + 3 * torch.randn(5, 16, 3, generator=generator, dtype=torch.float64)
    torch.optim.swa_utils.update_bn(x, norm)
    torch.testing.assert_close(norm.running_mean, x.mean((0, 1)))
    torch.testing.assert_close(norm.running_var, x.var(1, correction=0).mean(0))
    assert (norm.momentum, norm.training) == (0.01, False)


def test_batch_norm_has_the_right_gradient():
    norm = KerasBatchNorm(2).double()
    x = torch.randn(5, 2, 2, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, x)


def test_two_forward_passes_before_one_backward_pass():
    generator = dcgan_generator(4, 2)
    first, second = generator(torch.randn(3, 4)), generator(torch.randn(3, 4))
    (first.mean() + second.mean()).backward()
    assert all(p.grad.isfinite().all() for p in generator.parameters())


def test_evaluation_uses_the_moving_averages_and_leaves_them():
    generator = dcgan_generator(4, 2)
    z = torch.randn(6, 4)
    generator(z)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    together = generator.eval()(z)
    alone = torch.cat([generator(row[None]) for row in z])
    torch.testing.assert_close(together, alone)
    assert all(value.equal(before[name]) for name, value in generator.state_dict().items())


def test_dropout_only_while_training():
    discriminator = dcgan_discriminator(4)
    x = torch.randn(2, 3, 32, 32)
    assert not discriminator(x).equal(discriminator(x))
    discriminator.eval()
    assert discriminator(x).equal(discriminator(x))
    undropped = dcgan_discriminator(4, dropout=0.0)
    undropped.load_state_dict(discriminator.state_dict())
    torch.testing.assert_close(undropped(x), discriminator(x))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_any_memory_layout_gives_the_same(layout):
    generator, discriminator = dcgan_generator(4, 2).double(), dcgan_discriminator(2, dropout=0.0).double()
    z = torch.randn(3, 4, dtype=torch.float64)
    fake = generator(z)
    logits = discriminator(fake)
    for network in (generator, discriminator):
        network.to(memory_format=layout)
    torch.testing.assert_close(generator(z), fake)
    torch.testing.assert_close(discriminator(fake.detach().to(memory_format=layout)), logits)


def test_bfloat16_autocast_is_close_to_float32():
    torch.manual_seed(0)
    generator, discriminator = dcgan_generator(8, 8), dcgan_discriminator(8, dropout=0.0)
    z = torch.randn(16, 8)
    exact = discriminator(generator(z))
    with torch.autocast("cpu", torch.bfloat16):
        fake = generator(z)
        logits = discriminator(fake)
    assert logits.dtype == torch.bfloat16
    assert (logits.float() - exact).abs().max() < 0.1 * exact.abs().max()
    logits.float().mean().backward()
    assert all(p.grad.isfinite().all() for p in generator.parameters())
    assert all(value.dtype == torch.float32 for name, value in generator.named_buffers() if "run" in name)


def test_nothing_stays_behind_on_the_cpu():
    generator, discriminator = dcgan_generator(4, 2).to("meta"), dcgan_discriminator(2).to("meta")
    assert discriminator(generator(torch.zeros(3, 4, device="meta"))).device.type == "meta"


def test_discriminator_can_be_differentiated_twice():
    # what a gradient penalty does, through the activations that are computed in place
    discriminator = dcgan_discriminator(2, dropout=0.0).double()
    weights = dict(discriminator.named_parameters())
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64, requires_grad=True)

    def slope(weight):
        score = functional_call(discriminator, weights | {"3.weight": weight}, (x,)).sum()
        return torch.autograd.grad(score, x, create_graph=True)[0].square().sum()

    weight = weights["3.weight"].detach().requires_grad_()
    (gradient,) = torch.autograd.grad(slope(weight), weight)
    step = 1e-6 * torch.randn_like(weight)
    difference = (slope(weight + step) - slope(weight - step)) / 2
    torch.testing.assert_close((gradient * step).sum(), difference, rtol=1e-4, atol=0)


def conv(before, after, size):
    return before * after * size**2 + after


def test_residual_pair_has_the_layout_of_its_table():
    """Dense, three blocks, batch norm and 3x3; and the published PyTorch port's count for the generator."""
    block = 2 * conv(256, 256, 3) + conv(256, 256, 1) + 2 * 2 * 256
    generator = (128 + 1) * 4096 + 3 * block + 2 * 256 + conv(256, 3, 3)
    assert count(sngan_generator().parameters()) == generator == 4_276_739
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    second = 2 * conv(128, 128, 3) + conv(128, 128, 1)
    discriminator = first + second + 2 * 2 * conv(128, 128, 3) + 128 + 1
    assert count(sngan_discriminator().parameters()) == discriminator == 1_053_825


def test_plain_pair_has_the_layout_of_its_table():
    generator, discriminator = (make() for make in PAIRS["sndcgan"])
    widths = [512, 256, 128, 64]
    deconvolutions = sum(a * b * 16 + 2 * b for a, b in pairwise(widths))
    expected = (128 + 1) * 8192 + deconvolutions + conv(64, 3, 3)
    assert count(generator.parameters()) == expected == 3_811_907
    pairs = [
        (3, 64, 3),
        (64, 64, 4),
        (64, 128, 3),
        (128, 128, 4),
        (128, 256, 3),
        (256, 256, 4),
        (256, 512, 3),
    ]
    expected = sum(conv(*sizes) for sizes in pairs) + 8192 + 1
    assert count(discriminator.parameters()) == expected == 2_935_873


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_every_pair_fits_together(name, channels):
    make_generator, make_discriminator = PAIRS[name]
    generator = make_generator(latent_dim=7, width=4, channels=channels)
    discriminator = make_discriminator(width=4, channels=channels)
    fake = generator(torch.randn(3, 7))
    assert fake.shape == ((3, channels) if name == "mlp" else (3, channels, 32, 32))
    logits = discriminator(fake)
    assert logits.shape == (3, 1)
    logits.sum().backward()
    for network in (generator, discriminator):
        assert all(p.grad.isfinite().all() for p in network.parameters())
    if name != "mlp":
        assert fake.abs().max() <= 1
        assert fake.is_contiguous(memory_format=torch.channels_last)
    for make, sizes in (
        (make_generator, ("latent_dim", "width", "channels")),
        (make_discriminator, ("width",)),
    ):
        for size in sizes:
            with pytest.raises(ValueError, match=f"{size} must be at least 1, got 0"):
                make(**{size: 0})


@pytest.mark.parametrize("name", PAIRS)
def test_every_discriminator_treats_samples_independently_and_can_be_penalised(name):
    torch.manual_seed(0)
    generator, discriminator = (
        PAIRS[name].generator(latent_dim=5, width=4),
        PAIRS[name].discriminator(width=4),
    )
    fake = generator(torch.randn(4, 5)).detach()
    discriminator.eval()
    alone = torch.cat([discriminator(sample[None]) for sample in fake])
    torch.testing.assert_close(discriminator(fake), alone, rtol=1e-4, atol=1e-6)
    discriminator.train()
    gradient_penalty(discriminator, fake, fake.flip(0)).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in discriminator.parameters())


def normalised(network):
    return [m for m in network.modules() if hasattr(m, "parametrizations") and "weight" in m.parametrizations]


@pytest.mark.parametrize("name", ["sngan", "sndcgan"])
@pytest.mark.parametrize("classes", [None, 3])
def test_spectral_norm_is_in_every_layer_of_the_discriminator_alone(name, classes):
    generator, discriminator = (make(width=4, classes=classes) for make in PAIRS[name])
    weighted = nn.Linear | nn.Conv2d | nn.Embedding
    layers = [m for m in discriminator.modules() if isinstance(m, weighted)]
    assert len(layers) == {"sngan": 11, "sndcgan": 8}[name] + (classes is not None)
    assert set(normalised(discriminator)) == set(layers)
    assert not normalised(generator)
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("name", ["sngan", "sndcgan"])
def test_conditional_networks_listen_to_their_labels(name):
    torch.manual_seed(0)
    generator, discriminator = (make(width=4, classes=3) for make in PAIRS[name])
    z, labels = torch.randn(6, 128), torch.tensor([0, 1, 2, 0, 1, 2])
    # every class starts with the same gain and offset
    assert generator(z, labels).equal(generator(z, labels.flip(0)))
    for module in generator.modules():
        if isinstance(module, ConditionalBatchNorm2d):
            nn.init.normal_(module.gain.weight, 1, 0.5)
    fake, other = generator(z, labels), generator(z, (labels + 1) % 3)
    assert (fake - other).abs().max() > 1e-3
    discriminator.eval()
    assert (discriminator(fake, labels) - discriminator(fake, (labels + 1) % 3)).abs().max() > 1e-6
    discriminator(fake, labels).sum().backward()
    assert all(p.grad.isfinite().all() for n in (generator, discriminator) for p in n.parameters())


@pytest.mark.parametrize("name", ["sngan", "sndcgan"])
def test_labels_that_do_not_fit_are_named(name):
    for make, x in zip(PAIRS[name], (torch.randn(4, 128), torch.randn(4, 3, 32, 32)), strict=True):
        plain, conditional = make(width=2), make(width=2, classes=5)
        with pytest.raises(ValueError, match="no classes, so it takes no labels"):
            plain(x, torch.zeros(4, dtype=torch.int64))
        with pytest.raises(ValueError, match="5 classes: pass labels"):
            conditional(x)
        with pytest.raises(ValueError, match=r"4 integers, got torch.int64 of shape \(3,\)"):
            conditional(x, torch.zeros(3, dtype=torch.int64))
        with pytest.raises(ValueError, match=r"4 integers, got torch.float32 of shape \(4,\)"):
            conditional(x, torch.zeros(4))
        with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
            make(classes=0)


def test_conditional_batch_norm_scales_by_class_what_batch_norm_normalised():
    torch.manual_seed(0)
    layer, plain = ConditionalBatchNorm2d(2, 3), nn.BatchNorm2d(2)
    nn.init.normal_(layer.gain.weight)
    nn.init.normal_(layer.offset.weight)
    x, labels = 2 + 3 * torch.randn(6, 2, 4, 4), torch.tensor([2, 0, 1, 1, 0, 2])
    expected = [
        row * layer.gain.weight[c][:, None, None] + layer.offset.weight[c][:, None, None]
        for row, c in zip(plain(x), labels, strict=True)
    ]
    torch.testing.assert_close(layer(x, labels), torch.stack(expected))


def test_projection_head_adds_the_class_vector_s_projection():
    torch.manual_seed(0)
    head, features, labels = ProjectionHead(4, 3), torch.randn(5, 4), torch.tensor([2, 0, 1, 1, 0])
    expected = head.linear(features).squeeze(1) + torch.stack(
        [head.embedding.weight[c] @ row for row, c in zip(features, labels, strict=True)]
    )
    torch.testing.assert_close(head(features, labels).squeeze(1), expected)
    assert ProjectionHead(4)(features).shape == (5, 1)


def test_residual_blocks_are_what_their_table_draws():
    """Upsample, then 1x1, as drawn; the network does it in the cheaper order."""
    torch.manual_seed(0)
    generator, discriminator = sngan_generator(4, 2), sngan_discriminator(3, 2)
    x = torch.randn(2, 4, 4, 4)
    block = generator.blocks[0].double()
    double, relu = nn.Upsample(scale_factor=2), torch.relu
    x = x.double()
    drawn = block.conv2(relu(block.norm2(block.conv1(double(relu(block.norm1(x)))))))
    torch.testing.assert_close(block(x), drawn + block.skip(double(x)))
    image = torch.randn(2, 2, 8, 8, dtype=torch.float64)
    first, second, third, _ = discriminator.eval().double().blocks
    halve = nn.AvgPool2d(2)
    y = halve(first.conv2(relu(first.conv1(image)))) + first.skip(halve(image))
    torch.testing.assert_close(first(image), y)
    drawn = halve(second.conv2(relu(second.conv1(relu(y))))) + halve(second.skip(y))
    torch.testing.assert_close(second(y), drawn)
    drawn = third.conv2(relu(third.conv1(relu(y)))) + y
    torch.testing.assert_close(third(y), drawn)


def test_perceptrons_have_the_layers_asked_for():
    generator, discriminator = mlp_generator(3, 16, 2, depth=3), mlp_discriminator(8, 6, depth=1)
    sizes = [m.weight.shape[::-1] for m in (*generator, *discriminator) if isinstance(m, nn.Linear)]
    assert sizes == [(3, 16), (16, 16), (16, 16), (16, 2), (6, 8), (8, 1)]
    assert isinstance(generator[-1], nn.Linear) and isinstance(discriminator[-1], nn.Linear)
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        mlp_generator(depth=0)


@pytest.mark.parametrize("name", ["sngan", "sndcgan"])
def test_normalised_pairs_run_under_bfloat16_and_without_a_cpu(name):
    generator, discriminator = (make(width=4, classes=3) for make in PAIRS[name])
    z, labels = torch.randn(4, 128), torch.tensor([0, 1, 2, 0])
    with torch.autocast("cpu", torch.bfloat16):
        logits = discriminator(generator(z, labels), labels)
    logits.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in discriminator.parameters())
    generator, discriminator = generator.to("meta"), discriminator.to("meta")
    z, labels = torch.empty(4, 128, device="meta"), torch.empty(4, dtype=torch.int64, device="meta")
    assert discriminator(generator(z, labels), labels).device.type == "meta"


def test_residual_discriminator_sums_over_pixels():
    torch.manual_seed(0)
    discriminator = sngan_discriminator(4).eval()
    x = torch.randn(2, 3, 32, 32)
    features = torch.relu(discriminator.blocks(x))
    assert features.shape == (2, 4, 8, 8)
    pooled = torch.stack([features[:, :, row, column] for row in range(8) for column in range(8)]).sum(0)
    torch.testing.assert_close(discriminator(x), discriminator.head(pooled))


def test_residual_branches_start_with_a_gain_of_the_root_of_two():
    torch.manual_seed(0)
    generator, discriminator = sngan_generator(width=16), sngan_discriminator(width=32)
    for block in (*generator.blocks, *discriminator.blocks[1:]):
        for layer, gain in ((block.conv1, math.sqrt(2)), (block.conv2, math.sqrt(2)), (block.skip, 1.0)):
            if isinstance(layer, nn.Conv2d):
                normalised_weight = hasattr(layer, "parametrizations")
                weight = layer.parametrizations.weight.original if normalised_weight else layer.weight
                bound = gain * math.sqrt(6 / (weight[0, 0].numel() * 2 * 32))
                assert 0.95 * bound < weight.abs().max() <= bound
                assert not layer.bias.any()
