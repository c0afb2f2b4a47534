"""From the plain game to relativistic pairing with two penalties, one change at a time, recorded.

    python book/record/what_works_now.py

On the ring and the grid of gan_lib.toys, several seeds each: either loss, the plain one or pairing, with no
penalty, with R1, R2 or both at several weights; and in two more games, with equal learning rates and with
three discriminator steps, with neither penalty or both. On Fashion-MNIST (its embedded sample): either loss,
without a penalty and with both, by a small pair of the DCGAN networks. One process, one thread. Writes
book/results/what_works_now.json after every run; runs that stand there already, made in the same setting, are
kept.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch
from recording import earlier_record, provenance, write
from tqdm import tqdm

from gan_lib.data import batches, grid, load_images, ring, unscale
from gan_lib.metrics import embed, frechet_distance, load_extractor, precision_recall
from gan_lib.networks import dcgan_discriminator, dcgan_generator
from gan_lib.objectives import non_saturating, relativistic_pairing
from gan_lib.regularizers import r1_penalty, r2_penalty
from gan_lib.toys import SETTING, Method, judge, play
from gan_lib.training import alternating_step

RESULTS = Path(__file__).resolve().parents[1] / "results/what_works_now.json"
OBJECTIVES = {"plain": non_saturating, "pairing": relativistic_pairing}
# The penalty is gamma / 2 times R1, R2 or their sum.
PENALTIES = [("R1 + R2", 0.2), ("R1 + R2", 2.0), ("R1 + R2", 20.0), ("R1", 2.0), ("R1", 20.0), ("R2", 2.0)]
GAMMA = 2.0  # in the other games
GAMES = {"rates 3 : 1": {}, "rates 1 : 1": {"rate_g": 1 / 3}, "three steps": {"critic_steps": 3}}
DENSITIES = {"ring": ring, "grid": grid}
SAMPLES = 2500
IMAGES = {"latent_dim": 64, "width": 8, "batch": 64, "rate": 4e-4, "betas": (0.5, 0.999), "samples": 2000}
IMAGE_GAMMAS = (2.0, 20.0)


def penalty_of(name, gamma):
    """The penalty as `gan_lib.training.discriminator_step` takes it, None for "none"."""
    return None if name == "none" else partial(penalise, name=name, gamma=gamma)


def penalise(discriminator, real, fake, name, gamma):
    r1 = r1_penalty(discriminator, real) if "R1" in name else 0.0
    r2 = r2_penalty(discriminator, fake) if "R2" in name else 0.0
    return gamma / 2 * (r1 + r2)


def toy_tasks(seeds):
    """What is to be played in the plane: (data, game, objective, penalty, gamma, seed)."""
    games = [("rates 3 : 1", *penalty) for penalty in PENALTIES]
    others = [(game, "R1 + R2", GAMMA) for game in list(GAMES)[1:]]
    plain = [(game, "none", 0.0) for game in GAMES]
    for seed in seeds:
        for game, name, gamma in [*plain, *games, *others]:
            for objective in OBJECTIVES:
                for density in DENSITIES:
                    yield density, game, objective, name, gamma, seed


def image_tasks(seeds):
    for seed in seeds:
        for name, gamma in [("none", 0.0), *(("R1 + R2", g) for g in IMAGE_GAMMAS)]:
            for objective in OBJECTIVES:
                yield "fashion", "images", objective, name, gamma, seed


def play_toy(density, game, objective, penalty, gamma, seed, steps):
    target = DENSITIES[density]()
    method = Method(OBJECTIVES[objective], penalty=penalty_of(penalty, gamma), **GAMES[game])
    start = time.process_time()
    trained = play(target, method, seed, steps)
    seconds = time.process_time() - start
    found, near = judge(trained, target, SAMPLES), judge(trained, target, SAMPLES, radius=10.0)
    reached = {"modes": found.modes, "near": near.modes, "high_quality": found.high_quality, "kl": found.kl}
    return reached | {"seconds": round(seconds, 1)}


class Fashion:
    """Games on the embedded sample of Fashion-MNIST, and how their samples are judged."""

    def __init__(self):
        self.images = load_images("fashion_mnist_10k", pad=True).images
        self.extractor = load_extractor("fashion_cnn")
        self.real = embed(self.extractor, self.images[: IMAGES["samples"]]).features

    def floor(self):
        """What other photographs score."""
        others = self.images[IMAGES["samples"] : 2 * IMAGES["samples"]]
        return self.judge(others)

    def judge(self, images):
        features = embed(self.extractor, images).features
        precision, recall = precision_recall(self.real, features)
        distance = float(frechet_distance(features, self.real))
        return {"frechet": distance, "precision": float(precision), "recall": float(recall)}

    def play(self, data, game, objective, penalty, gamma, seed, steps):
        torch.manual_seed(seed)
        generator = dcgan_generator(IMAGES["latent_dim"], IMAGES["width"], channels=1)
        discriminator = dcgan_discriminator(IMAGES["width"], channels=1, dropout=0.0)
        optimizers = [
            torch.optim.Adam(network.parameters(), IMAGES["rate"], IMAGES["betas"])
            for network in (generator, discriminator)
        ]
        stream, start = torch.Generator().manual_seed(seed), time.process_time()
        done = 0
        while done < steps:
            for real in batches(self.images, IMAGES["batch"], stream):
                noise = torch.randn(len(real), IMAGES["latent_dim"], generator=stream)
                alternating_step(
                    generator,
                    discriminator,
                    *optimizers,
                    real,
                    noise,
                    OBJECTIVES[objective],
                    penalty=penalty_of(penalty, gamma),
                )
                done += 1
                if done == steps:
                    break
        seconds = time.process_time() - start
        if not all(weight.isfinite().all() for weight in generator.parameters()):
            raise ArithmeticError(f"{objective}, {penalty}, seed {seed}: the generator is no longer finite")
        return self.judge(self.sample(generator, stream)) | {"seconds": round(seconds, 1)}

    @torch.no_grad()
    def sample(self, generator, stream):
        generator.eval()
        noise = torch.randn(IMAGES["samples"], IMAGES["latent_dim"], generator=stream)
        return torch.cat([unscale(generator(part)) for part in noise.split(500)])


NAMES = "data", "game", "objective", "penalty", "gamma", "seed"  # of what tells a run from the others


def key(run):
    return tuple(run[name] for name in NAMES)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="of the toys; they are 1, 2, ...")
    parser.add_argument("--steps", type=int, default=1000, help="updates of the toys' generators")
    parser.add_argument("--image-seeds", type=int, default=3, help="of the games on images")
    parser.add_argument("--image-steps", type=int, default=500, help="updates of their generators")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file")
    args = parser.parse_args(arguments)
    if min(args.seeds, args.steps, args.image_steps) < 1 or args.image_seeds < 0:
        parser.error("--seeds, --steps and --image-steps must be at least 1, --image-seeds at least 0")
    torch.set_num_threads(1)
    toys = SETTING._asdict() | {"steps": args.steps, "samples": SAMPLES}
    settings = {"toys": toys, "images": IMAGES | {"steps": args.image_steps}}
    settings = json.loads(json.dumps(settings))
    record = earlier_record(args.out, settings)
    runs, spent, start = record["runs"], record["seconds"], time.monotonic()
    tasks = [*toy_tasks(range(1, args.seeds + 1)), *image_tasks(range(1, args.image_seeds + 1))]
    done = {key(run) for run in runs}
    tasks = [task for task in tasks if task not in done]
    fashion = Fashion() if args.image_seeds else None
    floor = fashion.floor() if fashion else record.get("other_photographs")
    for task in tqdm(tasks, unit="run"):
        if task[0] == "fashion":
            reached = fashion.play(*task, args.image_steps)
        else:
            reached = play_toy(*task, args.steps)
        runs.append(dict(zip(NAMES, task, strict=True)) | reached)
        tqdm.write(" ".join(f"{name} {value}" for name, value in runs[-1].items()))
        about = provenance("cpu", spent + time.monotonic() - start, settings=settings)
        write(args.out, about | {"other_photographs": floor, "runs": sorted(runs, key=key)})


if __name__ == "__main__":
    main()
