"""The recipe of chapter 6 on stacked MNIST: either loss, without a penalty, with R1, with R1 and R2.

    GAN_DATA=... python book/record/stacked_recipe.py

The setting is that of stacked_mnist.py but for the precision (float32), the discriminator (without dropout)
and the number of steps. One process, one thread. Writes book/results/stacked_recipe.json after every run;
runs that stand there already, made in the same setting, are kept.
"""

import argparse
import time
from pathlib import Path

import stacked_mnist as base
import torch
from recording import earlier_runs, provenance, write
from tqdm import tqdm
from what_works_now import GAMMA, OBJECTIVES, penalty_of

from gan_lib.networks import dcgan_discriminator, dcgan_generator

RESULTS = Path(__file__).resolve().parents[1] / "results/stacked_recipe.json"
PENALTIES = ("none", "R1", "R1 + R2")


def play(objective, penalty, seed, images, classifier, steps, device):
    """Train one pair. Returns its record."""
    torch.manual_seed(seed)
    generator = dcgan_generator(base.LATENT_DIM, base.WIDTH).to(device)
    discriminator = dcgan_discriminator(base.WIDTH, channels=3, dropout=0.0).to(device)
    start = time.process_time()
    samples = base.train(
        f"{objective}, {penalty}, seed {seed}",
        generator,
        discriminator,
        seed,
        images,
        steps,
        device,
        OBJECTIVES[objective],
        penalty=penalty_of(penalty, GAMMA),
    )
    kind = {"objective": objective, "penalty": penalty, "seed": seed}
    spread = samples.std(0).mean().item()  # 0 where every sample is the same
    reached = {
        "finite": bool(samples.isfinite().all()),
        "spread": spread,
        **base.covered(classifier, samples),
    }
    return kind | reached | {"seconds": round(time.process_time() - start)}


def without_training(images, classifier, device):
    """What the dullest alternatives cover: an untrained generator, and pixels drawn each by itself."""
    torch.manual_seed(0)
    stream = torch.Generator().manual_seed(0)
    initial = base.sample(
        dcgan_generator(base.LATENT_DIM, base.WIDTH).to(device), base.SAMPLES, stream, device
    )
    real = base.stack(images, base.SAMPLES, stream)
    noise = real.mean(0) + real.std(0) * torch.randn(real.shape, generator=stream).to(device)
    return {
        "initial": base.covered(classifier, initial),
        "independent pixels": base.covered(classifier, noise.clamp(-1, 1)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many; they are 1, 2, ...")
    parser.add_argument("--steps", type=int, default=2000, help="updates of each player")
    parser.add_argument("--classifier-epochs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file")
    args = parser.parse_args()
    if min(args.seeds, args.steps, args.classifier_epochs) < 1:
        parser.error("--seeds, --steps and --classifier-epochs must be at least 1")
    torch.set_num_threads(1)
    settings = {
        "latent_dim": base.LATENT_DIM,
        "width": base.WIDTH,
        "batch": base.BATCH,
        "rate": base.RATE,
        "betas": list(base.BETAS),
    }
    settings |= {"steps": args.steps, "samples": base.SAMPLES, "gamma": GAMMA, "precision": "float32"}
    runs, spent = earlier_runs(args.out, settings)
    start = time.monotonic()
    images, classifier, accuracy, truth, _ = base.prepare(args.classifier_epochs, args.device)
    controls = without_training(images, classifier, args.device)
    done = {(run["objective"], run["penalty"], run["seed"]) for run in runs}
    seeds = range(1, args.seeds + 1)
    for task in [(o, p, s) for s in seeds for p in PENALTIES for o in OBJECTIVES if (o, p, s) not in done]:
        runs.append(play(*task, images, classifier, args.steps, args.device))
        tqdm.write(" ".join(f"{name} {value}" for name, value in runs[-1].items()))
        about = provenance(args.device, spent + time.monotonic() - start, settings=settings)
        about |= {"classifier_accuracy": accuracy, "data": truth, "controls": controls}
        write(args.out, about | {"runs": runs})


if __name__ == "__main__":
    main()
