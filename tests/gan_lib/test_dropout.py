"""Dropout with its own mask: what is dropped, what is kept, in which layouts and types."""

import pytest
import torch

from gan_lib.networks.layers import Dropout

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        yield


@pytest.mark.parametrize("p", [2**-16, 0.01, 0.3, 0.5, 0.9])
def test_the_share_dropped_is_p_and_the_mean_stays(p):
    n = 2_000_000
    y = Dropout(p)(torch.ones(n, dtype=torch.float64))
    dropped = (y == 0).double().mean().item()
    assert dropped == pytest.approx(p, abs=5 * (p * (1 - p) / n) ** 0.5 + 2**-17)  # rounded to 16 bits
    assert y.mean().item() == pytest.approx(1, abs=5 * (p / (1 - p) / n) ** 0.5)
    assert y[y != 0].unique().tolist() == pytest.approx([1 / (1 - round(p * 2**16) / 2**16)], rel=1e-6)


def test_every_position_is_dropped_alike_and_on_its_own():
    n = 4000
    layer = Dropout(0.25)
    kept = torch.stack([layer(torch.ones(3, 7)) != 0 for _ in range(n)]).flatten(1).double()
    bound = 5 * (0.25 * 0.75 / n) ** 0.5
    assert (kept.mean(0) - 0.75).abs().max() < bound
    together = kept.T @ kept / n  # pairs, among them those that come from the same 64 random bits
    off = ~torch.eye(21, dtype=torch.bool)
    assert (together[off] - 0.75**2).abs().max() < bound + 0.01


def test_p_of_zero_keeps_everything():
    x = torch.randn(50, 3)
    assert torch.equal(Dropout(0.0)(x), x)


def test_p_of_one_drops_everything():
    assert not Dropout(1.0)(torch.randn(50, 3)).any()


def test_evaluation_mode_is_the_identity_and_draws_nothing():
    x, before = torch.randn(50, 3), torch.get_rng_state()
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_gradient_is_the_mask():
    x = torch.randn(40, 5, 3, dtype=torch.float64, requires_grad=True)
    y = Dropout(0.3)(x)
    slope = torch.randn_like(y)
    (gradient,) = torch.autograd.grad(y, x, slope)
    mask = (y != 0).double() * 2**16 / (2**16 - round(0.3 * 2**16))
    torch.testing.assert_close(gradient, mask * slope, rtol=1e-6, atol=0)


def layouts(dtype=torch.float64):
    base = torch.arange(1, 2 * 6 * 4 * 4 + 1).to(dtype)
    image = base.view(2, 6, 4, 4)
    return {
        "contiguous": image,
        "channels last": image.contiguous(memory_format=torch.channels_last),
        "transposed": image.permute(3, 0, 2, 1),
        "every second": image[:, ::2, :, 1:],
        "expanded": base[:5].view(1, 5, 1).expand(3, 5, 2),
        "one number": base[0],
        "odd count": base[:7],
        "nothing": base[:0],
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", layouts())
def test_any_layout_and_type(layout, dtype):
    x = layouts(dtype)[layout]
    before = x.clone()
    layer, scale = Dropout(0.5), 2.0
    seen = torch.zeros_like(x, dtype=torch.bool)
    for _ in range(40):
        y = layer(x)
        assert y.shape == x.shape and y.dtype == dtype
        assert ((y == 0) | (y == scale * x)).all()
        seen = seen | (y != 0)
    assert torch.equal(x, before) and seen.all()  # every value is kept some time
    if x.numel() > 50:
        assert 0.2 < (y == 0).double().mean() < 0.8


def test_a_dense_layout_stays():
    x = torch.randn(2, 6, 4, 4).contiguous(memory_format=torch.channels_last)
    assert Dropout(0.3)(x).is_contiguous(memory_format=torch.channels_last)


def test_the_global_generator_decides():
    x, layer = torch.randn(1000), Dropout(0.3)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(torch.stack([layer(x), layer(x)]))
    first, again, other = results
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert not torch.equal(*first)
