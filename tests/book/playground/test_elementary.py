"""Elementary functions: near the exact values, at the edges, and the same bits in Chromium and Node."""

import math
import random
import re
from pathlib import Path

import mpmath
import pytest

ENGINE = Path(__file__).resolve().parents[3] / "book/playground/engine"
EXACT = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "cosTurns": lambda t: mpmath.cospi(2 * t),
    "sinTurns": lambda t: mpmath.sinpi(2 * t),
}
ULPS = {"exp": 1, "log": 1, "log1p": 2, "softplus": 2, "sigmoid": 3, "tanh": 2, "cosTurns": 2, "sinTurns": 2}


def points_of(name, count=400):
    """Of every size at which a function does something."""
    draw = random.Random(name)
    sign = 1 if name in ("log", "log1p") else -1
    small = [draw.choice((1, sign)) * 10 ** draw.uniform(-18, 0) for _ in range(count)]
    middle = [draw.uniform(0 if sign > 0 else -40, 40) for _ in range(count)]
    large = {"exp": 700, "log": 1e300, "softplus": 700, "sigmoid": 700, "tanh": 100}.get(name, 1e4)
    return small + middle + [draw.uniform(0, large) * draw.choice((1, sign)) for _ in range(count)]


@pytest.mark.parametrize("name", EXACT)
def test_near_exact(engine, name):
    points = points_of(name)
    values = engine("elementary", f=name, at=points)
    with mpmath.workprec(200):
        errors = [
            float(abs(value - (exact := EXACT[name](mpmath.mpf(x)))) / math.ulp(float(exact)))
            for x, value in zip(points, values, strict=True)
        ]
    assert max(errors) <= ULPS[name]


EDGES = {
    "exp": {"Infinity": "Infinity", "-Infinity": "0", "NaN": "NaN", "0": "1", "710": "Infinity", "-746": "0"},
    "log": {"0": "-Infinity", "-1": "NaN", "Infinity": "Infinity", "NaN": "NaN", "1": "0"},
    "softplus": {"Infinity": "Infinity", "-Infinity": "0", "NaN": "NaN", "1e300": "1e+300"},
    "sigmoid": {"Infinity": "1", "-Infinity": "0", "NaN": "NaN", "0": "0.5"},
    "tanh": {"Infinity": "1", "-Infinity": "-1", "NaN": "NaN", "0": "0"},
    "cosTurns": {"0": "1", "0.5": "-1", "1": "1", "-1": "1"},
    "sinTurns": {"0": "0", "0.25": "1", "0.75": "-1", "-0.25": "-1"},
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(engine, name):
    assert engine("atEdges", f=name, at=list(EDGES[name])) == list(EDGES[name].values())


def test_subnormal_numbers(engine):
    (least,) = engine("elementary", f="exp", at=[-745.0])
    assert least == 5e-324
    (value,) = engine("elementary", f="log", at=[5e-324])
    assert value == pytest.approx(math.log(5e-324), rel=1e-15)


def test_the_engine_uses_nothing_that_browsers_round_differently():
    """Of Math only what IEEE 754 or the language fixes to the bit, and no powers."""
    fixed = {"abs", "ceil", "floor", "max", "min", "sqrt", "PI", "round"}
    for module in ENGINE.glob("*.js"):
        code = re.sub(r"/\*.*?\*/|//.*", "", module.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert set(re.findall(r"Math\.(\w+)", code)) <= fixed, module.name
        assert "**" not in code, module.name
