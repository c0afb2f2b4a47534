"""The copy test against all splits of a small pool, and on copies changed and fresh; the train/test gap."""

from itertools import combinations

import pytest
import torch

from gan_lib.metrics import copy_test, frechet_distance, memorisation, train_test_gap


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("size", "seed"), [(2, 0), (3, 1), (5, 2)])
def test_mean_and_deviation_are_those_over_all_splits(size, seed):
    pool, fake = normal(7, 3, seed), normal(12, 3, seed + 10) + 0.5
    results = []
    for chosen in combinations(range(7), size):
        train = torch.zeros(7, dtype=torch.bool)
        train[list(chosen)] = True
        results.append(copy_test(pool[train], pool[~train], fake))
    shares = torch.tensor([result.share for result in results], dtype=torch.float64)
    for result in results:
        assert result.expected == pytest.approx(size / 7)
        assert result.deviation == pytest.approx(shares.std(correction=0).item())
        assert result.score == pytest.approx((result.share - result.expected) / result.deviation)
    assert shares.mean() == pytest.approx(size / 7)


def test_finds_copies_that_are_changed_beyond_what_memorisation_sees():
    train, test, fresh = normal(1000, 16), normal(1000, 16, 1), normal(500, 16, 2)
    changed = train[:500] + 0.7 * normal(500, 16, 3)
    assert memorisation(train, changed).share < 0.01
    assert copy_test(train, test, changed).score > 8
    assert abs(copy_test(train, test, fresh + 0.7 * normal(500, 16, 3)).score) < 3


def test_bad_samples_that_copy_nothing_are_no_copies():
    train, test = normal(1000, 16), normal(1000, 16, 1)
    for fake in (0.1 * normal(500, 16, 2), normal(500, 16, 2) + 3):
        assert abs(copy_test(train, test, fake).score) < 3


def test_exact_copies_have_the_share_one():
    train, test = normal(50, 4), normal(30, 4, 1)
    result = copy_test(train, test, train)
    assert (result.share, result.expected) == (1, 50 / 80)


def test_gap_changes_its_sign_with_the_halves_and_is_one_for_the_training_samples():
    train, test, fresh = normal(400, 4), normal(400, 4, 1), normal(400, 4, 2)
    gap = train_test_gap(train, test, fresh)
    assert gap.to_train == frechet_distance(train, fresh) and gap.to_test == frechet_distance(test, fresh)
    swapped = train_test_gap(test, train, fresh)
    assert swapped.gap == pytest.approx(-gap.gap) and abs(gap.gap) < 0.5
    assert train_test_gap(train, test, train).gap == pytest.approx(1, abs=1e-6)
    by_means = train_test_gap(train, test, train, lambda x, y: (x.mean(0) - y.mean(0)).norm())
    assert by_means == (0, (test.mean(0) - train.mean(0)).norm().item(), 1)


def test_refuses_what_does_not_fit():
    x = normal(10, 3)
    with pytest.raises(ValueError, match="as many samples, got 10 and 9"):
        train_test_gap(x, x[:9], x)
    with pytest.raises(ValueError, match=r"nor both 0; got -1\.0 and -1\.0"):
        train_test_gap(x, x, x, lambda a, b: -1)
    with pytest.raises(ValueError, match=r"\(10, 3\), torch.float64 \(10, 4\)"):
        copy_test(x, normal(10, 4), x)
    with pytest.raises(ValueError, match="the 10 real samples is nearest to equally many of 10 generated"):
        copy_test(x[:5], x[5:], x)
