"""Train the small generator that the chapter on metrics measures, and follow its moving average.

    python book/record/metrics_generator.py

For each seed a small DCGAN learns the first half of the embedded Fashion-MNIST images. After the epochs of
EPOCHS, samples of the last and of the averaged weights are compared with the other half: Fréchet distance in
fashion_cnn features. Each set of weights is measured with three kinds of batch norm statistics (STATISTICS).
Writes book/results/metrics_generator.json, and the weights of the first seed as metrics_generator.safetensors
(half precision; names begin with "last." and "average.").
"""

import argparse
import copy
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import torch
from recording import provenance, write
from safetensors.torch import save
from torch.optim.swa_utils import update_bn

from gan_lib import data, metrics
from gan_lib.training import TrainConfig, find_device, train
from gan_lib.training.files import load_generator, write_atomically

EPOCHS = (1, 3, 6)
SAMPLES, BATCH = 2000, 100
STATISTICS = {
    "stored": "evaluation mode, with the moving averages of training",
    "batch": f"training mode: those of each batch of {BATCH} samples",
    "recomputed": f"evaluation mode, with the means over 50 batches of {BATCH} new samples (update_bn)",
}
SETTINGS = {
    "dataset": "fashion_mnist_10k",
    "latent_dim": 64,
    "width": 12,
    "update": "alternating",
    "learning_rate": 2e-3,
    "ema_decay": 0.99,
    "batch_size": 64,
    "sample_every": max(EPOCHS),
}
RESULTS = Path(__file__).resolve().parents[1] / "results"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="independent runs (default: 5)")
    parser.add_argument("--workers", type=int, default=1, help="runs at the same time (default: 1)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto (default: cpu)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error(f"--seeds must be at least 2 for a standard error, got {options.seeds}")

    torch.set_num_threads(1)  # as the runs do
    start = time.monotonic()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(follow, range(options.seeds), repeat(options.device)))
    weights = runs[0][1]
    distances = {
        kind: {how: [curves[kind][how] for curves, _ in runs] for how in STATISTICS}
        for kind in ("last", "average")
    }

    record = {
        "what": "Fréchet distance in fashion_cnn features to the 5000 held-out images",
        "samples": SAMPLES,
        **provenance(find_device(options.device), time.monotonic() - start),
        "seeds": list(range(options.seeds)),
        "settings": SETTINGS,
        "training_images": 5000,
        "epochs": list(EPOCHS),
        "statistics": STATISTICS,
        "distances": distances,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_atomically(options.out / "metrics_generator.safetensors", weights)
    write(options.out / "metrics_generator.json", record)


def follow(seed, device):
    """Distances {"last": {"stored": [...], ...}, "average": ...} of a run after EPOCHS; its last weights."""
    torch.set_num_threads(1)
    learnt, held_out = data.load_images("fashion_mnist_10k", pad=True).images.split(5000)
    extractor = metrics.load_extractor("fashion_cnn")
    reference = metrics.Moments().update(metrics.embed(extractor, held_out).features)
    curves = {kind: {how: [] for how in STATISTICS} for kind in ("last", "average")}
    draw = torch.Generator().manual_seed(1000 + seed)
    noise, other_noise = (
        torch.randn(n, SETTINGS["latent_dim"], generator=draw) for n in (SAMPLES, 50 * BATCH)
    )
    with tempfile.TemporaryDirectory() as folder:
        for epochs in EPOCHS:
            train(TrainConfig(**SETTINGS, seed=seed, epochs=epochs, device=device, out=folder), learnt)
            for kind, measured in curves.items():
                generator, _ = load_generator(folder, ema=kind == "average")
                for how, curve in measured.items():
                    fakes = sample(generator, how, noise, other_noise)
                    curve.append(
                        metrics.frechet_distance(metrics.embed(extractor, fakes).features, reference)
                    )
        return curves, half_precision(folder)


@torch.inference_mode()
def sample(generator, how, noise, other_noise):
    """uint8 images of the noise; the statistics are STATISTICS[how], for which other_noise may be used."""
    generator = copy.deepcopy(generator).train(how == "batch")
    if how == "recomputed":
        update_bn(other_noise.split(BATCH), generator)
    return torch.cat([data.unscale(generator(part)) for part in noise.split(BATCH)])


def half_precision(folder):
    """The weights of both generators of a run as float16: the bytes of a safetensors file."""
    weights = {}
    for kind in ("last", "average"):
        generator, _ = load_generator(folder, ema=kind == "average")
        for name, tensor in generator.state_dict().items():
            weights[f"{kind}.{name}"] = tensor.contiguous().half()
    return save(weights)


if __name__ == "__main__":
    main()
