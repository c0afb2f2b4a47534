"""The Inception Score against closed forms, against the reference programs, and what it cannot see."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_isc import isc_features_to_metric
from torchmetrics.image.inception import InceptionScore

from gan_lib.metrics import inception_score

ONE_HOT = torch.eye(10, dtype=torch.float64)


def predictions(n, classes=10, seed=0):
    logits = 2 * torch.randn(n, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return logits.softmax(1)


def test_balanced_and_certain_is_the_number_of_classes_one_image_a_class_included():
    for repeats in (1, 100):
        score = inception_score(ONE_HOT.repeat(repeats, 1), splits=1)
        assert score.mean == pytest.approx(10, rel=1e-12)
    assert inception_score(ONE_HOT.repeat(100, 1), splits=10).std == pytest.approx(0, abs=1e-12)


def test_one_class_only_or_no_certainty_is_one():
    assert inception_score(ONE_HOT[:1].repeat(50, 1)).mean == pytest.approx(1, abs=1e-12)
    assert inception_score(torch.full((50, 10), 0.1)).mean == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("splits", [1, 5])
def test_agrees_with_torch_fidelity(splits):
    p = predictions(500)
    ours = inception_score(p, splits)
    theirs = isc_features_to_metric(p.log(), splits=splits, shuffle=False)
    assert ours.mean == pytest.approx(theirs["inception_score_mean"], rel=1e-6)
    assert ours.std == pytest.approx(theirs["inception_score_std"], rel=1e-6, abs=1e-12)


@pytest.mark.filterwarnings("ignore")  # its remarks on memory and on features put in by hand
def test_agrees_with_torchmetrics():
    p = predictions(500)
    metric = InceptionScore(feature=torch.nn.Identity(), splits=1)
    metric.features.append(p.log())
    assert inception_score(p, splits=1).mean == pytest.approx(metric.compute()[0].item(), rel=1e-6)


@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(2, 12), st.integers(1, 10))
@settings(max_examples=40)
def test_is_between_one_and_the_number_of_classes(seed, n, classes, splits):
    score = inception_score(predictions(n, classes, seed), min(splits, n))
    assert 1 - 1e-9 <= score.mean <= classes + 1e-9
    assert score.std >= 0


def test_order_does_not_matter_within_a_split_and_the_generator_decides_the_splits():
    p = predictions(500)
    assert inception_score(p.flip(0), 1).mean == pytest.approx(inception_score(p, 1).mean, rel=1e-12)
    sorted_by_class = ONE_HOT.repeat_interleave(100, 0)
    assert inception_score(sorted_by_class, 10).mean == pytest.approx(1)
    shuffled = inception_score(sorted_by_class, 10, torch.Generator().manual_seed(0))
    assert shuffled.mean > 9
    assert inception_score(sorted_by_class, 10, torch.Generator().manual_seed(0)) == shuffled


def test_half_precision_probabilities_are_brought_to_one():
    p = predictions(500)
    assert inception_score(p.half()).mean == pytest.approx(inception_score(p).mean, rel=1e-3)
    assert inception_score(1.005 * p).mean == pytest.approx(inception_score(p).mean, rel=1e-12)


def test_refuses_what_is_no_probability():
    p = predictions(20)
    with pytest.raises(ValueError, match=r"\(N, K\), got shape \(20,\)"):
        inception_score(p[:, 0])
    with pytest.raises(ValueError, match=r"1 \.\.\. 20, the number of images; got 21"):
        inception_score(p, splits=21)
    for bad in (p.log(), 2 * p, p * torch.nan):
        with pytest.raises(ValueError, match="softmax"):
            inception_score(bad)
    with pytest.raises(ValueError, match="smallest value -1"):
        inception_score(torch.tensor([[2.0, -1.0]]), splits=1)
