"""``python -m gan_lib evaluate``: every metric, of a trained generator or of a folder of images."""

import json
import warnings
from pathlib import Path
from typing import Annotated

import torch
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torchvision.transforms.functional import pil_to_tensor
from tqdm import tqdm

from gan_lib.commands.common import (
    Average,
    DataFolder,
    Device,
    check_at_least,
    draw,
    errors_as_lines,
    labels_for,
    noise_of,
    option,
)
from gan_lib.data import DATASETS, load_images, splits_of
from gan_lib.metrics import EXTRACTORS, embed, load_extractor
from gan_lib.metrics import evaluate as measure
from gan_lib.training import find_device, load_generator
from gan_lib.training.files import write_atomically

_SUFFIXES = (".png", ".jpg", ".jpeg")
_LEAST = 10  # the Inception Score's formula splits into so many parts


@errors_as_lines()
def evaluate(
    subject: Annotated[
        str,
        typer.Argument(
            help="What to judge: a run folder of the train command, a file checkpoint.pt or best.pt, or a "
            "folder of PNG or JPEG images of one size.",
            metavar="RUN_OR_IMAGES",
            show_default=False,
        ),
    ],
    dataset: Annotated[
        str | None,
        option(
            f"What to compare with: one of {', '.join(DATASETS)}. A folder of images needs it.",
            "--dataset",
            default="what the run was trained on",
            example="fashion_mnist_10k",
        ),
    ] = None,
    split: Annotated[
        str | None,
        option(
            "Of the data set: train or test; fashion_mnist_10k has no other than test.",
            "--split",
            default="train, or the only one",
            example="test",
        ),
    ] = None,
    data: DataFolder = None,
    download: Annotated[
        bool,
        option(
            "Fetch the data set, and the weights of inception, when they are missing.",
            "--download/--no-download",
            default="--download",
        ),
    ] = True,
    count: Annotated[
        int | None,
        option(
            "Images to judge: drawn from the generator, or picked at random from the folder. Distances of "
            "few images are mostly bias: compare at equal counts.",
            "--count",
            default="10000 of a generator, all of a folder",
            example="1000",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        option(
            "Use only so many images of the data set, its first.",
            "--limit",
            default="all of them",
            example="1000",
        ),
    ] = None,
    features: Annotated[
        str | None,
        option(
            f"What images are compared in: one of {', '.join(EXTRACTORS)}. In inception, and there alone, "
            "the Fréchet distance is the FID.",
            "--features",
            default="cifar_resnet20 for cifar10, fashion_cnn for the grey data sets",
            example="inception",
        ),
    ] = None,
    seed: Annotated[
        int, option("Decides the noise, and the metrics' subsets.", "--seed", default=0, example="1")
    ] = 0,
    ema: Average = True,
    device: Device = "auto",
    to_json: Annotated[
        str | None,
        option(
            "Write the results to this file too; - is the standard output, and the table goes to stderr.",
            "--json",
            default="no file",
            example="results.json",
        ),
    ] = None,
):
    """Measure generated images against real ones, with every metric of the library.

    \b
    A run, against the data it was trained on:
      python -m gan_lib evaluate runs/first
    Its best checkpoint, against images that it has not seen, for another program to read:
      python -m gan_lib evaluate runs/first/best.pt --split test --json -
    Images of any origin:
      python -m gan_lib evaluate samples/ --dataset cifar10 --features inception
    """
    check_at_least(_LEAST, count=count, limit=limit)
    check_at_least(0, seed=seed)
    if features is not None and features not in EXTRACTORS:
        raise ValueError(f"features must be one of {', '.join(EXTRACTORS)}; got {features!r}")
    if dataset is not None:
        splits_of(dataset)
    device, path = find_device(device), Path(subject)
    is_run = not path.is_dir() or (path / "checkpoint.pt").is_file()
    if is_run:
        generator, config = load_generator(path, ema=ema, device=device)
        dataset, side = dataset or config.dataset, 32
    else:
        if dataset is None:
            raise ValueError(f"a folder of images needs --dataset: one of {', '.join(DATASETS)}")
        fake = _read_folder(path, count, seed)
        side = fake.shape[-1]
    # before anything is drawn: what is missing should not cost the time to draw
    split = split or splits_of(dataset)[0]
    real = load_images(dataset, split, data, download=download, pad=side == 32).images[:limit]
    features = features or ("fashion_cnn" if real.shape[1] == 1 else "cifar_resnet20")
    extractor = load_extractor(features, device=device, download=download)
    if is_run:
        noise = noise_of(config, 10_000 if count is None else count, seed)
        with tqdm(total=len(noise), unit="image", desc="sampling") as bar:
            fake = draw(generator, noise, labels_for(generator, len(noise)), on_batch=bar.update)
    fake = _matching(fake, real, subject, dataset)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        embedded = [_embed(extractor, *pair) for pair in ((real, "real images"), (fake, "generated"))]
        results = measure(*embedded, torch.Generator().manual_seed(seed))
    report = {
        "images": subject,
        "ema": ema and config.ema_decay > 0 if is_run else None,
        "dataset": dataset,
        "split": split,
        "real": len(real),
        "generated": len(fake),
        "features": features,
        "accuracy": extractor.accuracy,
        "seed": seed,
        "results": [result._asdict() for result in results],
        "warnings": [str(warning.message) for warning in caught],
    }
    _write(report, to_json)


def _read_folder(folder, count, seed):
    """The images directly in a folder, as colour (N, 3, H, W), in the order of their names."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise ValueError(f"{folder} holds neither checkpoint.pt nor PNG or JPEG images")
    if len(paths) < (count or _LEAST):
        raise ValueError(f"{folder} holds {len(paths)} images; at least {count or _LEAST} are needed")
    if count is not None:
        picked = torch.randperm(len(paths), generator=torch.Generator().manual_seed(seed))[:count]
        paths = [paths[index] for index in sorted(picked.tolist())]
    images = []
    for path in tqdm(paths, unit="image", desc="reading"):
        try:
            with Image.open(path) as image:
                if image.mode[0] in "IF":  # conversion would clip what has more than 8 bits
                    raise OSError(f"its values are of mode {image.mode}, not bytes")
                images.append(pil_to_tensor(image.convert("RGB")))
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} cannot be read as an image: {error}") from error
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"images must all have one size; {paths[0].name} is {_size(images[0])}, "
                f"{path.name} is {_size(images[-1])}"
            )
    return torch.stack(images)


def _matching(fake, real, subject, dataset):
    """The judged images with as many channels as the real ones, where that loses no colour."""
    if fake.shape[1] == 3 and real.shape[1] == 1 and (fake == fake[:, :1]).all():
        fake = fake[:, :1]
    if fake.shape[1:] != real.shape[1:]:
        raise ValueError(
            f"images to compare must be of one kind; those of {subject} are {_kind(fake)}, "
            f"those of {dataset} {_kind(real)}"
        )
    return fake


def _size(image):
    return f"{image.shape[-1]}x{image.shape[-2]}"


def _kind(images):
    return f"{_size(images)} in {'grey' if images.shape[1] == 1 else 'colour'}"


def _embed(extractor, images, says):
    with tqdm(total=len(images), unit="image", desc=f"{extractor.name} features, {says}") as bar:

        def network(batch):
            result = extractor.network(batch)
            bar.update(len(batch))
            return result

        return embed(extractor._replace(network=network), images)


def _write(report, to_json):
    console = Console(stderr=to_json == "-", highlight=False)
    table = Table(
        title=Text(  # plain: the name of a folder may look like markup
            f"{report['images']}\nagainst {report['dataset']} ({report['split']})\n"
            f"features: {report['features']}"
        ),
        caption=f"{report['generated']} images judged, {report['real']} real ones",
    )
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("± std", justify="right")
    for result in report["results"]:
        spread = "" if result["spread"] is None else f"{result['spread']:.4g}"
        table.add_row(result["title"], f"{result['value']:.5g}", spread)
    console.print(table)
    for warning in report["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    if to_json is None:
        return
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    if to_json == "-":
        typer.echo(text, nl=False)
    else:
        Path(to_json).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(Path(to_json), text.encode())
