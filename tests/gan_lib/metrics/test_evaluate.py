"""All metrics at once: each is the metric, under a name that tells its features."""

import pytest
import torch

from gan_lib.metrics import (
    METRICS,
    Embedded,
    density_coverage,
    evaluate,
    frechet_distance,
    inception_score,
    kernel_distance,
    memorisation,
    precision_recall,
)


def normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def sample(seed, name="fashion_cnn", n=1000):
    return Embedded(name, normal(n, 8, seed), normal(n, 10, seed).softmax(1))


@pytest.mark.slow
def test_each_result_is_the_metric_and_names_its_features():
    real, fake = sample(1), sample(2)
    results = evaluate(real, fake, torch.Generator().manual_seed(0))
    assert [result.key for result in results] == [
        f"{metric}_1k_fashion_cnn"
        for metric in ("frechet", "kernel", "inception_score", "precision", "recall", "density", "coverage")
    ] + ["memorised_1k_fashion_cnn"]
    assert all(result.title.endswith(" in fashion_cnn features") for result in results)
    assert results[0].title == "Fréchet distance in fashion_cnn features"
    generator = torch.Generator().manual_seed(0)
    x, y = real.features, fake.features
    expected = [
        (frechet_distance(x, y), None),
        kernel_distance(x, y, generator),
        inception_score(fake.probabilities, generator=generator),
        *((value, None) for value in (*precision_recall(x, y), *density_coverage(x, y))),
        (memorisation(x, y).share, None),
    ]
    assert [(result.value, result.spread) for result in results] == [tuple(pair) for pair in expected]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar_resnet20", "fashion_cnn", "pixels"])
def test_only_inception_gives_the_published_names(name):
    metrics = METRICS[:3]
    own = evaluate(sample(1, name, 1500), sample(2, name, 1500), torch.Generator(), metrics)
    assert not any(word in f"{r.key} {r.title}".split() for r in own for word in ("FID", "KID", "Score"))
    assert all(name in r.key and name in r.title for r in own)
    published = evaluate(
        sample(1, "inception", 1500), sample(2, "inception", 1500), torch.Generator(), metrics
    )
    assert [r.title for r in published] == ["FID", "KID", "Inception Score"]
    assert [r.key for r in published] == ["fid_1500", "kid_1500", "inception_score_1500"]


def test_without_probabilities_there_is_no_score_and_small_samples_have_small_subsets():
    real, fake = (sample(i, "pixels", 60)._replace(probabilities=None) for i in (1, 2))
    results = evaluate(real, fake, torch.Generator().manual_seed(0), ("inception_score", "kernel"))
    assert [r.key for r in results] == ["kernel_60_pixels"]
    expected = kernel_distance(real.features, fake.features, torch.Generator().manual_seed(0), subset_size=60)
    assert results[0].value == expected.value


def test_refuses_other_features_and_unknown_metrics():
    with pytest.raises(ValueError, match="same features, got pixels and inception"):
        evaluate(sample(1, "pixels"), sample(2, "inception"), torch.Generator())
    with pytest.raises(ValueError, match=r"frechet, kernel, .*; got 'fid'"):
        evaluate(sample(1), sample(2), torch.Generator(), ("fid",))
