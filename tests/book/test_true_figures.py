"""Curves with a formula are drawn where the formula says, on their whole range, ends included.

The statements of a notebook that a figure follows from are run, and nothing else of it; the lines are taken
from the figure before it becomes a picture. Formulas and quadratures here are of their own, in NumPy.
"""

import ast
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import norm

from gan_lib import display

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LOG2 = np.log(2)


class Sketchbook:
    """sketchbook(notebook, name): what the cell with that figure hands to `display`, unpainted: the figure,
    or the function that draws one for each place of a slider."""

    def __init__(self, monkeypatch):
        self.shown = []
        for kind in ("figure", "slider"):
            monkeypatch.setattr(display, kind, lambda drawn, *_, **__: self.shown.append(drawn))

    def __call__(self, notebook, mark):
        cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        (place,) = [k for k, source in enumerate(sources) if mark in source and "display." in source]
        target = [part for part in ast.parse(sources[place]).body if not is_claim(part)]
        before = [statement for source in sources[:place] for statement in ast.parse(source).body]
        module = ast.Module([*needed(before, target), *target], type_ignores=[])
        exec(compile(module, notebook, "exec"), {})
        return self.shown[-1]


def needed(before, target):
    """Of the statements before, those that the target follows from: backwards, by names that are wanted."""
    wanted, kept = set(), []
    for statement in reversed([*before, *target]):
        if statement not in target:
            if isinstance(statement, ast.Expr) or not bound(statement) & wanted:
                continue
            kept.insert(0, statement)
        parts = any(isinstance(node, ast.Subscript) for node in getattr(statement, "targets", ()))
        if isinstance(statement, (ast.Assign, ast.FunctionDef)) and not parts:
            wanted -= bound(statement)  # what it binds owes nothing to earlier values
        wanted |= used(statement)
    return kept


def used(statement):
    """Names that it takes from outside: those read, but for what a function binds itself."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    own = set()
    for node in ast.walk(statement):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            own |= {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    if isinstance(statement, ast.FunctionDef):
        own |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return {name.id for name in names if isinstance(name.ctx, ast.Load)} - own


def bound(statement):
    """Names that it gives a value."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            node = ast.Name(node.value.id, node.ctx)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def is_claim(statement):
    return isinstance(statement, ast.Expr) and getattr(statement.value, "func", None) and (
        getattr(statement.value.func, "id", None) == "claim"
    )  # fmt: skip


@pytest.fixture
def sketchbook(monkeypatch):
    yield Sketchbook(monkeypatch)
    plt.close("all")


def lines(ax):
    """The curves of a panel, {label: (x, y)}; those without a label are called by their number."""
    return {
        line.get_label(): tuple(np.array(values, float) for values in line.get_data()) for line in ax.lines
    }


def agree(line, formula, atol=1e-6):
    """A curve is its formula at each of its points, and has points."""
    x, y = line
    assert len(x) > 2
    assert np.abs(y - formula(x)).max() < atol


def gaussian(x, mean=0.0, std=1.0):
    return np.exp(-(((x - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


FINE, DX = np.linspace(-30, 40, 140_001, retstep=True)


def js(p, q):
    """By quadrature on a grid that is finer and wider than any of the notebooks'."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(a > 0, a * np.log(2 * a / (p + q)), 0) for a in (p, q)]
    return sum(terms).sum() * DX / 2


def test_the_best_discriminator(sketchbook):
    left, right = sketchbook("01_minimax", 'name="best-discriminator"').axes
    curves = lines(left)
    agree(curves["data $p$"], gaussian)
    agree(curves["generator $q$"], lambda x: gaussian(x, 2))
    agree(curves["$D^*$"], lambda x: sigmoid(2 - 2 * x))
    p = lambda x: (gaussian(x, -2, 0.6) + gaussian(x, 2, 0.6)) / 2  # noqa: E731
    agree(lines(right)["data $p$"], p)
    agree(lines(right)["$D^*$"], lambda x: p(x) / (p(x) + gaussian(x, 0, 1.8)))


def test_gaussians_that_slide_apart(sketchbook):
    """The two slopes add up to the distance; both are integrals of the best discriminator."""
    draw = sketchbook("01_minimax", "what the generator is told")
    curves = lines(draw(2.0).axes[1])
    agree(curves["JS / log 2"], np.vectorize(lambda t: js(gaussian(FINE), gaussian(FINE, t)) / LOG2))
    minimax = np.vectorize(lambda t: t * (gaussian(FINE, t) * sigmoid(t * t / 2 - t * FINE)).sum() * DX)
    agree(curves["|slope|, minimax loss"], minimax)
    agree(curves["|slope|, non-saturating"], lambda t: np.minimum(t - minimax(t), 2.2))


def test_uniforms_that_slide_apart(sketchbook):
    (ax,) = sketchbook("01_minimax", "shift θ of U[θ, θ+1]").axes
    agree(lines(ax)["JS (nats)"], lambda t: np.minimum(t, 1) * LOG2)
    agree(lines(ax)["$W_1$"], lambda t: t)


def test_generator_losses_and_their_slopes(sketchbook):
    left, right = sketchbook("01_minimax", 'name="generator-losses"').axes
    losses = [lambda a: -np.log1p(np.exp(a)), lambda a: np.log1p(np.exp(-a)), lambda a: -np.exp(a)]
    slopes = [lambda a: -sigmoid(a), lambda a: -sigmoid(-a), lambda a: -np.exp(a)]
    for ax, formulas in ((left, losses), (right, slopes)):
        for line, formula in zip(lines(ax).values(), formulas, strict=True):
            x, y = line
            assert y == pytest.approx(formula(x), rel=1e-5, abs=1e-6)


def test_bounds_of_f_gans(sketchbook):
    """E_q of e^(c log p/q) is known for Gaussians, and so two of the bounds; the first is an integral."""
    (ax,) = sketchbook("01_minimax", 'name="f-gan-bounds"').axes
    curves = lines(ax)
    square = 1.5**2
    formula = lambda c: 1 + c * square / 2 - np.exp(square * (c * c - c) / 2)  # noqa: E731
    agree(curves["KL(p||q)"], formula, 1e-5)
    agree(curves["KL(q||p)"], formula, 1e-5)
    p, q = gaussian(FINE), gaussian(FINE, 1.5)
    logit = square / 2 - 1.5 * FINE
    softplus = lambda a: np.logaddexp(0, a)  # noqa: E731
    first = np.vectorize(lambda c: 2 * LOG2 - (p * softplus(-c * logit) + q * softplus(c * logit)).sum() * DX)
    agree(curves["2 JS"], first, 1e-5)


def steps_of_dirac(update, gamma=0.0, h=0.2, count=499):
    """From (1, 1); by formulas, for each kind of step."""
    move = lambda w: np.array(  # noqa: E731
        [w[1] * sigmoid(w[0] * w[1]), -w[0] * sigmoid(w[0] * w[1]) - gamma * w[1]]
    )
    path, before = [np.ones(2)], move(np.ones(2))
    for _ in range(count):
        w, now = path[-1], move(path[-1])
        if update == "alternating":
            theta = w[0] + h * now[0]
            path.append(np.array([theta, w[1] + h * move(np.array([theta, w[1]]))[1]]))
        elif update == "extragradient":
            path.append(w + h * move(w + h * now))
        else:
            path.append(w + h * (2 * now - before if update == "optimistic" else now))
        before = now
    return np.array(path)


def test_orbits_of_the_dirac_game(sketchbook):
    games = (("simultaneous", 0.0), ("alternating", 0.0), ("simultaneous", 0.3), ("simultaneous", 1.0))
    known = [steps_of_dirac(*game) for game in games]
    for ax, path in zip(sketchbook("01_minimax", 'name="dirac-orbits"').axes, known, strict=True):
        drawn = np.array(ax.lines[0].get_xydata())
        assert np.abs(drawn - path).max() < 1e-9
    for ax, update in zip(
        sketchbook("01_minimax", 'name="look-ahead"').axes,
        ("simultaneous", "extragradient", "optimistic"),
        strict=True,
    ):
        drawn = np.array(ax.lines[0].get_xydata())
        assert np.abs(drawn - steps_of_dirac(update, count=len(drawn) - 1)).max() < 1e-9
    draw = sketchbook("01_minimax", 'name="dirac-field"')
    for kind, gamma in (("none", 0.0), ("R1, γ = 1", 1.0)):
        (ax,) = draw(kind).axes
        assert np.abs(ax.lines[0].get_xydata() - steps_of_dirac("simultaneous", gamma)).max() < 1e-9
        arrows = ax.collections[0]
        theta, psi = arrows.X, arrows.Y
        right, up = psi * sigmoid(psi * theta), -theta * sigmoid(psi * theta) - gamma * psi
        length = np.maximum(np.hypot(right, up), 1e-9)
        assert np.abs(np.stack([arrows.U - right / length, arrows.V - up / length])).max() < 1e-9


def bump(x):
    """A raised cosine of width 1, and its derivative."""
    within = np.abs(x) < 0.5
    return within * (1 + np.cos(2 * np.pi * x)), within * -2 * np.pi * np.sin(2 * np.pi * x)


def js_of_bumps(theta):
    """JS of two bumps theta apart, and its derivative, half the integral of dq/dtheta log(q / (p + q))."""
    x = (np.arange(40_000) + 0.5) / 10_000 - 1
    (p, _), (q, change) = bump(x), bump(x - theta)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(a > 0, a * np.log(2 * a / (p + q)), 0).sum() for a in (p, q)]
        slope = np.where(q > 0, -change * np.log(2 * q / (p + q)), 0).sum()
    return sum(terms) / 20_000, slope / 20_000


@pytest.fixture
def apart(sketchbook):
    """The panels of the opening figure of the second chapter, the bumps half a width apart."""
    return sketchbook("02_wasserstein", 'name="apart-slider"')(0.5).axes


def test_bumps_that_slide_apart(apart):
    curves = lines(apart[1])
    agree(curves["JS (nats)"], np.vectorize(lambda t: js_of_bumps(t)[0]), 1e-4)
    agree(curves["$W_1$"], lambda t: t, 1e-4)
    assert curves["JS (nats)"][0][[0, -1]] == pytest.approx([0, 2])


def test_slopes_of_the_bumps(apart):
    """That of JS begins at 0; that of W1 is 1, but none at 0, where W1 has a kink."""
    curves = lines(apart[2])
    x, slope = curves["JS (nats)"]
    exact = np.array([js_of_bumps(theta)[1] for theta in x])
    assert x[0] == 0 and exact[0] == pytest.approx(0, abs=1e-9)
    assert np.abs(slope - exact).max() < 0.03
    x, slope = curves["$W_1$"]
    drawn = np.isfinite(slope)
    assert np.abs(slope[drawn] - 1).max() < 1e-3
    assert drawn[x > 0].all() and not drawn[x == 0].any()


def test_areas_between_distribution_functions(sketchbook):
    left, right = sketchbook("02_wasserstein", 'name="areas"').axes
    p = lambda x: (norm.cdf(x, -1.5, 0.5) + norm.cdf(x, 1.5, 0.5)) / 2  # noqa: E731
    q = lambda x: norm.cdf(x, 0.3, 1.0)  # noqa: E731
    agree(lines(left)["$F_p$ (data)"], p, 1e-3)
    agree(lines(left)["$F_q$ (generator)"], q, 1e-3)
    (x, f), = lines(right).values()  # fmt: skip
    slopes, middle = np.diff(f) / np.diff(x), (x[1:] + x[:-1]) / 2
    away = np.abs(q(middle) - p(middle)) > 0.01  # from the places where the critic turns
    assert away.mean() > 0.5
    assert slopes[away] == pytest.approx(np.sign(q(middle) - p(middle))[away], abs=1e-6)
