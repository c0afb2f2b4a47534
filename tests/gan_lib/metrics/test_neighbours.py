"""Nearest neighbours against all distances at once; memorisation on samples that are or are not copies."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_lib.metrics import memorisation, nearest_neighbours, neighbours


def normal(n, d, seed=0, dtype=torch.float64):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@given(
    st.integers(0, 2**31), st.integers(3, 40), st.integers(1, 30), st.integers(1, 5), st.integers(1, 16),
    st.data(),
)  # fmt: skip
@settings(max_examples=60)
def test_neighbours_and_radii_are_those_among_all_distances_in_blocks_of_any_size(seed, n, m, d, block, data):
    reference, queries = normal(n, d, seed) + 3, normal(m, d, seed + 1) + 3
    k = data.draw(st.integers(1, n - 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_BLOCK", block)
        patch.setattr(neighbours, "_EXACT", 7)
        found = nearest_neighbours(queries, reference, k)
        (centred,) = neighbours.centred(reference)
        radii = neighbours.squared_radii(centred, k)
    everything = (queries[:, None] - reference).norm(dim=2)
    torch.testing.assert_close(found.distances, everything.sort(1).values[:, :k])
    torch.testing.assert_close(found.distances, everything.gather(1, found.indices))
    own = (reference[:, None] - reference).norm(dim=2).sort(1).values[:, k]
    torch.testing.assert_close(radii.sqrt(), own)


def test_a_copy_is_at_distance_zero_even_in_float32_far_from_the_origin():
    train = normal(3000, 64, dtype=torch.float32) + 100
    found = nearest_neighbours(train[[5, 2999]], train)
    assert found.distances.tolist() == [[0], [0]]
    assert found.indices.tolist() == [[5], [2999]]


def test_neighbours_that_float32_cannot_tell_apart_are_told_apart():
    close = 1000 + 0.05 * normal(4, 64, dtype=torch.float32)
    train = torch.cat([close, normal(50, 64, 1, dtype=torch.float32) - 1000])
    found = nearest_neighbours(close, train)
    assert found.indices.flatten().tolist() == [0, 1, 2, 3]
    assert not found.distances.any()


def test_radii_do_not_suffer_from_the_distance_to_the_origin():
    x = normal(200, 8, dtype=torch.float32) + 5000
    (centred,) = neighbours.centred(x)
    radii = neighbours.squared_radii(centred, 3)
    assert centred.dtype == torch.float32
    exact = (x[:, None] - x).double().norm(dim=2).sort(1).values[:, 3]
    torch.testing.assert_close(radii.double().sqrt(), exact, rtol=1e-4, atol=0)


def test_copies_lie_in_each_others_balls_in_float32():
    copies = normal(1, 33, 1, dtype=torch.float32).repeat(50, 1) + 7
    (centred,) = neighbours.centred(torch.cat([copies, normal(50, 33, dtype=torch.float32)]))
    radii = neighbours.squared_radii(centred, 3)
    norms = centred.square().sum(1)
    resolution = 16 * torch.finfo(torch.float32).eps * norms
    torch.testing.assert_close(radii[:50], resolution[:50])
    block = neighbours.squared_distances(centred, norms, centred, norms)
    assert (block[:50, :50] <= radii[:50, None]).all()
    assert (radii[50:] > 100 * resolution[50:]).all()


def test_memorisation_tells_copies_from_fresh_samples():
    train = normal(500, 16)
    copies = train[:100] + 1e-3 * normal(100, 16, 1)
    fresh = normal(300, 16, 2)
    result = memorisation(train, torch.cat([copies, fresh]))
    assert result.share == 0.25
    assert (result.ratios[:100] < 0.01).all() and (result.ratios[100:] > 1 / 3).all()
    assert ((result.ratios >= 0) & (result.ratios <= 1)).all()
    assert memorisation(train, fresh, threshold=1.0).share == 1


def test_a_copy_of_a_duplicate_counts_as_memorised():
    train = normal(20, 4)[[0, 0, *range(1, 20)]]
    assert memorisation(train, train[:1]).ratios.tolist() == [0]


def test_refuses_what_does_not_fit():
    x = normal(10, 3)
    with pytest.raises(ValueError, match=r"1 \.\.\. 10, the size of the reference; got 11"):
        nearest_neighbours(x, x, 11)
    with pytest.raises(ValueError, match=r"\(10, 3\), torch.float64 \(10, 4\)"):
        nearest_neighbours(normal(10, 4), x)
    with pytest.raises(ValueError, match=r"torch.int64 \(10, 3\)"):
        nearest_neighbours(x.long(), x)
    with pytest.raises(ValueError, match="finite"):
        nearest_neighbours(x * torch.nan, x)
    with pytest.raises(ValueError, match=r"\(0, 1\], got 0"):
        memorisation(x, x, threshold=0)
    with pytest.raises(ValueError, match="at least 2 training samples are needed, got 1"):
        memorisation(x[:1], x)
