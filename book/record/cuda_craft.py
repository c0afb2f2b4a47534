"""What a GPU shows and a CPU cannot: sums that do not repeat, and 16 bits with and without a scaler.

    python book/record/cuda_craft.py

Takes the DCGAN pair on the embedded Fashion-MNIST images. Writes book/results/cuda_craft.json:

    sums        a million numbers added into a hundred places, again and again: how far apart the sums are
    training    the same run twice: how far apart the weights are; and what repeatability costs
    precision   the same run in 32 and in 16 bits: losses, images/s, gradients that became zero, the scale

"sums" and "training" are taken as PyTorch comes, with cuDNN's search for the fastest algorithm, and with
deterministic algorithms alone.
"""

import argparse
import os
import time
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import torch
from recording import provenance, write

from gan_lib import data, networks, objectives
from gan_lib.training import Engine, KerasAdam, find_device, simultaneous_step

RESULTS = Path(__file__).resolve().parents[1] / "results"
WAYS = {
    "as it comes": {},
    "cuDNN's search": {"benchmark": True},
    "deterministic": {"deterministic": True},
}
PRECISIONS = {
    "float32": {},
    "bfloat16": {},
    "float16 with scaler": {},
    "float16 without scaler": {"scaler": False},
}


@contextmanager
def switched(benchmark=False, deterministic=False):
    """PyTorch's two switches, for the time of a block."""
    torch.backends.cudnn.benchmark = benchmark
    torch.use_deterministic_algorithms(deterministic)
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(False)


def apart(results):
    """The largest difference of two among tensors that ought to be equal, relative to the largest value."""
    largest = max((a - b).abs().max().item() for a, b in combinations(results, 2))
    return largest / results[0].abs().max().item()


def sums(device, count=1_000_000, places=100, repeats=10):
    """How far apart repeated sums of the same numbers are."""
    source = torch.Generator().manual_seed(0)
    values = torch.rand(count, generator=source).to(device)
    index = torch.randint(places, (count,), generator=source).to(device)
    return apart([torch.zeros(places, device=device).index_add_(0, index, values) for _ in range(repeats)])


def play(images, options, precision="float32", scaler=True):
    """A short run of the pair.

    Returns: dict of the weights, the mean losses of the last quarter of the steps, images a second, the share
        of the generator's last gradients that are zero, and the scale at the end.
    """
    device, steps, source = images.device, options.steps, torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    pair = networks.dcgan_generator(width=options.width, channels=1)
    pair = [pair, networks.dcgan_discriminator(width=options.width, channels=1)]
    pair = [network.to(device) for network in pair]
    adam = [KerasAdam(network.parameters(), 1e-4, (0.5, 0.999)) for network in pair]
    engine = Engine(precision, device.type)
    if not scaler:
        engine.scaler = torch.amp.GradScaler(device.type, enabled=False)
    losses, tenth = [], steps // 10
    for step in range(steps):
        if step == tenth:  # what came before chose algorithms and took memory
            clock(device)
            start = time.perf_counter()
        batch = torch.randint(len(images), (options.batch_size,), generator=source)
        real = data.scale(images[batch.to(device)])
        noise = torch.randn(options.batch_size, 128, generator=source).to(device)
        losses.append(simultaneous_step(*pair, *adam, real, noise, objectives.non_saturating, engine=engine))
    clock(device)
    seconds = time.perf_counter() - start
    gradients = torch.cat([weight.grad.flatten() for weight in pair[0].parameters()])
    means = torch.tensor(losses[-(steps // 4) :]).mean(0).tolist()
    return {
        "weights": torch.cat([weight.detach().flatten() for n in pair for weight in n.parameters()]),
        "losses": means,
        "images_per_second": (steps - tenth) * options.batch_size / seconds,
        "zero_gradients": (gradients == 0).double().mean().item(),
        "scale": engine.scaler.get_scale(),
    }


def clock(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="default: cuda")
    parser.add_argument("--steps", type=int, default=400, help="of each run (default 400)")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the record")
    options = parser.parse_args(arguments)
    if options.steps < 20:
        parser.error(f"--steps must be at least 20, got {options.steps}")
    try:
        device, begun = find_device(options.device), time.monotonic()
    except ValueError as error:
        parser.error(str(error))
    images = data.load_images("fashion_mnist_10k", pad=True).images.to(device)

    found = {"sums": {}, "training": {}, "precision": {}}
    for way, switches in WAYS.items():
        with switched(**switches):
            found["sums"][way] = sums(device)
            runs = [play(images, options) for _ in range(2)]
        found["training"][way] = {
            "apart": apart([run["weights"] for run in runs]),
            "images_per_second": max(run["images_per_second"] for run in runs),
        }
    for name, changes in PRECISIONS.items():
        run = play(images, options, name.split()[0], **changes)
        found["precision"][name] = {key: value for key, value in run.items() if key != "weights"}
    settings = {name: getattr(options, name) for name in ("steps", "batch_size", "width")}
    write(options.out / "cuda_craft.json", provenance(device, time.monotonic() - begun, **settings) | found)


if __name__ == "__main__":
    # must be set before the first matrix product: the workspace with which cuBLAS repeats itself
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    main()
