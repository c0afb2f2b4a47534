"""Small wrong edits of what the course teaches, each alone: who notices, the unit tests or the page's claims?

    python benchmarks/sabotage.py [names or numbers...] [--tests-only]

Works in a copy of the repository. For each edit it runs the unit tests of the file (`pytest -x`) and the
notebook that teaches the thing (`notebooks/run.py`), and writes a line of build/sabotage.jsonl; edits that
are there are not tried again. Then it prints the table: caught by tests, by claims (one that no longer
holds, or whose control now passes), by an error on the page, by nothing. A minute or two for each edit.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "build/sabotage.jsonl"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "_build", "__pycache__", "course")
HOUR = 3600
ONE, TWO, THREE, FOUR = "01_minimax", "02_wasserstein", "03_mode_collapse", "04_metrics"


class Edit(NamedTuple):
    """One wrong edit: in a file `old` becomes `new`; the file's tests, and the notebook that teaches it."""

    file: str
    old: str
    new: str
    tests: str
    notebook: str


def of(file, tests, notebook, *pairs):
    return [Edit(f"gan_lib/{file}.py", old, new, f"tests/gan_lib/{tests}.py", notebook) for old, new in pairs]


EDITS = [
    *of(
        "objectives", "test_objectives", ONE,
        ("return _softplus(-real_logits).mean() + _softplus(fake_logits)",
         "return _softplus(real_logits).mean() + _softplus(fake_logits)"),
        ("return -_softplus(fake_logits).mean()", "return _softplus(fake_logits).mean()"),
        ("return _softplus(-fake_logits).mean()", "return -fake_logits.sigmoid().mean()"),
        ("return -fake_logits.exp().mean()", "return -fake_logits.mean()"),
        ("- real_target * real_logits", "- real_logits"),
        ("on_real.mean() + on_fake.mean()", "(on_real.mean() + on_fake.mean()) / 2"),
        ("(real_logits - 1).square().mean() / 2", "(real_logits - 1).square().mean()"),
        ("return (fake_logits - 1).square().mean() / 2", "return fake_logits.square().mean() / 2"),
        ("threshold=40.0", "threshold=2.0"),
    ),
    *of(
        "objectives", "test_objectives", TWO,
        ("return fake_logits.mean() - real_logits.mean()", "return real_logits.mean() - fake_logits.mean()"),
        ("return -fake_logits.mean()", "return fake_logits.mean()"),
        ("F.relu(1 - real_logits)", "F.relu(-real_logits)"),
    ),
    *of(
        "objectives", "test_objectives", "07_what_works_now",
        ("return _softplus(fake_logits - real_logits).mean()",
         "return _softplus(fake_logits.mean() - real_logits).mean()"),
        ("return relativistic_pairing_discriminator(fake_logits, real_logits)",
         "return relativistic_pairing_discriminator(real_logits, fake_logits)"),
    ),
    *of(
        "regularizers", "test_regularizers", TWO,
        ("(slopes.norm(dim=1) - 1).square().mean()", "slopes.norm(dim=1).square().mean()"),
        ("eps * real + (1 - eps) * fake", "real"),
        ("autograd.grad(network(points).sum(), points", "autograd.grad(network(points).mean(), points"),
        ("parameter.clamp_(-bound, bound)", "parameter.clamp_(max=bound)"),
        ("            spectral_norm(layer)", "            spectral_norm(layer, n_power_iterations=1, dim=1)"),
        ("y = layer(x) - offset", "y = layer(x)"),
    ),
    *of(
        "regularizers", "test_regularizers", "07_what_works_now",
        ("return _slopes(discriminator, real).square().sum(1).mean()",
         "return _slopes(discriminator, real).norm(dim=1).mean()"),
        ("return _slopes(discriminator, real).square().sum(1).mean()",
         "return _slopes(discriminator, real).detach().square().sum(1).mean()"),
    ),
    *of(
        "regularizers", "test_regularizers", THREE,
        ("real_features.detach().mean(0)).square().sum()", "real_features.detach().mean(0)).square().mean()"),
        ("fake_features.mean(0) - real_features.detach().mean(0)",
         "fake_features.std(0) - real_features.detach().std(0)"),
        ("squares = (directions @ directions.T).square()", "squares = (directions @ directions.T)"),
        ("(squares.sum() - squares.diagonal().sum()) / (n * (n - 1))", "squares.sum() / (n * n)"),
        ("samples.reshape(len(samples) // size, -1,", "samples.repeat(1, size).reshape(len(samples), -1,"),
        ("(groups.var(0, correction=0) + eps).sqrt().mean(1)", "groups.mean(0).mean(1)"),
        ("(-distance).exp().sum(1) - 1", "(-distance).exp().mean(1) - 1"),
    ),
    *of(
        "divergences", "test_divergences", ONE,
        ("torch.where(outside, 0.5, p / torch", "torch.where(outside, 0.5, q / torch"),
        ("torch.special.xlog1py(q, -discriminator)", "torch.xlogy(q, discriminator)"),
        ("(torch.xlogy(p, p) - torch.xlogy(p, q))", "(torch.xlogy(q, q) - torch.xlogy(q, p))"),
        ("(excess + math.log(2) * total).sum(-1) * dx / 2", "(excess + math.log(2) * total).sum(-1) * dx"),
        ("(excess + math.log(2) * total)", "excess"),
        ("return (p - q).abs().sum(-1) * dx / 2", "return (p - q).abs().sum(-1) * dx"),
    ),
    *of(
        "divergences", "test_divergences", TWO,
        ("((p - q).cumsum(-1) * dx).abs().sum(-1) * dx", "((p - q).cumsum(-1)).abs().sum(-1) * dx"),
        ("((p - q).cumsum(-1) * dx).abs().sum(-1) * dx", "((p - q).cumsum(-1) * dx).sum(-1).abs() * dx"),
        ("distance**order, numItermax", "distance, numItermax"),
        ("(cdf_x - cdf_y).abs() * points.diff()", "(cdf_x - cdf_y) * points.diff()"),
        ("- 2 * overlap", "- overlap"),
        ("loss = critic(batch_y).mean() - critic(batch_x).mean()",
         "loss = critic(batch_x).mean() - critic(batch_y).mean()"),
    ),
    *of(
        "metrics/frechet", "metrics/test_frechet", FOUR,
        ("- 2 * root_trace", "- root_trace"),
        ("(means[0] - means[1]).square().sum()", "(means[0] - means[1]).norm()"),
        ("/ (self.count - 1)", "/ self.count"),
        ("inverse = 1 / sizes.to(torch.float64)", "inverse = 1 / sizes.to(torch.float64).sqrt()"),
    ),
    *of(
        "metrics/kernel", "metrics/test_kernel", FOUR,
        (".pow_(3)", ".pow_(2)"),
        ("(own.sum() - own.trace()).item()", "own.sum().item()"),
        ("- 2 * _between(x, y)", "- _between(x, y)"),
    ),
    *of(
        "metrics/inception_score", "metrics/test_inception_score", FOUR,
        ("- torch.xlogy(marginal, marginal).sum()).exp()", "- torch.xlogy(marginal, marginal).sum())"),
        ("marginal = p.mean(0)", "marginal = torch.full_like(p[0], 1 / p.shape[1])"),
    ),
    *of(
        "metrics/coverage", "metrics/test_coverage", FOUR,
        ("return PrecisionRecall(_share(inside_real), _share(inside_fake))",
         "return PrecisionRecall(_share(inside_fake), _share(inside_real))"),
        ("inside / (k * len(fake))", "inside / len(fake)"),
    ),
    *of(
        "metrics/coverage", "metrics/test_coverage", THREE,
        ("good = distance <= radius * std", "good = distance <= radius"),
        ("return math.log(len(p)) + torch.xlogy(p, p)", "return -torch.xlogy(p, p)"),
    ),
    *of(
        "metrics/copying", "metrics/test_copying", FOUR,
        ("to_train, to_test, (to_test - to_train) /", "to_train, to_test, (to_train - to_test) /"),
        ("(total**2 * (total - 1) * m**2)", "(total**3 * m**2)"),
    ),
    *of(
        "training/steps", "test_training", ONE,
        ("engine.backward(g_loss, generator, retain_graph=True)",
         "engine.backward(-g_loss, generator, retain_graph=True)"),
        ("real, fake.detach(), objective, labels, penalty, engine",
         "real, fake.detach() * 0.9, objective, labels, penalty, engine"),
    ),
    *of(
        "training/ema", "test_training_runs", FOUR,
        ("parameters[name], 1 - decay", "parameters[name], decay"),
    ),
    *of(
        "training/unrolled", "test_unrolled", THREE,
        ("weight - rate * slope", "weight + rate * slope"),
        ("list(weights.values()), create_graph=True", "list(weights.values()), create_graph=False"),
    ),
    *of(
        "toys", "test_toys", THREE,
        ("rate * (1 - step / steps)", "rate"),
        ("for _ in range(method.critic_steps):", "for _ in range(1):"),
        ("layer.weight.data.mul_(method.spread)", "layer.weight.data.mul_(1.0)"),
    ),
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="numbers of edits, or words of their files (default: all)")
    parser.add_argument("--tests-only", action="store_true", help="leave the notebooks out")
    options = parser.parse_args()
    chosen = [edit for number, edit in enumerate(EDITS) if wanted(number, edit, options.names)]
    RECORD.parent.mkdir(exist_ok=True)
    known = [json.loads(line) for line in RECORD.read_text().splitlines()] if RECORD.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(ROOT, Path(folder, "course"), ignore=LEFT_OUT))
        for edit in tqdm(chosen, unit="edit"):
            if any(line["edit"] == list(edit) and (line["page"] or options.tests_only) for line in known):
                continue
            known.append({"edit": list(edit), **judge(copy, edit, options.tests_only)})
            with RECORD.open("a") as file:
                file.write(json.dumps(known[-1]) + "\n")
    print(table([line for line in known if Edit(*line["edit"]) in chosen]))


def wanted(number, edit, names):
    return not names or str(number) in names or any(name in edit.file for name in names if not name.isdigit())


def judge(copy, edit, tests_only=False):
    """What notices an edit: {"tests": whether they do, "page": "claim", "error", "nothing", "" (not run)}."""
    file = copy / edit.file
    right = file.read_text()
    file.write_text(apply(edit, right))
    try:
        tests = run(copy, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", edit.tests)
        page = "" if tests_only else page_of(run(copy, "notebooks/run.py", edit.notebook, "--force"))
    finally:
        file.write_text(right)
    return {"tests": tests.returncode != 0, "page": page}


def apply(edit, source):
    """The source with the edit. ValueError where the text to be changed does not stand there exactly once."""
    if (count := source.count(edit.old)) != 1:
        raise ValueError(
            f"{edit.file} must have {edit.old!r} once, and has it {count} times: follow the code"
        )
    return source.replace(edit.old, edit.new)


def run(copy, *arguments):
    variables = {"PYTHONPATH": str(copy), "OMP_WAIT_POLICY": "PASSIVE"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=HOUR,
    )


def page_of(done):
    if done.returncode == 0:
        return "nothing"
    return "claim" if "ClaimFailed: " in done.stderr or "ControlPassed: " in done.stderr else "error"


def table(lines):
    """Markdown: a row for each edit, and how many are caught by what."""
    rows = ["| file | edit | tests | page |", "| --- | --- | --- | --- |"]
    for line in lines:
        edit = Edit(*line["edit"])
        change = f"`{edit.old.strip()}` → `{edit.new.strip()}`".replace("|", "\\|").replace("\n", " ")
        caught = "caught" if line["tests"] else "-"
        rows.append(f"| {edit.file} | {change} | {caught} | {line['page']} |")
    tests = sum(line["tests"] for line in lines)
    page = sum(line["page"] in ("claim", "error") for line in lines)
    neither = sum(not line["tests"] and line["page"] not in ("claim", "error") for line in lines)
    count = f"{len(lines)} edits: {tests} caught by tests, {page} by the page, {neither} by neither"
    return "\n".join([*rows, "", count])


if __name__ == "__main__":
    main()
