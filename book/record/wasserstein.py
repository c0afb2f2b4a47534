"""Train small GANs with different objectives and Lipschitz constraints on the wide ring, over several seeds.

    python book/record/wasserstein.py

Every hundred generator steps the exact 1-Wasserstein distance between samples and data is computed beside the
discriminator's loss. Writes book/results/wasserstein.json.
"""

import argparse
import time
from pathlib import Path

import torch
from recording import provenance, write
from tqdm import tqdm

from gan_lib import data, networks, objectives, training
from gan_lib.divergences import wasserstein
from gan_lib.metrics import mode_coverage
from gan_lib.regularizers import clip_weights_, gradient_penalty, spectral_normalize

BATCH, LATENT, WIDTH, DEPTH = 256, 8, 64, 2
TRACE_EVERY = 100  # generator steps between two lines of the trace
PAIRS = 1000  # samples on either side of an exact distance
RESULT = Path(__file__).resolve().parents[1] / "results/wasserstein.json"
TARGET = data.ring(std=0.1)
# learning rate and betas of Adam; one rate for RMSprop, as Arjovsky et al. (2017) use with clipping
PLAIN, PENALISED = (1e-3, (0.5, 0.999)), (1e-3, (0.0, 0.9))
METHODS = {
    "non-saturating": {"objective": "non_saturating", "adam": PLAIN},
    "hinge": {"objective": "hinge", "adam": PLAIN},
    "hinge + SN": {"objective": "hinge", "adam": PLAIN, "spectral": True},
    "hinge + SN, 5 steps": {"objective": "hinge", "adam": PLAIN, "spectral": True, "critic_steps": 5},
    "WGAN, clip 0.1": {"objective": "wasserstein", "rmsprop": 5e-4, "clip": 0.1, "critic_steps": 5},
    "WGAN + SN": {"objective": "wasserstein", "adam": PLAIN, "spectral": True, "critic_steps": 5},
    "WGAN-GP, λ = 10": {"objective": "wasserstein", "adam": PENALISED, "penalty": 10.0, "critic_steps": 5},
    "WGAN-GP, λ = 1": {"objective": "wasserstein", "adam": PENALISED, "penalty": 1.0, "critic_steps": 5},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="independent runs of each method (default: 5)")
    parser.add_argument("--steps", type=int, default=1500, help="generator steps of a run (default: 1500)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--out", type=Path, default=RESULT, help="the file to write")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error(f"--seeds must be at least 2 for a standard error, got {options.seeds}")
    if options.steps < TRACE_EVERY:
        parser.error(f"--steps must be at least {TRACE_EVERY}, got {options.steps}")
    torch.set_num_threads(1)
    start = time.monotonic()
    draw = torch.Generator().manual_seed(10**6)
    floor = [wasserstein(TARGET.sample(PAIRS, draw), TARGET.sample(PAIRS, draw)).item() for _ in range(20)]
    runs = {name: [] for name in METHODS}
    todo = [(name, seed) for seed in range(options.seeds) for name in METHODS]
    for name, seed in tqdm(todo, desc="runs"):
        runs[name].append(play(seed, options.steps, options.device, **METHODS[name]))
    settings = {"seeds": options.seeds, "steps": options.steps, "batch_size": BATCH, "methods": METHODS}
    about = provenance(options.device, time.monotonic() - start, **settings)
    write(options.out, {"about": about, "floor": floor, "runs": runs})


def play(
    seed, steps, device, *, objective, adam=None, rmsprop=None, critic_steps=1, clip=None, spectral=False,
    penalty=None,
):  # fmt: skip
    """One run: the final modes, share of good samples and distance; the critic's largest slope; the trace."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    objective = objectives.OBJECTIVES[objective]
    generator = networks.mlp_generator(LATENT, WIDTH, 2, DEPTH).to(device)
    critic = networks.mlp_discriminator(WIDTH, 2, DEPTH).to(device)
    if spectral:
        spectral_normalize(critic)
    optimizers = [
        torch.optim.RMSprop(net.parameters(), rmsprop)
        if rmsprop
        else torch.optim.Adam(net.parameters(), *adam)
        for net in (generator, critic)
    ]

    def weighted(*batch):
        return penalty * gradient_penalty(*batch)

    def noise(n=BATCH):
        return torch.randn(n, LATENT, generator=draw).to(device)

    def real(n=BATCH):
        return TARGET.sample(n, draw).to(device)

    extra = {"penalty": weighted if penalty else None}
    trace, steepest = [], 0.0
    for step in range(1, steps + 1):
        for _ in range(critic_steps - 1):
            training.discriminator_step(generator, critic, optimizers[1], real(), noise(), objective, **extra)
            if clip:
                clip_weights_(critic, clip)
        fresh = {"generator_noise": noise()}
        _, loss = training.alternating_step(
            generator, critic, *optimizers, real(), noise(), objective, **fresh, **extra
        )
        if clip:
            clip_weights_(critic, clip)
        if step % TRACE_EVERY == 0:
            with torch.no_grad():
                fake = generator(noise(PAIRS))
            steepest = max(steepest, slope(critic, fake))
            trace.append((step, loss.item(), wasserstein(fake.cpu(), TARGET.sample(PAIRS, draw)).item()))
    with torch.no_grad():
        found = mode_coverage(generator(noise(2500)).cpu(), TARGET.modes, TARGET.std)
    final = {"modes": found.modes, "share": found.high_quality, "distance": trace[-1][2]}
    return final | {"slope": steepest, "trace": trace}


def slope(critic, points):
    """The mean norm of the critic's gradient at points."""
    points = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points)
    return gradient.norm(dim=1).mean().item()


if __name__ == "__main__":
    main()
