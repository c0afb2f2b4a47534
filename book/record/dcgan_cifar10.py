"""The long run of the DCGAN lab: train on CIFAR-10, keep networks on the way, measure them, record it all.

    python book/record/dcgan_cifar10.py --epochs 300                      # on a GPU
    python book/record/dcgan_cifar10.py --epochs 21 --precision bfloat16  # on a CPU, an hour or two

The run folder (--work) holds a checkpoint, and the networks after each of `kept_epochs`. A run that was
killed goes on where it stopped, and so does the measuring; --measure measures and records what an unfinished
run has reached so far. Written at the end, each file whole or not at all:

    book/results/dcgan_cifar10.json        losses, metrics, and how they came about
    book/results/dcgan_cifar10.webp        the same 32 samples after each kept epoch, an animation
    book/results/dcgan_cifar10_walk.png    walks through the latent space of the last generator
"""

import argparse
import io
import json
import os
import platform
import statistics
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.utils import make_grid

from gan_lib.commands.common import draw, noise_of
from gan_lib.data import load_images, scale
from gan_lib.metrics import embed, evaluate, load_extractor
from gan_lib.networks import PAIRS
from gan_lib.objectives import non_saturating
from gan_lib.training import TrainConfig, find_device, keep_freed_memory, load_generator, train
from gan_lib.training.files import write_atomically

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHOWN, WALKS, STEPS = 32, 4, 17


def kept_epochs(epochs):
    """The epochs after which the networks are kept: the first 25, every tenth after that, and the last."""
    return [epoch for epoch in range(1, epochs + 1) if epoch <= 25 or epoch % 10 == 0 or epoch == epochs]


def train_and_keep(config, images):
    """Train, and write networks_0001.safetensors, ... beside the checkpoint; goes on where it was killed."""
    folder = Path(config.out)
    started = (folder / "checkpoint.pt").is_file()
    done = load_generator(folder)[1].epochs if started else 0
    kept = set(kept_epochs(config.epochs))
    # one call an epoch: `train` goes on exactly, and hands the networks over each time
    for epoch in range(max(done, 1), config.epochs + 1):
        trained = train(replace(config, epochs=epoch), images)
        file = folder / f"networks_{epoch:04d}.safetensors"
        if epoch in kept and not file.exists():
            networks = {"generator": trained.generator, "ema": trained.ema}
            networks["discriminator"] = trained.discriminator
            weights = {
                f"{name}.{key}": value.detach().cpu().contiguous()
                for name, network in networks.items()
                for key, value in network.state_dict().items()
            }
            save_file(weights, file.with_suffix(".tmp"))
            file.with_suffix(".tmp").replace(file)


def load_networks(config, file, channels, device):
    """The kept generator, its average and the discriminator, in evaluation mode: dict of modules."""
    weights, pair, networks = load_file(file), PAIRS[config.network], {}
    for name in ("generator", "ema", "discriminator"):
        if name == "discriminator":
            network = pair.discriminator(config.width, channels)
        else:
            network = pair.generator(config.latent_dim, config.width, channels)
        own = {key.partition(".")[2]: value for key, value in weights.items() if key.startswith(f"{name}.")}
        network.load_state_dict(own)
        networks[name] = network.to(device).eval().requires_grad_(False)
    return networks


@torch.no_grad()
def judge(discriminator, real, fake):
    """The discriminator without dropout on uint8 images: its loss in nats, and its share of right answers."""
    device = next(discriminator.parameters()).device
    real, fake = (
        torch.cat([discriminator(scale(part.to(device))) for part in images.split(500)])
        for images in (real, fake)
    )
    right = ((real > 0).double().mean() + (fake <= 0).double().mean()) / 2
    return {"loss": non_saturating.discriminator(real, fake).item(), "accuracy": right.item()}


def measure(networks, noise, extractor, reference, seen, held_out):
    """All numbers of one epoch.

    Args:
        networks: of `load_networks`. noise: (N, latent_dim). extractor: `gan_lib.metrics.features.Extractor`.
        reference: `Embedded` real images. seen, held_out: uint8 images the discriminator was or was not
            trained on.
    """
    found = {}
    for name in ("generator", "ema"):
        images = draw(networks[name], noise)
        results = evaluate(
            reference,
            embed(extractor, images),
            torch.Generator().manual_seed(0),
            ("frechet", "precision_recall"),
        )
        found[name] = {result.key: result.value for result in results}
        if name == "generator":
            judged = {"seen": seen, "held_out": held_out}
            found["discriminator"] = {
                key: judge(networks["discriminator"], real, images[: len(real)])
                for key, real in judged.items()
            }
    return found


def measure_kept(config, images, held_out, extractor, samples):
    """Measure the kept epochs that have not been measured yet.

    Returns: (rows, floor): a dict for each epoch, and the metrics of training images in place of samples.
    """
    folder, device = Path(config.out), find_device(config.device)
    reference = embed(extractor, held_out[:samples])
    floor = evaluate(
        reference,
        embed(extractor, images[:samples]),
        torch.Generator().manual_seed(0),
        ("frechet", "precision_recall"),
    )
    noise, rows = noise_of(config, samples, seed=1), []
    for file in sorted(folder.glob("networks_*.safetensors")):
        epoch = int(file.stem.split("_")[1])
        record = folder / f"metrics_{epoch:04d}_{samples}.json"
        if not record.exists():
            networks = load_networks(config, file, images.shape[1], device)
            found = measure(networks, noise, extractor, reference, images[:samples], held_out[:samples])
            write_atomically(record, json.dumps(found).encode())
        rows.append({"epoch": epoch} | json.loads(record.read_text()))
        print(f"epoch {epoch}: {rows[-1]['generator']}", flush=True)
    return rows, {result.key: result.value for result in floor}


def sheet(images, columns):
    """uint8 (N, C, H, W) as one PIL image."""
    return Image.fromarray(make_grid(images, columns, padding=1, pad_value=255).permute(1, 2, 0).numpy())


def slerp(a, b, t):
    """Spherical interpolation of noise vectors: (..., d), (..., d) and t in [0, 1] to (..., d)."""
    angle = torch.acos((a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1)))[..., None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def draw_pictures(config, channels, results):
    """Write the animation of the fixed samples, and the walks of the last averaged generator."""
    noise, frames, device = noise_of(config, SHOWN, seed=0), [], find_device(config.device)
    for file in sorted(Path(config.out).glob("networks_*.safetensors")):
        networks = load_networks(config, file, channels, device)
        frames.append(sheet(draw(networks["generator"], noise), 8))
    content = io.BytesIO()
    frames[0].save(
        content, "WEBP", save_all=True, append_images=frames[1:], duration=500, quality=85, method=6
    )
    write_atomically(results / "dcgan_cifar10.webp", content.getvalue())
    ends = noise_of(config, 2 * WALKS, seed=2).view(2, WALKS, 1, -1)
    steps = slerp(*ends, torch.linspace(0, 1, STEPS)[:, None])
    content = io.BytesIO()
    sheet(draw(networks["ema"], steps.flatten(0, 1)), STEPS).save(content, "PNG", optimize=True)
    write_atomically(results / "dcgan_cifar10_walk.png", content.getvalue())


def in_words(device):
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}"
    return f"CPU, {torch.get_num_threads()} threads, {platform.machine()}"


def record(config, rows, floor, samples):
    """The recorded dict: provenance, settings, the loss of every epoch, the metrics of the kept ones."""
    trace = [json.loads(line) for line in Path(config.out, "log.jsonl").read_text().splitlines()]
    names = ("epoch", "g_loss", "g_loss_std", "d_loss", "d_loss_std", "g_gradient_norm", "d_gradient_norm")
    kept = ("dataset", "network", "latent_dim", "width", "objective", "update", "learning_rate", "beta1")
    kept += ("beta2", "ema_decay", "batch_size", "seed", "precision")
    device = find_device(config.device)
    return {
        "provenance": {
            "command": f"python book/record/dcgan_cifar10.py --epochs {len(trace)} "
            f"--precision {config.precision} --device {device.type} --seed {config.seed} --samples {samples}",
            "device": in_words(device),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "seconds_an_epoch": round(statistics.median(row["seconds"] for row in trace)),
        },
        "settings": {name: getattr(config, name) for name in kept},
        "protocol": f"{samples} samples of each generator in evaluation mode against {samples} test images",
        "trace": [{name: row[name] for name in names} for row in trace],
        "metrics": rows,
        "real_against_real": floor,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--precision", default="float32", help="float32 (default), bfloat16 or float16")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=10_000, help="for the metrics (default 10000)")
    parser.add_argument("--data", help="folder of the data sets (default: $GAN_DATA, else the cache)")
    parser.add_argument("--download", action="store_true", help="fetch CIFAR-10 if it is missing")
    parser.add_argument("--work", default="runs/dcgan_cifar10", help="the run folder")
    parser.add_argument("--train", action="store_true", help="train only")
    parser.add_argument("--measure", action="store_true", help="measure and record what there is")
    options = parser.parse_args()
    keep_freed_memory()
    config = TrainConfig(
        epochs=options.epochs,
        precision=options.precision,
        device=options.device,
        seed=options.seed,
        ema_decay=0.999,
        sample_every=options.epochs,
        out=options.work,
    )
    where = {"root": options.data, "download": options.download}
    images = load_images("cifar10", **where).images
    if not options.measure:
        train_and_keep(config, images)
    if options.train:
        return
    held_out = load_images("cifar10", "test", **where).images
    extractor = load_extractor("cifar_resnet20", device=find_device(config.device))
    rows, floor = measure_kept(config, images, held_out, extractor, options.samples)
    RESULTS.mkdir(exist_ok=True)
    draw_pictures(config, images.shape[1], RESULTS)
    content = json.dumps(record(config, rows, floor, options.samples), indent=1) + "\n"
    write_atomically(RESULTS / "dcgan_cifar10.json", content.encode())


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
