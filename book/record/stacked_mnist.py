"""Stacked MNIST: three digits in the three channels of an image, a thousand modes that can be counted.

    GAN_DATA=... python book/record/stacked_mnist.py

For each seed and method a small DCGAN pair plays the non-saturating game, alternating, on the training
digits; a small convolutional network, trained first, reads the digits of its samples. Writes
book/results/stacked_mnist.json after every run, and stacked_mnist.png: rows of samples of the data and
of each method, the last seed's.
"""

import argparse
import io
import time
from pathlib import Path

import torch
from PIL import Image
from recording import provenance, write
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from gan_lib.data import load_images, scale, unscale
from gan_lib.metrics import stacked_mnist_modes
from gan_lib.networks import dcgan_discriminator, dcgan_generator
from gan_lib.objectives import non_saturating
from gan_lib.regularizers import MinibatchStd, pack
from gan_lib.training import Engine, alternating_step
from gan_lib.training.files import write_atomically

RESULTS = Path(__file__).resolve().parents[1] / "results"
METHODS = ("DCGAN", "PacDCGAN2", "minibatch std")
LATENT_DIM, WIDTH, BATCH, RATE, BETAS = 100, 16, 64, 1e-3, (0.5, 0.999)
SAMPLES, SHOWN = 10_000, 12


class Pack(nn.Module):
    def forward(self, x):
        return pack(x, 2)


def make_classifier():
    """(B, 1, 32, 32) in [-1, 1] to (B, 10) logits."""
    layers = [nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 8 * 8, 64), nn.ReLU(), nn.Linear(64, 10))


def train_classifier(images, labels, epochs, device):
    torch.manual_seed(0)
    classifier = make_classifier().to(device)
    optimizer = torch.optim.Adam(classifier.parameters(), 2e-3)
    for epoch in range(epochs):
        order = torch.randperm(len(images)).to(device)
        for batch in tqdm(order.split(128), desc=f"digit classifier, epoch {epoch + 1}"):
            loss = F.cross_entropy(classifier(scale(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return classifier.requires_grad_(False)


def read(classifier, stacked):
    """The digit in each channel of (B, 3, 32, 32) images: (B, 3)."""
    return classifier(stacked.flatten(0, 1)[:, None]).argmax(1).view(-1, 3)


def make_discriminator(method):
    network = dcgan_discriminator(WIDTH, channels=6 if method == "PacDCGAN2" else 3)
    if method == "PacDCGAN2":
        return nn.Sequential(Pack(), network)
    if method == "minibatch std":
        *body, flatten, head = network
        return nn.Sequential(*body, flatten, MinibatchStd(), nn.Linear(head.in_features + 1, 1))
    return network


def stack(images, count, stream):
    """Three digits each, drawn with replacement: (count, 3, 32, 32) in [-1, 1]."""
    chosen = torch.randint(len(images), (count, 3), generator=stream).to(images.device)
    return scale(images[chosen][:, :, 0])


@torch.no_grad()
def sample(generator, count, stream, device):
    """Samples in batches, with batch statistics of evaluation; the generator goes back to training."""
    generator.eval()
    sizes = [500] * (count // 500) + ([count % 500] if count % 500 else [])
    noise = (torch.randn(size, LATENT_DIM, generator=stream).to(device) for size in sizes)
    samples = torch.cat([generator(z) for z in noise])
    generator.train()
    return samples


def play(method, seed, images, classifier, steps, device):
    """Train one pair. Returns its record, and the samples that are shown."""
    torch.manual_seed(seed)
    networks = dcgan_generator(LATENT_DIM, WIDTH).to(device), make_discriminator(method).to(device)
    start = time.monotonic()
    name = f"{method}, seed {seed}"
    samples = train(name, *networks, seed, images, steps, device, non_saturating, engine=Engine("bfloat16"))
    record = {"method": method, "seed": seed, **covered(classifier, samples)}
    return record | {"seconds": round(time.monotonic() - start)}, samples[:SHOWN]


def train(name, generator, discriminator, seed, images, steps, device, objective, **step):
    """Train a pair with Adam; its SAMPLES samples. `step` goes to `alternating_step`."""
    optimizers = [torch.optim.Adam(n.parameters(), RATE, BETAS) for n in (generator, discriminator)]
    stream = torch.Generator().manual_seed(seed)
    for _ in tqdm(range(steps), desc=name):
        real = stack(images, BATCH, stream)
        noise = torch.randn(BATCH, LATENT_DIM, generator=stream).to(device)
        alternating_step(generator, discriminator, *optimizers, real, noise, objective, **step)
    return sample(generator, SAMPLES, stream, device)


def covered(classifier, samples):
    """{"modes", "kl"} of (n, 3, 32, 32) samples, by the digits that the classifier reads."""
    found = stacked_mnist_modes(torch.cat([read(classifier, part) for part in samples.split(500)]))
    return {"modes": found.modes, "kl": found.kl}


def prepare(epochs, device):
    """The data and the ruler.

    Returns: the training digits; the classifier; the share of the test digits that it reads rightly; "modes"
        and "kl" of stacked test digits; the torch.Generator that drew them.
    """
    train, test = (load_images("mnist", split, pad=True) for split in ("train", "test"))
    classifier = train_classifier(train.images.to(device), train.labels.to(device), epochs, device)
    images = test.images.to(device)
    seen = torch.cat([classifier(scale(part)).argmax(1).cpu() for part in images.split(500)])
    stream = torch.Generator().manual_seed(0)
    real = torch.cat([stack(images, 500, stream) for _ in range(SAMPLES // 500)])
    accuracy = (seen == test.labels).double().mean().item()
    return train.images.to(device), classifier, accuracy, covered(classifier, real), stream


def sheet(rows):
    """A PNG-ready picture of rows of (SHOWN, 3, 32, 32) images."""
    pixels = torch.stack([unscale(row).cpu() for row in rows]).permute(0, 3, 1, 4, 2)
    return Image.fromarray(pixels.reshape(len(rows) * 32, SHOWN * 32, 3).numpy())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="how many; they are 1, 2, ...")
    parser.add_argument("--steps", type=int, default=400, help="updates of each player")
    parser.add_argument("--classifier-epochs", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    args = parser.parse_args()
    if min(args.seeds, args.steps, args.classifier_epochs) < 1:
        parser.error("--seeds, --steps and --classifier-epochs must be at least 1")
    torch.set_num_threads(1)
    start = time.monotonic()
    images, classifier, accuracy, truth, stream = prepare(args.classifier_epochs, args.device)
    print(f"digit classifier: {accuracy:.4f} of the test digits right", flush=True)
    shown = {"data": stack(images, SHOWN, stream)}
    runs = []
    for seed in range(1, args.seeds + 1):
        for method in METHODS:
            run, shown[method] = play(method, seed, images, classifier, args.steps, args.device)
            runs.append(run)
            tqdm.write(f"{method}, seed {seed}: {run['modes']} modes, KL {run['kl']:.3f}, {run['seconds']} s")
            settings = {
                "latent_dim": LATENT_DIM,
                "width": WIDTH,
                "batch": BATCH,
                "rate": RATE,
                "betas": BETAS,
            }
            settings |= {"steps": args.steps, "samples": SAMPLES, "precision": "bfloat16"}
            about = provenance(args.device, time.monotonic() - start, settings=settings)
            about |= {"classifier_accuracy": accuracy, "data": truth}
            write(args.out / "stacked_mnist.json", about | {"runs": runs})
            picture = io.BytesIO()
            sheet(shown.values()).save(picture, "PNG", optimize=True)
            write_atomically(args.out / "stacked_mnist.png", picture.getvalue())


if __name__ == "__main__":
    main()
