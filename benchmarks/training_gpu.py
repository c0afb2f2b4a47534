"""How many images a second does a training step of the DCGAN pair take on a GPU, at what share of its peak?

    python benchmarks/training_gpu.py [--device cuda] [--batch-size 256]

The data set lies on the device. Each precision as it is, through torch.compile, captured as a CUDA graph, and
both; three rounds in turn, medians. The share is of the rate at which the same device multiplies large
matrices in the same precision, at 0.88 GFLOP an image.
"""

import argparse
import statistics
import time
from functools import partial

import torch

from gan_lib import data, networks, objectives, training
from gan_lib.training.run import compile_networks

FLOP = 0.88e9  # of a training step, an image: three passes through each network, two of the discriminator
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
WAYS = ("as it is", "compiled", "captured", "compiled, captured")


def stepper(precision, way, images, batch_size, width):
    """A function that makes one training step, in one of `WAYS`. Returns: it."""
    device = images.device
    torch.manual_seed(0)
    engine = training.Engine(precision)
    pair = [networks.dcgan_generator(width=width), networks.dcgan_discriminator(width=width)]
    pair = [network.to(device, memory_format=torch.channels_last) for network in pair]
    adam = [training.KerasAdam(network.parameters(), 1e-4, (0.5, 0.999)) for network in pair]
    if "compiled" in way:
        compile_networks(*pair)
    if "captured" in way:
        take = training.CapturedStep(*pair, *adam, objectives.non_saturating, engine)
    else:
        take = partial(uncaptured, *pair, *adam, engine)

    def step():
        real = data.scale(images[torch.randint(len(images), (batch_size,), device=device)])
        take(real, torch.randn(batch_size, 128, device=device))

    return step


def uncaptured(generator, discriminator, optimizer_g, optimizer_d, engine, real, noise):
    optimizers = optimizer_g, optimizer_d
    training.simultaneous_step(
        generator, discriminator, *optimizers, real, noise, objectives.non_saturating, engine=engine
    )


def rate(step, count, device):
    """Calls a second."""
    synchronise = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    synchronise()
    start = time.perf_counter()
    for _ in range(count):
        step()
    synchronise()
    return count / (time.perf_counter() - start)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=8192, help="of the matrices whose product is the peak")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="default: all")
    args = parser.parse_args(arguments)
    images = torch.randint(256, (4096, 3, 32, 32), dtype=torch.uint8, device=args.device)
    steps = {
        (name, way): stepper(name, way, images, args.batch_size, args.width)
        for name in DTYPES
        for way in args.ways
    }
    for step in steps.values():
        rate(step, max(1, args.steps // 10), args.device)  # compiled, and tuned, before the clock starts
    found = {way: [] for way in steps}
    for _ in range(args.rounds):
        for way, step in steps.items():
            found[way].append(args.batch_size * rate(step, args.steps, args.device))
    for (name, way), rates in found.items():
        a = torch.randn(args.side, args.side, device=args.device, dtype=DTYPES[name])
        peak = 2 * args.side**3 * rate(lambda a=a: a @ a, 10, args.device)
        median = statistics.median(rates)
        share = median * FLOP / peak
        print(
            f"{name:<9} {way:<18} {median:10.1f} images/s, {100 * share:.1f} % of {peak / 1e12:.1f} TFLOP/s"
        )


if __name__ == "__main__":
    main()
