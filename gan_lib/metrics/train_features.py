"""Trains the small classifiers whose features the metrics use: the recipe of the weights in gan_lib/assets.

    python -m gan_lib.metrics.train_features cifar_resnet20 --epochs 10 --out cifar_resnet20.safetensors

SGD with Nesterov momentum and a one-cycle learning rate; images are shifted by up to four pixels, those of
CIFAR-10 mirrored. The accuracy on the test split goes into the file.
"""

import argparse
from pathlib import Path

import torch
from torch.nn import functional as F
from tqdm import tqdm

from gan_lib.data import load_images, scale
from gan_lib.metrics.features import cifar_resnet20, fashion_cnn, save_classifier

RECIPES = {
    "cifar_resnet20": (cifar_resnet20, "cifar10", True),
    "fashion_cnn": (fashion_cnn, "fashion_mnist", False),
}


def augment(images, generator, mirror):
    """Shift each image by up to four pixels up, down and sideways, and mirror half of them.

    Args:
        images: (B, C, 32, 32) float. generator: CPU torch.Generator. mirror: whether to.

    Returns: (B, C, 32, 32); what a shift uncovers is black (-1).
    """
    count, size = len(images), images.shape[-1]
    padded = F.pad(images, (4, 4, 4, 4), value=-1.0)
    down, right = torch.randint(9, (2, count, 1), generator=generator).to(images.device)
    line = torch.arange(size, device=images.device)
    columns = line.expand(count, size)
    if mirror:
        flipped = (torch.rand(count, 1, generator=generator) < 0.5).to(images.device)
        columns = torch.where(flipped, size - 1 - columns, columns)
    rows, columns = (line + down)[:, :, None], (columns + right)[:, None, :]
    index = torch.arange(count, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows, columns].permute(0, 3, 1, 2)


def train_classifier(network, images, labels, *, epochs, mirror, seed=0, batch_size=128, rate=0.2):
    """Train in place, on the device of the images. images: uint8 (N, C, 32, 32); labels: int64 (N,)."""
    chance = torch.Generator().manual_seed(seed)
    device = images.device
    network.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = len(images) // batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=epochs * steps, pct_start=0.3
    )
    with tqdm(total=epochs * steps, unit="step", disable=None) as bar:
        for _ in range(epochs):
            order = torch.randperm(len(images), generator=chance)[: steps * batch_size].to(device)
            for batch in order.split(batch_size):
                real = augment(scale(images[batch]), chance, mirror)
                with torch.autocast(device.type, torch.bfloat16):
                    _, logits = network(real.contiguous(memory_format=torch.channels_last))
                loss = F.cross_entropy(logits.float(), labels[batch], label_smoothing=0.1)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()


@torch.no_grad()
def measure_accuracy(network, images, labels, batch_size=500):
    """Share of the images, in evaluation mode and 32 bits, whose largest logit is the label's."""
    network.eval()
    parts = zip(images.split(batch_size), labels.split(batch_size), strict=True)
    right = sum((network(scale(part))[1].argmax(1) == answer).sum().item() for part, answer in parts)
    return right / len(images)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--limit", type=int, help="train on the first images only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    args = parser.parse_args(arguments)
    make, dataset, mirror = RECIPES[args.name]
    train, test = (load_images(dataset, split, pad=True) for split in ("train", "test"))
    torch.manual_seed(args.seed)
    network = make()
    images, labels = (part[: args.limit].to(args.device) for part in (train.images, train.labels))
    train_classifier(
        network, images, labels, epochs=args.epochs, mirror=mirror, seed=args.seed, batch_size=args.batch_size
    )
    accuracy = measure_accuracy(network, test.images.to(args.device), test.labels.to(args.device))
    save_classifier(network, args.out, accuracy)
    print(f"{args.name}: {accuracy:.4f} of the test images of {dataset} right; written to {args.out}")


if __name__ == "__main__":
    main()
