"""Play small GANs with different losses and Lipschitz constraints on the wide ring, over several seeds.

    python book/record/wasserstein.py

All games share networks, data and noise, and all but one the optimizer. Every fifty generator steps the
exact 1-Wasserstein distance between samples and data is computed, beside the discriminator's loss on the same
points. Then a DCGAN pair with spectral normalisation is trained on Fashion-MNIST, and the norms of its
discriminator's convolutions are taken before and after. Writes book/results/wasserstein.json.
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
from gan_lib.regularizers import clip_weights_, gradient_penalty, operator_norm, spectral_normalize

BATCH, LATENT, WIDTH, DEPTH = 256, 8, 64, 2
ADAM = (1e-3, (0.0, 0.9))  # learning rate and betas of both players, where a method names no others
TRACE_EVERY = 50  # generator steps between two lines of the trace
PAIRS = 1000  # samples on either side of an exact distance
RESULT = Path(__file__).resolve().parents[1] / "results/wasserstein.json"
TARGET = data.ring(std=0.1)
GAMES = {
    "minimax": {"objective": "minimax"},
    "non-saturating": {"objective": "non_saturating"},
    "hinge": {"objective": "hinge"},
    "hinge + SN": {"objective": "hinge", "spectral": True},
    "WGAN, clip 0.1": {"objective": "wasserstein", "clip": 0.1},
    "WGAN + SN": {"objective": "wasserstein", "spectral": True},
    "WGAN-GP, λ = 10": {"objective": "wasserstein", "penalty": 10.0},
    "WGAN-GP, λ = 1": {"objective": "wasserstein", "penalty": 1.0},
}
ONE_STEP = ("minimax", "non-saturating", "hinge", "hinge + SN")  # played with one discriminator step too
METHODS = {name: {"critic_steps": 5} | game for name, game in GAMES.items()}
METHODS |= {f"{name}, 1 step": {"critic_steps": 1} | GAMES[name] for name in ONE_STEP}
METHODS["hinge + SN, 1 step, other β"] = METHODS["hinge + SN, 1 step"] | {"adam": (1e-3, (0.5, 0.999))}
IMAGES = {"width": 16, "batch_size": 64, "adam": (2e-4, (0.5, 0.999))}  # of the DCGAN pair, hinge loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="independent runs of each method (default: 5)")
    parser.add_argument("--steps", type=int, default=1000, help="generator steps of a run (default: 1000)")
    parser.add_argument("--image-steps", type=int, default=300, help="of the DCGAN pair (default: 300)")
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
    convolutions = [
        convolution_norms(seed, options.image_steps, options.device)
        for seed in tqdm(range(options.seeds), desc="images")
    ]
    settings = {"seeds": options.seeds, "steps": options.steps, "batch_size": BATCH, "adam": ADAM}
    settings |= {"methods": METHODS, "images": IMAGES | {"steps": options.image_steps}}
    about = provenance(options.device, time.monotonic() - start, **settings)
    write(options.out, {"about": about, "floor": floor, "runs": runs, "convolutions": convolutions})


def play(seed, steps, device, *, objective, critic_steps, adam=ADAM, clip=None, spectral=False, penalty=None):
    """One run: the initial and final modes, share of good samples and distance; the largest mean slope of the
    discriminator at the samples; the trace, (generator steps, discriminator's loss, distance)."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    objective = objectives.OBJECTIVES[objective]
    generator = networks.mlp_generator(LATENT, WIDTH, 2, DEPTH).to(device)
    critic = networks.mlp_discriminator(WIDTH, 2, DEPTH).to(device)
    if spectral:
        spectral_normalize(critic)
    optimizers = [torch.optim.Adam(net.parameters(), *adam) for net in (generator, critic)]

    def weighted(*batch):
        return penalty * gradient_penalty(*batch)

    def noise(n=BATCH):
        return torch.randn(n, LATENT, generator=draw).to(device)

    def real(n=BATCH):
        return TARGET.sample(n, draw).to(device)

    def judge():
        with torch.no_grad():
            fake, data = generator(noise(PAIRS)), real(PAIRS)
            loss = objective.discriminator(critic(data), critic(fake)).item()
            found = mode_coverage(generator(noise(2500)).cpu(), TARGET.modes, TARGET.std)
        distance = wasserstein(fake.cpu(), data.cpu()).item()
        return fake, loss, {"modes": found.modes, "share": found.high_quality, "distance": distance}

    extra = {"penalty": weighted if penalty else None}
    *_, initial = judge()
    trace, steepest = [], 0.0
    for step in range(1, steps + 1):
        for _ in range(critic_steps - 1):
            training.discriminator_step(generator, critic, optimizers[1], real(), noise(), objective, **extra)
            if clip:
                clip_weights_(critic, clip)
        fresh = {"generator_noise": noise()}
        training.alternating_step(
            generator, critic, *optimizers, real(), noise(), objective, **fresh, **extra
        )
        if clip:
            clip_weights_(critic, clip)
        if step % TRACE_EVERY == 0:
            fake, loss, final = judge()
            steepest = max(steepest, slope(critic, fake))
            trace.append((step, loss, final["distance"]))
    return final | {"initial": initial, "slope": steepest, "trace": trace}


def slope(critic, points):
    """The mean norm of the critic's gradient at points."""
    points = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points)
    return gradient.norm(dim=1).mean().item()


def convolution_norms(seed, steps, device):
    """Operator norms of a normalised DCGAN discriminator's convolutions, before and after a hinge game."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    generator = networks.dcgan_generator(width=IMAGES["width"], channels=1).to(device)
    critic = spectral_normalize(networks.dcgan_discriminator(width=IMAGES["width"], channels=1)).to(device)
    optimizers = [torch.optim.Adam(net.parameters(), *IMAGES["adam"]) for net in (generator, critic)]
    images = data.load_images("fashion_mnist_10k", pad=True).images
    before = operator_norms(critic)
    for _ in range(steps):
        which = torch.randint(len(images), (IMAGES["batch_size"],), generator=draw)
        noise = torch.randn(IMAGES["batch_size"], 128, generator=draw).to(device)
        real = data.scale(images[which]).to(device)
        training.alternating_step(generator, critic, *optimizers, real, noise, objectives.hinge)
    return {"initial": before, "trained": operator_norms(critic)}


def operator_norms(critic):
    """Of the convolutions, in order, as they stand: 32, 16 and 8 pixels wide inputs."""
    critic.eval()
    layers = [layer for layer in critic if isinstance(layer, torch.nn.Conv2d)]
    draw = torch.Generator().manual_seed(0)
    norms = [
        operator_norm(layer, (layer.in_channels, size, size), generator=draw).item()
        for layer, size in zip(layers, (32, 16, 8), strict=True)
    ]
    critic.train()
    return norms


if __name__ == "__main__":
    main()
