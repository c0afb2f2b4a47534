"""Play both generator losses of the minimax chapter on the wide ring, under Adam and under plain steps.

    python book/record/ring_losses.py

All runs share networks, data, noise and steps (Algorithm 1 of Goodfellow et al. 2014 with k = 1). They
differ in the generator's loss, in the optimizer of both players, and, in one row, in the generator's rate.
Writes book/results/ring_losses.json.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import torch
from recording import provenance, write
from torch.optim import SGD, Adam
from tqdm import tqdm

from gan_lib import data, networks, objectives, training
from gan_lib.divergences import wasserstein
from gan_lib.metrics import mode_coverage

BATCH, LATENT, WIDTH, DEPTH = 256, 8, 64, 2
RESULT = Path(__file__).resolve().parents[1] / "results/ring_losses.json"
TARGET = data.ring(std=0.1)
BETAS = (0.5, 0.999)
# optimizer, its rate for the generator, and for the discriminator
OPTIMIZERS = {"Adam": (Adam, 1e-3, 1e-3), "Adam, slower G": (Adam, 3e-4, 1e-3), "SGD": (SGD, 0.1, 0.1)}
GAMES = [
    (loss, name)
    for name in OPTIMIZERS
    for loss in ("minimax", "non_saturating")
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="independent runs of each game (default: 5)")
    parser.add_argument("--steps", type=int, default=1500, help="steps of a run (default: 1500)")
    parser.add_argument("--out", type=Path, default=RESULT, help="the file to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.monotonic()
    runs = [
        {"loss": loss, "optimizer": name, "seed": seed} | play(seed, options.steps, loss, *OPTIMIZERS[name])
        for seed in tqdm(range(options.seeds), desc="seeds")
        for loss, name in GAMES
    ]
    rates = {name: {"G": g, "D": d} for name, (_, g, d) in OPTIMIZERS.items()}
    settings = {"seeds": options.seeds, "steps": options.steps, "batch_size": BATCH, "rates": rates}
    write(options.out, {"about": provenance("cpu", time.monotonic() - start, **settings), "runs": runs})


def play(seed, steps, loss, optimizer, rate_g, rate_d):
    """One run: final islands, share of good samples and W1; the least mean D of a batch of fakes."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    generator = networks.mlp_generator(LATENT, WIDTH, 2, DEPTH)
    discriminator = networks.mlp_discriminator(WIDTH, 2, DEPTH)
    if optimizer is Adam:
        optimizer = partial(Adam, betas=BETAS)
    optimizers = optimizer(generator.parameters(), rate_g), optimizer(discriminator.parameters(), rate_d)
    noise = partial(torch.randn, BATCH, LATENT, generator=draw)
    opinion = 1.0
    for _ in range(steps):
        real, first, second = TARGET.sample(BATCH, draw), noise(), noise()
        with torch.no_grad():
            opinion = min(opinion, discriminator(generator(first)).sigmoid().mean().item())
        training.alternating_step(
            generator,
            discriminator,
            *optimizers,
            real,
            first,
            objectives.OBJECTIVES[loss],
            generator_noise=second,
        )
    with torch.no_grad():
        samples = generator(torch.randn(2500, LATENT, generator=draw))
    found = mode_coverage(samples, TARGET.modes, TARGET.std)
    distance = wasserstein(samples[:1000], TARGET.sample(1000, draw)).item()
    return {"modes": found.modes, "share": found.high_quality, "distance": distance, "opinion": opinion}


if __name__ == "__main__":
    main()
