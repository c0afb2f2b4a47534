"""``python -m gan_lib sample``: images of a trained generator, as a grid or one by one."""

import os
from pathlib import Path
from typing import Annotated

import typer
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid
from tqdm import tqdm

from gan_lib.commands.common import (
    Average,
    Device,
    check_at_least,
    draw,
    errors_as_lines,
    labels_for,
    noise_of,
    option,
)
from gan_lib.training import find_device, load_generator


@errors_as_lines()
def sample(
    run: Annotated[
        str,
        typer.Argument(
            help="A run folder of the train command, or a file checkpoint.pt or best.pt.", show_default=False
        ),
    ],
    out: Annotated[
        str,
        option(
            "Where to: a file that ends in .png becomes a grid; a new or empty folder gets a PNG an image.",
            "--out",
            default="samples.png",
            example="samples/",
        ),
    ] = "samples.png",
    count: Annotated[int, option("Images to draw.", "--count", default=64, example="16")] = 64,
    columns: Annotated[int, option("Of the grid.", "--columns", default=8, example="4")] = 8,
    seed: Annotated[
        int, option("Decides the noise, and so the images.", "--seed", default=0, example="1")
    ] = 0,
    label: Annotated[
        int | None,
        option(
            "Draw this class only, of a run that was trained with --conditional.",
            "--label",
            default="all classes in order, over and over",
            example="3",
        ),
    ] = None,
    ema: Average = True,
    device: Device = "auto",
):
    """Draw images from a trained generator.

    \b
    A grid of 64:
      python -m gan_lib sample runs/first
    Ten thousand files, of the best checkpoint of a run that was judged:
      python -m gan_lib sample runs/first/best.pt --count 10000 --out samples/
    A conditional run with ten classes, a column each:
      python -m gan_lib sample runs/conditional --count 80 --columns 10
    """
    check_at_least(1, count=count, columns=columns)
    check_at_least(0, seed=seed)
    target, grid = _target(out)
    generator, config = load_generator(run, ema=ema, device=find_device(device))
    noise, labels = noise_of(config, count, seed), labels_for(generator, count, label)
    with tqdm(total=count, unit="image", desc="sampling") as bar:
        images = draw(generator, noise, labels, on_batch=bar.update)
    (target.parent if grid else target).mkdir(parents=True, exist_ok=True)
    if grid:
        to_pil_image(make_grid(images, nrow=columns)).save(target)
    else:
        digits = len(str(count - 1))
        for index, image in enumerate(images):
            to_pil_image(image).save(target / f"{index:0{digits}d}.png")
    typer.echo(f"wrote {count} image{'s' * (count > 1)} to {target}")


def _target(out):
    """(path, whether it is to be a grid)."""
    target = Path(out)
    if target.is_dir() and any(target.iterdir()):
        # what another run left would be taken for this one's
        raise ValueError(f"out must be a .png file, or a new or empty folder; {out} holds files")
    if target.is_dir() or out.endswith(("/", os.sep)):
        return target, False
    grid = target.suffix.lower() == ".png"
    if not grid and (target.suffix or target.exists()):
        raise ValueError(f"out must be a folder, or a file that ends in .png; got {out!r}")
    return target, grid
