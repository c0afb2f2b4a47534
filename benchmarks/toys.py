"""How many modes of the ring and the grid do a plain GAN and PacGAN2 cover, beside the published values?

Both play the non-saturating game with the same perceptrons; PacGAN2's discriminator judges pairs. The
comparison is paired: a seed fixes the initial generator, the stream of data and noise, and the noise of the
2,500 samples that are judged.

    python benchmarks/toys.py --seeds 5 --out benchmarks/results/toys.json
"""

import argparse
import json
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from gan_lib.data import grid, ring
from gan_lib.metrics import mode_coverage
from gan_lib.networks import mlp_discriminator, mlp_generator
from gan_lib.objectives import non_saturating
from gan_lib.regularizers import pack
from gan_lib.training import alternating_step

DENSITIES = {"ring": ring, "grid": grid}
METHODS = {"GAN": 1, "PacGAN2": 2}  # samples that the discriminator judges at a time
BATCH, LATENT_DIM, WIDTH, DEPTH = 256, 2, 128, 2
LEARNING_RATE, BETAS = 3e-3, (0.5, 0.99)  # the rate falls linearly to 0
STEPS = 6000
SAMPLES = 2500

# (density, method, source, modes, high-quality share in %), as mean or (mean, standard error)
PUBLISHED = (
    ("ring", "GAN", "Lin et al. (2018)", (6.3, 0.5), 98.2),
    ("ring", "GAN", "Srivastava et al. (2017)", 1, 99.3),
    ("ring", "PacGAN2", "Lin et al. (2018)", (7.9, 0.1), 95.6),
    ("grid", "GAN", "Lin et al. (2018)", (17.3, 0.8), 94.8),
    ("grid", "GAN", "Srivastava et al. (2017)", 3.3, 0.5),
    ("grid", "PacGAN2", "Lin et al. (2018)", (23.8, 0.7), 91.3),
)


class Game(NamedTuple):
    """A pair of networks before its first step, and the torch.Generator that data and noise come from."""

    generator: nn.Module
    discriminator: nn.Module
    stream: torch.Generator


class Pack(nn.Module):
    """`gan_lib.regularizers.pack` as a layer."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return pack(x, self.size)


def start(method, seed):
    """A `Game` whose generator and stream depend on the seed alone, whatever the method."""
    packing = METHODS[method]
    torch.manual_seed(seed)
    generator = mlp_generator(LATENT_DIM, WIDTH, depth=DEPTH)
    discriminator = nn.Sequential(Pack(packing), mlp_discriminator(WIDTH, 2 * packing, DEPTH))
    return Game(generator, discriminator, torch.Generator().manual_seed(seed))


def measure(density, method, seed, steps=STEPS):
    """Train one pair and judge its samples.

    Returns: dict of density, method, seed, steps, seconds, modes, high_quality in [0, 1], and kl in nats.
    """
    torch.set_num_threads(1)
    target = DENSITIES[density]()
    generator, discriminator, stream = start(method, seed)
    optimizers = [
        torch.optim.Adam(network.parameters(), LEARNING_RATE, BETAS, fused=True)
        for network in (generator, discriminator)
    ]
    schedules = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.0, steps) for o in optimizers]
    began = time.perf_counter()
    for _ in range(steps):
        real = target.sample(BATCH, stream)
        noise = torch.randn(BATCH, LATENT_DIM, generator=stream)
        alternating_step(generator, discriminator, *optimizers, real, noise, non_saturating)
        for schedule in schedules:
            schedule.step()
    seconds = time.perf_counter() - began
    with torch.no_grad():
        samples = generator(torch.randn(SAMPLES, LATENT_DIM, generator=stream))
    found = mode_coverage(samples, target.modes, target.std)
    run = {"density": density, "method": method, "seed": seed, "steps": steps, "seconds": round(seconds, 1)}
    return run | {"modes": found.modes, "high_quality": found.high_quality, "kl": found.kl}


def measure_all(seeds, steps, processes):
    """The runs of all densities, methods and seeds, in that order, so many at a time; each prints a line."""
    tasks = list(product(DENSITIES, METHODS, seeds, [steps]))
    runs = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for run in pool.map(measure, *zip(*tasks, strict=True)):
            print(
                f"{run['density']}  {run['method']:<8} seed {run['seed']}  {run['modes']:2d} modes  "
                f"{run['high_quality']:6.1%} high quality  KL {run['kl']:.3f}  {run['seconds']:5.1f} s",
                flush=True,
            )
            runs.append(run)
    return runs


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
    seeds = len({run["seed"] for run in runs})
    lines = ["| density | method | source | modes | high quality | KL, nats |", "| --- " * 6 + "|"]
    for density, method in product(DENSITIES, METHODS):
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
    parser.add_argument("--seeds", type=int, default=5, help="how many; they are 1, 2, ...")
    parser.add_argument("--steps", type=int, default=STEPS, help="updates of each player")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--out", type=Path, help="JSON file for the single runs")
    args = parser.parse_args()
    if min(args.seeds, args.steps, args.processes) < 1:
        parser.error("--seeds, --steps and --processes must be at least 1")
    runs = measure_all(range(1, args.seeds + 1), args.steps, args.processes)
    print(table(runs), *(paired(runs, density) for density in DENSITIES), sep="\n")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"torch": torch.__version__, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
