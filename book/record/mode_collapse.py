"""How many modes of the ring and the grid each method of gan_lib.toys covers: several seeds each, recorded.

    python book/record/mode_collapse.py

All methods play in one setting, `gan_lib.toys.SETTING`, in which a plain GAN collapses: its generator learns
three times as fast as its discriminator. It was chosen among about a dozen on seeds 100 and 101, which are
not recorded, as one in which the plain GAN collapses and PacGAN2 does not. Writes
book/results/mode_collapse.json after every run; runs that stand there already, made in the same setting, are
kept. `python benchmarks/toys.py` makes a table of it, beside published values.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import torch
from recording import earlier_runs, provenance, write
from tqdm import tqdm

from gan_lib.data import grid, ring
from gan_lib.toys import METHODS, SETTING, judge, play

RESULTS = Path(__file__).resolve().parents[1] / "results/mode_collapse.json"
DENSITIES = {"ring": ring, "grid": grid}
SAMPLES = 2500


def measure(density, method, seed, steps):
    """Train one pair and judge its samples.

    Returns: dict of density, method, seed, modes (with a sample within 3 standard deviations), near (within
        10), high_quality in [0, 1], kl in nats, and the seconds of processor time.
    """
    torch.set_num_threads(1)
    target = DENSITIES[density]()
    start = time.process_time()
    game = play(target, METHODS[method], seed, steps)
    seconds = time.process_time() - start
    found, near = judge(game, target, SAMPLES), judge(game, target, SAMPLES, radius=10.0)
    run = {"density": density, "method": method, "seed": seed, "modes": found.modes, "near": near.modes}
    return run | {"high_quality": found.high_quality, "kl": found.kl, "seconds": round(seconds, 1)}


def key(run):
    return run["density"], run["method"], run["seed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many; they are 1, 2, ...")
    parser.add_argument("--steps", type=int, default=1000, help="updates of the generator")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file")
    args = parser.parse_args()
    if min(args.seeds, args.steps, args.processes) < 1:
        parser.error("--seeds, --steps and --processes must be at least 1")
    torch.set_num_threads(1)
    settings = json.loads(json.dumps(SETTING._asdict() | {"steps": args.steps, "samples": SAMPLES}))
    runs, spent = earlier_runs(args.out, settings)
    done = {key(run) for run in runs}
    seeds = range(1, args.seeds + 1)
    tasks = [(d, m, s) for s in seeds for m in METHODS for d in DENSITIES if (d, m, s) not in done]
    start = time.monotonic()
    with ProcessPoolExecutor(args.processes, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(measure, *task, args.steps) for task in tasks]
        for finished in tqdm(as_completed(waiting), total=len(waiting), unit="run"):
            runs.append(finished.result())
            tqdm.write(" ".join(f"{name} {value}" for name, value in runs[-1].items()))
            about = provenance("cpu", spent + time.monotonic() - start, settings=settings)
            write(args.out, about | {"runs": sorted(runs, key=key)})


if __name__ == "__main__":
    main()
