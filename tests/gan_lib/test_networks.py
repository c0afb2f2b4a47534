import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

from gan_lib.networks import (
    FlattenHWC,
    KerasBatchNorm,
    UnflattenHWC,
    dcgan_discriminator,
    dcgan_generator,
)


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
