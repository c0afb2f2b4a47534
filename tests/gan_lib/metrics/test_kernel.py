"""The kernel distance against the sum it stands for, against the reference programs, and its properties."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.kid import poly_mmd

from gan_lib.metrics import kernel, kernel_distance, mmd2


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def by_definition(x, y):
    k = [[((a @ b / len(a) + 1) ** 3).item() for b in torch.cat([x, y])] for a in torch.cat([x, y])]
    n, m = len(x), len(y)
    within = sum(k[i][j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within += sum(k[i][j] for i in range(n, n + m) for j in range(n, n + m) if i != j) / (m * (m - 1))
    return within - 2 * sum(k[i][j] for i in range(n) for j in range(n, n + m)) / (n * m)


@given(st.integers(0, 2**31), st.integers(2, 9), st.integers(2, 9), st.integers(1, 5), st.integers(1, 4))
@settings(max_examples=30)
def test_is_its_definition_in_blocks_of_any_size(seed, n, m, d, block):
    x, y = normal(n, d, seed), normal(m, d, seed + 1) + 0.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_BLOCK", block)
        value = mmd2(x, y)
        assert value == pytest.approx(by_definition(x, y), rel=1e-9, abs=1e-12)
        assert mmd2(y, x) == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert mmd2(x.flip(0), y.flip(0)) == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("d", [1, 64])
def test_agrees_with_torch_fidelity_and_torchmetrics(d):
    """One subset of everything: whoever draws it, it is the same."""
    x, y = normal(300, d), 1.2 * normal(300, d, 1) + 0.1
    ours = kernel_distance(x, y, generator(), subsets=1, subset_size=300)
    settings = dict(kid_subsets=1, kid_subset_size=300, verbose=False)
    theirs = kid_features_to_metric(x, y, **settings)
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    assert ours.value == pytest.approx(poly_mmd(x, y).item(), rel=1e-6)
    assert ours.value == pytest.approx(mmd2(x, y), rel=1e-10)
    assert ours.std == 0


def test_is_unbiased_where_distributions_are_equal_and_positive_where_not():
    values = torch.tensor([mmd2(normal(40, 8, 2 * i), normal(40, 8, 2 * i + 1)) for i in range(300)])
    error = (values.std() / len(values) ** 0.5).item()
    assert abs(values.mean().item()) < 4 * error
    assert (values < 0).any()
    assert mmd2(normal(400, 8), normal(400, 8, 1) + 1) > 100 * error


def test_float32_features_are_summed_in_float64():
    x, y = normal(500, 32).float(), normal(500, 32, 1).float()
    assert mmd2(x, y) == pytest.approx(mmd2(x.double(), y.double()), rel=1e-12)


def test_the_generator_alone_decides_the_subsets():
    x, y = normal(200, 8), normal(150, 8, 1) + 0.3
    first = kernel_distance(x, y, generator(), subsets=5, subset_size=50)
    torch.manual_seed(1234)
    assert kernel_distance(x, y, generator(), subsets=5, subset_size=50) == first
    assert kernel_distance(x, y, generator(1), subsets=5, subset_size=50) != first
    assert first.std > 0
    many = kernel_distance(x, y, generator(), subsets=200, subset_size=50)
    assert many.value == pytest.approx(mmd2(x, y), abs=4 * many.std / 200**0.5)


def test_refuses_what_does_not_fit():
    x = normal(10, 3)
    with pytest.raises(ValueError, match=r"got \(10, 3\) and \(10, 4\)"):
        mmd2(x, normal(10, 4))
    with pytest.raises(ValueError, match="at least 2 samples of each kind are needed, got 10 and 1"):
        mmd2(x, x[:1])
    with pytest.raises(ValueError, match=r"2 \.\.\. 8, the smaller sample; got 9"):
        kernel_distance(x, x[:8], generator(), subset_size=9)
    with pytest.raises(ValueError, match="subsets must be at least 1, got 0"):
        kernel_distance(x, x, generator(), subsets=0, subset_size=5)
