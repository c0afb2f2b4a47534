"""How many modes of the ring and the grid do a plain GAN and PacGAN2 cover, beside the published values?

The runs are those of `python book/record/mode_collapse.py`, paired: a seed fixes the initial generator, the
stream of data and noise, and the noise of the 2,500 samples that are judged.

    python benchmarks/toys.py
"""

import argparse
import json
import statistics
from itertools import product
from pathlib import Path

RECORD = Path(__file__).resolve().parents[1] / "book/results/mode_collapse.json"
DENSITIES, METHODS = ("ring", "grid"), ("GAN", "PacGAN2")

# (density, method, source, modes, high-quality share in %), as mean or (mean, standard error)
PUBLISHED = (
    ("ring", "GAN", "Lin et al. (2018)", (6.3, 0.5), 98.2),
    ("ring", "GAN", "Srivastava et al. (2017)", 1, 99.3),
    ("ring", "PacGAN2", "Lin et al. (2018)", (7.9, 0.1), 95.6),
    ("grid", "GAN", "Lin et al. (2018)", (17.3, 0.8), 94.8),
    ("grid", "GAN", "Srivastava et al. (2017)", 3.3, 0.5),
    ("grid", "PacGAN2", "Lin et al. (2018)", (23.8, 0.7), 91.3),
)


def of(runs, density, method, name):
    """One number of every run, in order of the seeds."""
    chosen = [run for run in runs if (run["density"], run["method"]) == (density, method)]
    return [run[name] for run in sorted(chosen, key=lambda run: run["seed"])]


def mean_and_error(values):
    """(mean, standard error of the mean), with the sample's variance: nan for a single value."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return statistics.fmean(values), error


def table(runs):
    """Markdown: what was measured, and below it what was published, for each density and method."""
    lines = ["| density | method | source | modes | high quality | KL, nats |", "| --- " * 6 + "|"]
    for density, method in product(DENSITIES, METHODS):
        seeds = len(of(runs, density, method, "seed"))
        modes, quality, kl = (
            mean_and_error(of(runs, density, method, name)) for name in ("modes", "high_quality", "kl")
        )
        cells = (f"here, {seeds} seeds", pm(modes, ".1f"), pm(quality, ".1%"), pm(kl, ".3f"))
        lines.append(f"| {density} | {method} | {' | '.join(cells)} |")
        for *which, source, modes, quality in PUBLISHED:
            if which == [density, method]:
                value = pm(modes, ".1f") if isinstance(modes, tuple) else f"{modes}"
                lines.append(f"| {density} | {method} | {source} | {value} | {quality} % | - |")
    return "\n".join(lines)


def pm(mean_error, form):
    mean, error = (format(value, form).replace("%", " %") for value in mean_error)
    return f"{mean.removesuffix(' %')} ± {error}" if mean.endswith("%") else f"{mean} ± {error}"


def paired(runs, density):
    """One line: how many modes more PacGAN2 covers than the plain GAN, seed by seed."""
    plain, packed = (of(runs, density, method, "modes") for method in METHODS)
    more = [b - a for a, b in zip(plain, packed, strict=True)]
    at_least = sum(difference >= 0 for difference in more)
    signed = ", ".join(f"{difference:+d}" for difference in more)
    return (
        f"{density}: PacGAN2 covers at least as many modes with {at_least} of {len(more)} seeds; "
        f"difference {pm(mean_and_error(more), '+.1f').replace('± +', '± ')} ({signed})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--record", type=Path, default=RECORD, help="JSON file of the runs")
    record = parser.parse_args().record
    if not record.is_file():
        parser.error(f"{record} is not there; python book/record/mode_collapse.py makes it")
    runs = json.loads(record.read_text())["runs"]
    print(table(runs), *(paired(runs, density) for density in DENSITIES), sep="\n")


if __name__ == "__main__":
    main()
