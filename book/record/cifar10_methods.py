"""Methods side by side on CIFAR-10: runs of the train command, measured as the DCGAN lab measures its own.

    python -m gan_lib train --preset ns-ema --out runs/ns-ema     # and sngan, wgan-gp, ...
    python book/record/cifar10_methods.py runs/ns-ema runs/sngan runs/wgan-gp

Of each run folder the generator that draws the samples (the averaged one, where there is one) is compared
with the test images, and what it took is read from the run's log. Writes book/results/cifar10_methods.json,
whole or not at all.
"""

import argparse
import os
import time
from pathlib import Path

from dcgan_cifar10 import compare, read_log, timing
from recording import provenance, write

from gan_lib.commands.common import draw, labels_for, noise_of
from gan_lib.data import load_images
from gan_lib.metrics import embed, load_extractor
from gan_lib.training import find_device, load_generator

RESULTS = Path(__file__).resolve().parents[1] / "results"
SETTINGS = ("network", "width", "spectral_norm", "conditional", "objective", "penalty", "clip", "update")
SETTINGS += ("n_critic", "learning_rate", "learning_rate_d", "beta1", "beta2", "ema_decay", "seed")
SETTINGS += ("precision",)


def load_run(folder, device):
    """The generator that draws a run's samples, and its `TrainConfig`.

    Raises: FileNotFoundError or ValueError if the folder is no run on CIFAR-10.
    """
    generator, config = load_generator(folder, device=device)
    if config.dataset != "cifar10":
        raise ValueError(f"{folder} was trained on {config.dataset}; these runs are compared on cifar10")
    return generator, config


def measure(folder, images, extractor, reference, samples):
    """What a run has reached, and what it took: dict.

    Args:
        images: count of the training images. extractor, reference: of `compare`. samples: to draw.
    """
    generator, config = load_run(folder, extractor.device)
    trace = read_log(folder)[: config.epochs]  # the log may be ahead of the checkpoint
    batches = min(images, config.limit or images) // config.batch_size
    drawn = draw(generator, noise_of(config, samples, seed=1), labels_for(generator, samples))
    return {
        "run": Path(folder).resolve().name,
        "epochs": config.epochs,
        "generator_steps": config.epochs * batches // config.n_critic,
        "batch_size": config.batch_size,
        **timing(trace, extractor.device),
        "settings": {name: getattr(config, name) for name in SETTINGS},
        "metrics": compare(extractor, reference, drawn),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", help="run folders of python -m gan_lib train")
    parser.add_argument("--samples", type=int, default=10_000, help="for the metrics (default 10000)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    parser.add_argument("--data", help="folder of the data sets (default: $GAN_DATA, else the cache)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    start, device = time.monotonic(), find_device(options.device)
    names = [Path(folder).resolve().name for folder in options.runs]
    if len(set(names)) < len(names):
        parser.error(f"the runs are told apart by the names of their folders; got {', '.join(names)}")
    try:
        for folder in options.runs:  # before anything takes time
            load_run(folder, "cpu")
        images, held_out = (load_images("cifar10", split, options.data).images for split in ("train", "test"))
    except (ValueError, OSError) as error:
        parser.error(str(error))
    extractor = load_extractor("cifar_resnet20", device=device)
    reference = embed(extractor, held_out[: options.samples])
    rows = []
    for folder in options.runs:
        rows.append(measure(folder, len(images), extractor, reference, options.samples))
        print(f"{rows[-1]['run']}: {rows[-1]['metrics']}", flush=True)
    words = ["python book/record/cifar10_methods.py", *(f"runs/{name}" for name in names)]
    words += ["--samples", str(options.samples)]
    record = provenance(device, time.monotonic() - start) | {"command": " ".join(words)}
    record |= {
        "protocol": f"{options.samples} samples of each generator in evaluation mode against "
        f"{options.samples} test images",
        "samples": options.samples,
        "real_against_real": compare(extractor, reference, images[: options.samples]),
        "runs": rows,
    }
    write(options.out / "cifar10_methods.json", record)


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
