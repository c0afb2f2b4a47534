"""Play the toys in a setting that nobody chose for this book: that of Lin et al. (2018), for fewer steps.

    python book/record/published_toys.py

Networks, optimizer, batch, data and measure are those of their paper and program: a generator of four layers
of 400 units with batch norm, a discriminator of three maxout layers of 200 units with five pieces, weights of
standard deviation 0.02, Adam at rate 1e-4 with β₁ = 0.8, batches of 100 packs, both players moved at once, a
fixed sample of 100,000 points, samples drawn with the running statistics of batch norm. They train for
400,000 steps. Writes book/results/published_toys.json after every run; runs that stand there are kept.
"""

import argparse
import time
from itertools import pairwise, product
from pathlib import Path

import torch
from recording import earlier_runs, provenance, write
from torch import nn
from tqdm import tqdm

from gan_lib.data import grid, ring
from gan_lib.metrics import mode_coverage
from gan_lib.objectives import non_saturating
from gan_lib.toys import Pack
from gan_lib.training import simultaneous_step

RESULTS = Path(__file__).resolve().parents[1] / "results/published_toys.json"
DENSITIES = {"ring": ring, "grid": grid}
PACKS = {"GAN": 1, "PacGAN2": 2}
SETTING = {
    "batch": 100,
    "rate": 1e-4,
    "betas": [0.8, 0.999],
    "points": 100_000,
    "init": 0.02,
    "samples": 2500,
}
LATENT, UNITS, MAXOUT, PIECES = 2, 400, 200, 5


class Maxout(nn.Module):
    """The largest of several linear maps, unit by unit."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs * PIECES)

    def forward(self, x):
        return self.linear(x).unflatten(1, (-1, PIECES)).amax(2)


def networks(packing):
    """(generator, discriminator) with Gaussian weights and zero offsets."""
    layers = []
    for before, after in pairwise([LATENT, *[UNITS] * 4]):
        linear = nn.Linear(before, after, bias=False)
        layers += [linear, nn.BatchNorm1d(after, momentum=0.05), nn.ReLU()]
    generator = nn.Sequential(*layers, nn.Linear(UNITS, 2))
    maxout = [Maxout(before, MAXOUT) for before in (2 * packing, MAXOUT, MAXOUT)]
    discriminator = nn.Sequential(Pack(packing), *maxout, nn.Linear(MAXOUT, 1))
    for layer in [*generator.modules(), *discriminator.modules()]:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=SETTING["init"])
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return generator, discriminator


def play(density, method, seed, steps):
    """One run. Returns: dict of density, method, seed, modes, high_quality in [0, 1], kl in nats, seconds."""
    torch.manual_seed(seed)
    start, draw = time.process_time(), torch.Generator().manual_seed(seed)
    target, count = DENSITIES[density](), SETTING["batch"] * PACKS[method]
    points = target.sample(SETTING["points"], draw)
    players = networks(PACKS[method])
    adams = [
        torch.optim.Adam(net.parameters(), SETTING["rate"], SETTING["betas"], fused=True) for net in players
    ]
    for _ in range(steps):
        real = points[torch.randint(len(points), (count,), generator=draw)]
        noise = torch.randn(count, LATENT, generator=draw)
        simultaneous_step(*players, *adams, real, noise, non_saturating)
    with torch.no_grad():
        samples = players[0].eval()(torch.randn(SETTING["samples"], LATENT, generator=draw))
    found = mode_coverage(samples, target.modes, target.std)
    run = {"density": density, "method": method, "seed": seed, "modes": found.modes}
    seconds = round(time.process_time() - start, 1)
    return run | {"high_quality": found.high_quality, "kl": found.kl, "seconds": seconds}


def key(run):
    return run["density"], run["method"], run["seed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many; they are 1, 2, ... (default: 5)")
    parser.add_argument("--steps", type=int, default=2000, help="of both players (default: 2000)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file")
    options = parser.parse_args()
    if min(options.seeds, options.steps) < 1:
        parser.error(f"--seeds and --steps must be at least 1, got {options.seeds} and {options.steps}")
    torch.set_num_threads(1)
    settings = SETTING | {"steps": options.steps}
    runs, spent = earlier_runs(options.out, settings)
    done, begin = {key(run) for run in runs}, time.monotonic()
    todo = [
        (density, method, seed)
        for seed, density, method in product(range(1, options.seeds + 1), DENSITIES, PACKS)
        if (density, method, seed) not in done
    ]
    for one in tqdm(todo, unit="run"):
        runs.append(play(*one, options.steps))
        about = provenance("cpu", spent + time.monotonic() - begin, settings=settings)
        write(options.out, about | {"runs": sorted(runs, key=key)})


if __name__ == "__main__":
    main()
