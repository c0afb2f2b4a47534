"""The long run of the DCGAN lab: train on CIFAR-10, keep networks on the way, measure them, record it all.

    python book/record/dcgan_cifar10.py --epochs 300                      # on a GPU
    python book/record/dcgan_cifar10.py --epochs 21 --precision bfloat16  # on a CPU, an hour or two

The run folder (--work) holds a checkpoint, and the networks after each of `kept_epochs`. A run that was
killed goes on from its checkpoint, and so does the measuring; --measure measures and records what the run in
that folder has reached so far, whatever its settings were. Written at the end, each file whole or not at all:

    book/results/dcgan_cifar10.json        losses, metrics, and how they came about
    book/results/dcgan_cifar10.webp        the same 32 samples after each kept epoch, an animation
    book/results/dcgan_cifar10_walk.png    walks through the latent space of the last generator

Further runs, of other seeds or precisions, get a --name of their own; --no-pictures writes their JSON alone.
"""

import argparse
import io
import json
import os
import statistics
from pathlib import Path

import torch
from PIL import Image
from recording import provenance, write
from safetensors.torch import load_file, save
from torch.nn import functional as F
from torchvision.utils import make_grid

from gan_lib.commands.common import draw, noise_of
from gan_lib.data import load_images, scale
from gan_lib.metrics import embed, evaluate, load_extractor
from gan_lib.networks import PAIRS
from gan_lib.objectives import non_saturating
from gan_lib.training import TrainConfig, find_device, keep_freed_memory, train
from gan_lib.training.files import write_atomically

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHOWN, WALKS, STEPS = 32, 4, 17


def kept_epochs(epochs):
    """The epochs after which the networks are kept: the first 25, every tenth after that, and the last."""
    return [epoch for epoch in range(1, epochs + 1) if epoch <= 25 or epoch % 10 == 0 or epoch == epochs]


def train_and_keep(config, images):
    """Train, and write networks_0001.safetensors, ... on the way; goes on from the checkpoint of a kill."""
    folder, kept = Path(config.out), set(kept_epochs(config.epochs))

    def keep(epoch, trained):
        if epoch not in kept:
            return
        networks = {"generator": trained.generator, "ema": trained.ema}
        networks["discriminator"] = trained.discriminator
        weights = {
            f"{name}.{key}": value.detach().cpu().contiguous()
            for name, network in networks.items()
            for key, value in network.state_dict().items()
        }
        for old in folder.glob(f"metrics_{epoch:04d}_*.json"):  # of an epoch that is being repeated
            old.unlink()
        write_atomically(folder / f"networks_{epoch:04d}.safetensors", save(weights))

    train(config, images, on_epoch=keep)


def trained_config(folder):
    """The `TrainConfig` of the run in a folder.

    Raises: ValueError if there is none, or it has not finished an epoch.
    """
    file = Path(folder) / "config.json"
    if not file.is_file() or not read_log(folder):
        raise ValueError(f"{folder} holds no run that has finished an epoch")
    return TrainConfig(**json.loads(file.read_text()) | {"out": str(folder)})


def read_log(folder):
    """The lines of a run's log: a dict for each epoch."""
    file = Path(folder) / "log.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def kept_networks(folder):
    """Epoch -> file of its networks, in order, for the epochs in the log."""
    epochs = (row["epoch"] for row in read_log(folder))
    files = {epoch: Path(folder, f"networks_{epoch:04d}.safetensors") for epoch in epochs}
    return {epoch: file for epoch, file in files.items() if file.exists()}


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


def compare(extractor, reference, images):
    """Fréchet distance, precision and recall of uint8 images, {protocol: value}; reference: `Embedded`."""
    results = evaluate(
        reference,
        embed(extractor, images),
        torch.Generator().manual_seed(0),
        ("frechet", "precision_recall"),
    )
    return {result.key: result.value for result in results}


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
        found[name] = compare(extractor, reference, images)
        if name == "generator":
            judged = {"seen": seen, "held_out": held_out}
            found["discriminator"] = {
                key: judge(networks["discriminator"], real, images[: len(real)])
                for key, real in judged.items()
            }
    return found


def measure_kept(config, images, held_out, extractor, samples):
    """Measure the kept epochs that have not been measured yet, on the extractor's device.

    Returns: (rows, floor): a dict for each epoch, and the metrics of training images in place of samples.
    """
    reference = embed(extractor, held_out[:samples])
    floor = compare(extractor, reference, images[:samples])
    noise, rows = noise_of(config, samples, seed=1), []
    for epoch, file in kept_networks(config.out).items():
        record = file.with_name(f"metrics_{epoch:04d}_{samples}.json")
        if not record.exists():
            networks = load_networks(config, file, images.shape[1], extractor.device)
            found = measure(networks, noise, extractor, reference, images[:samples], held_out[:samples])
            write(record, found)
        rows.append({"epoch": epoch} | json.loads(record.read_text()))
        print(f"epoch {epoch}: {rows[-1]['generator']}", flush=True)
    return rows, floor


def sheet(images, columns):
    """uint8 (N, C, H, W) as one PIL image."""
    return Image.fromarray(make_grid(images, columns, padding=1, pad_value=255).permute(1, 2, 0).numpy())


def slerp(a, b, t):
    """Spherical interpolation of noise vectors: (..., d), (..., d) and t in [0, 1] to (..., d).

    Along the chord where a and b are nearly parallel: there the arc is 0 / 0, and rounding can put the
    cosine above 1.
    """
    angle = torch.acos(F.cosine_similarity(a, b, dim=-1).clamp(-1, 1))[..., None]
    arc = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return torch.where(torch.sin(angle) > 1e-3, arc, (1 - t) * a + t * b)


def draw_pictures(config, channels, device, path):
    """Write path.webp, the fixed samples, and path_walk.png, walks of the last averaged generator."""
    noise, frames = noise_of(config, SHOWN, seed=0), []
    for file in kept_networks(config.out).values():
        networks = load_networks(config, file, channels, device)
        frames.append(sheet(draw(networks["generator"], noise), 8))
    content = io.BytesIO()
    frames[0].save(
        content, "WEBP", save_all=True, append_images=frames[1:], duration=500, quality=85, method=6
    )
    write_atomically(path.with_name(f"{path.name}.webp"), content.getvalue())
    ends = noise_of(config, 2 * WALKS, seed=2).view(2, WALKS, 1, -1)
    steps = slerp(*ends, torch.linspace(0, 1, STEPS)[:, None])
    content = io.BytesIO()
    sheet(draw(networks["ema"], steps.flatten(0, 1)), STEPS).save(content, "PNG", optimize=True)
    write_atomically(path.with_name(f"{path.name}_walk.png"), content.getvalue())


def timing(trace, device):
    """What the log of a run says of time: dict of device, seconds of all epochs, median images a second.

    The name of the device is that of `device`, which measures; of a run on another kind the log has a word.
    """
    trained_on = trace[-1]["device"]
    same = torch.device(trained_on).type == torch.device(device).type
    return {
        "device": provenance(device, 0)["device"] if same else trained_on,
        "seconds": float(f"{sum(row['seconds'] for row in trace):.4g}"),
        "images_per_second": round(statistics.median(row["images_per_second"] for row in trace)),
    }


def record(config, device, rows, floor, samples, options=()):
    """The recorded dict: provenance, settings, the loss of every epoch, the metrics of the kept ones.

    Args:
        config: of the run. device: that has measured. rows, floor, samples: of `measure_kept`.
        options: further words of the command.
    """
    trace = read_log(config.out)
    names = ("epoch", "g_loss", "g_loss_std", "d_loss", "d_loss_std", "g_gradient_norm", "d_gradient_norm")
    kept = ("dataset", "network", "latent_dim", "width", "objective", "update", "learning_rate", "beta1")
    kept += ("beta2", "ema_decay", "batch_size", "seed", "precision", "capture")
    kind = torch.device(trace[-1]["device"]).type
    words = ["--epochs", len(trace), "--precision", config.precision, "--device", kind, "--seed", config.seed]
    words += ["--samples", samples, *options]
    words += ["--no-capture"] if kind == "cuda" and not config.capture else []
    median = statistics.median(row["seconds"] for row in trace)
    return {
        "provenance": {
            **provenance(device, 0),
            "command": " ".join(["python book/record/dcgan_cifar10.py", *map(str, words)]),
            **timing(trace, device),
            "seconds_an_epoch": float(f"{median:.3g}"),
        },
        # PyTorch's default on a GPU: "float32" convolutions round their factors to TF32
        "settings": {name: getattr(config, name) for name in kept}
        | {"tf32": kind == "cuda" and torch.backends.cudnn.allow_tf32},
        "protocol": f"{samples} samples of each generator in evaluation mode against {samples} test images",
        "samples": samples,
        "trace": [{name: row[name] for name in names} for row in trace],
        "metrics": rows,
        "real_against_real": floor,
    }


def settings_of(options):
    """The `TrainConfig` that the options ask for."""
    cuda = find_device(options.device).type == "cuda"
    return TrainConfig(
        epochs=options.epochs,
        precision=options.precision,
        device=options.device,
        seed=options.seed,
        ema_decay=0.999,
        capture=cuda and options.capture,
        sample_every=options.epochs,
        checkpoint_every=10 if cuda else 1,  # there ten epochs take seconds
        out=options.work,
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--precision", default="float32", help="float32 (default), bfloat16 or float16")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    parser.add_argument("--no-capture", dest="capture", action="store_false", help="no CUDA graph on a GPU")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=10_000, help="for the metrics (default 10000)")
    parser.add_argument("--data", help="folder of the data sets (default: $GAN_DATA, else the cache)")
    parser.add_argument("--download", action="store_true", help="fetch CIFAR-10 if it is missing")
    parser.add_argument("--name", default="dcgan_cifar10", help="of the files (default dcgan_cifar10)")
    parser.add_argument("--work", help="the run folder (default runs/NAME)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--no-pictures", dest="pictures", action="store_false", help="write the JSON alone")
    parser.add_argument("--train", action="store_true", help="train only")
    parser.add_argument("--measure", action="store_true", help="measure and record what there is")
    options = parser.parse_args(arguments)
    options.work = options.work or f"runs/{options.name}"
    keep_freed_memory()
    try:
        config = trained_config(options.work) if options.measure else settings_of(options)
    except ValueError as error:
        parser.error(str(error))
    where = {"root": options.data, "download": options.download}
    images = load_images("cifar10", **where).images
    if not options.measure:
        train_and_keep(config, images)
    if options.train:
        return
    device = find_device(options.device)
    held_out = load_images("cifar10", "test", **where).images
    extractor = load_extractor("cifar_resnet20", device=device)
    rows, floor = measure_kept(config, images, held_out, extractor, options.samples)
    given = [] if options.name == "dcgan_cifar10" else ["--name", options.name]
    given += [] if options.pictures else ["--no-pictures"]
    options.out.mkdir(parents=True, exist_ok=True)
    if options.pictures:
        draw_pictures(config, images.shape[1], device, options.out / options.name)
    about = record(config, device, rows, floor, options.samples, given)
    write(options.out / f"{options.name}.json", about)


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
