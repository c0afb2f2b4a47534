"""The random stream beside the same algorithm in Python's integers, and its distributions."""

import math

import numpy as np
import pytest
from scipy.stats import kstest

WORD = 2**32
# of seed 7, stream 3: four integers, then two normal numbers
GOLDEN_INTEGERS = [2428498322, 2545601551, 1007568210, 1902838455]
GOLDEN_NORMALS = [1.127366618077416, 0.35317073781022496]


def sfc32(seed, stream):
    """PractRand's sfc32, seeded with two words and stirred twelve times."""
    a, b, c, counter = 0, seed, stream, 1
    for k in range(10**6):
        result = (a + b + counter) % WORD
        a, b = b ^ b >> 9, (c + (c << 3)) % WORD
        c = ((c << 21 | c >> 11) + result) % WORD
        counter = (counter + 1) % WORD
        if k >= 12:
            yield result


@pytest.mark.parametrize("seed, stream", [(0, 0), (1, 0), (0, 1), (123456789, 6), (WORD - 1, WORD - 1)])
def test_same_numbers_as_in_python(engine, seed, stream):
    found = engine("stream", seed=seed, stream=stream, integers=1000, uniforms=100, normals=101)
    source = sfc32(seed, stream)
    assert found["integers"] == [next(source) for _ in range(1000)]

    def uniform():
        return ((next(source) >> 5) * 2**26 + (next(source) >> 6)) / 2**53

    assert found["uniforms"] == [uniform() for _ in range(100)]
    pairs = [(math.sqrt(-2 * math.log(1 - uniform())), 2 * math.pi * uniform()) for _ in range(51)]
    normals = [radius * f(angle) for radius, angle in pairs for f in (math.cos, math.sin)]
    assert found["normals"] == pytest.approx(normals[:101], rel=1e-13, abs=1e-14)


def test_golden_values(engine):
    """Written down: these must never change, for links hold seeds."""
    found = engine("stream", seed=7, stream=3, integers=4, uniforms=0, normals=2)
    assert found["integers"] == GOLDEN_INTEGERS
    assert found["normals"] == GOLDEN_NORMALS


def test_distributions(engine):
    found = engine("stream", seed=1, stream=2, integers=0, uniforms=20_000, normals=20_001)
    assert kstest(found["uniforms"], "uniform").pvalue > 0.01
    assert kstest(found["normals"], "norm").pvalue > 0.01
    normals = np.array(found["normals"][:20_000]).reshape(-1, 2)
    assert abs(np.corrcoef(normals.T)[0, 1]) < 0.03


def test_streams_of_a_seed_are_unrelated(engine):
    a, b = (np.array(engine("stream", seed=1, stream=k, integers=0, uniforms=0, normals=10_000)["normals"])
            for k in (0, 1))  # fmt: skip
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.04
