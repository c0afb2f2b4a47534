"""Pictures made of pixels: animations that play when asked, and grids of samples."""

import base64
import io
import json
import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gan_lib.display.page import attribute, require_alt, script, style
from gan_lib.rich import show

DPI = 120
CARD = "max-width:100%;height:auto;display:block"
SPEEDS = {"0.5": "½×", "1": "1×", "2": "2×", "4": "4×"}


def animation(frames, alt, fps=10, name=None, labels=None, start=-1):
    """Show one frame, with controls that play all of them, hold where they stand, step and scrub.

    Nothing moves before the reader asks for it. The frames lie on one sheet; the book fetches it only then.

    Args:
        frames: at least two of the same size, best from a generator: matplotlib figures (closed here), PIL
            images, or arrays (H, W) or (H, W, 3), uint8 or floats in [0, 1]. Figures are drawn on white, and
            turned to dark on a dark page.
        alt: what happens in the animation, in words.
        fps: frames per second, above 0 and at most 50.
        name: under which a page of the book can show it again with {glue:figure}.
        labels: a text for each frame that says when it is ("step 40"); None: "1 of 9" and so on.
        start: index of the frame that is shown first, and in print: the one that tells the most.

    Raises: ValueError for an empty alt, fewer than two frames, unequal sizes, values out of range, or labels
        or a start that do not fit the frames.
    """
    require_alt(alt)
    if not 0 < fps <= 50:
        raise ValueError(f"fps must be above 0 and at most 50, not {fps}")
    drawn, images = False, []
    for frame in frames:
        drawn |= isinstance(frame, Figure)
        images.append(_image(frame))
    count = len(images)
    if count < 2:
        raise ValueError(f"an animation needs at least two frames, not {count}")
    sizes = {image.size for image in images}
    if len(sizes) > 1:
        raise ValueError(f"all frames must have the same size, not {sorted(sizes)}")
    labels = [f"{k + 1} of {count}" for k in range(count)] if labels is None else list(map(str, labels))
    if len(labels) != count:
        raise ValueError(f"{count} frames need as many labels, not {len(labels)}")
    if not -count <= start < count:
        raise ValueError(f"start must be the index of one of {count} frames, not {start}")
    start %= count
    sheet, columns = _sheet(images)
    width, height = images[0].size
    shown = (
        f'<div class="gan-animation{" gan-drawn" if drawn else ""}" data-columns="{columns}" '
        f'data-fps="{fps:g}" data-labels="{attribute(json.dumps(labels, ensure_ascii=False))}" '
        f'data-sheet="{_data_url(sheet, "WEBP")}">'
        '<div class="gan-film" style="position:relative;width:fit-content;max-width:100%">'
        f'<img class="dark-light" src="{_data_url(images[start], "WEBP")}" alt="{attribute(alt)}" '
        f'width="{width}" height="{height}" style="{CARD}"></div>{_controls(labels, start)}</div>'
    )
    show(f"{style('animation.css')}{shown}{script('animation.js')}", f"[Animation: {alt}]", name)


def _controls(labels, start):
    speeds = "".join(
        f'<option value="{value}"{" selected" if value == "1" else ""}>{text}</option>'
        for value, text in SPEEDS.items()
    )
    return (
        '<div class="gan-controls" role="group" aria-label="Animation">'
        '<button type="button" class="gan-play" hidden>Play</button>'
        '<button type="button" class="gan-back" aria-label="One frame back" hidden>‹</button>'
        '<button type="button" class="gan-on" aria-label="One frame on" hidden>›</button>'
        f'<input type="range" aria-label="Frame" min="0" max="{len(labels) - 1}" step="1" value="{start}" '
        f'aria-valuetext="{attribute(labels[start])}" hidden>'
        f'<span class="gan-value">{attribute(labels[start])}</span>'
        f'<select class="gan-speed" aria-label="Speed" hidden>{speeds}</select></div>'
    )


def _sheet(images):
    """All images on one, in rows, nearly square; the number of columns."""
    width, height = images[0].size
    columns = min(len(images), math.ceil(math.sqrt(len(images) * height / width)))
    rows = math.ceil(len(images) / columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for k, image in enumerate(images):
        sheet.paste(image, (k % columns * width, k // columns * height))
    return sheet, columns


def image_grid(images, alt, columns=8, name=None):
    """Show samples as one picture of rows and columns, enlarged without blur.

    Args:
        images: (N, C, H, W) with C 1 or 3: a tensor or array of floats in [-1, 1], or of uint8.
        alt: what the samples are, in words.
        columns: images in a row.
        name: under which a page of the book can show it again with {glue:figure}.

    Raises: ValueError for an empty alt, another shape, or float values outside [-1, 1].
    """
    require_alt(alt)
    if columns < 1:
        raise ValueError(f"columns must be at least 1, not {columns}")
    pixels = _pixels(images)
    count, height, width, channels = pixels.shape
    columns, gap = min(columns, count), 1
    rows = math.ceil(count / columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, channels + 1), np.uint8)
    for k, tile in enumerate(pixels):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        sheet[top : top + height, left : left + width, :channels] = tile
        sheet[top : top + height, left : left + width, channels] = 255
    picture = Image.fromarray(sheet)
    scale = max(1, 640 // picture.width)
    show(
        f'<img class="dark-light gan-grid" src="{_data_url(picture, "PNG", optimize=True)}" '
        f'alt="{attribute(alt)}" width="{picture.width * scale}" height="{picture.height * scale}" '
        'style="image-rendering:pixelated;max-width:100%;height:auto;display:block">',
        f"[{count} images of {width}×{height} pixels: {alt}]",
        name,
    )


def _pixels(images):
    """uint8 array (N, H, W, C) of a tensor or array (N, C, H, W)."""
    if hasattr(images, "detach"):
        images = images.detach().cpu().numpy()
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"images must have the shape (N, 1 or 3, H, W), not {images.shape}")
    if images.dtype != np.uint8:
        if not np.abs(images).max() <= 1:
            raise ValueError(f"values must lie in [-1, 1], not [{images.min():.4g}, {images.max():.4g}]")
        images = np.round(images.astype(np.float64) * 127.5 + 127.5).astype(np.uint8)
    return images.transpose(0, 2, 3, 1)


def _image(frame):
    """A frame of an animation as an RGB image."""
    if isinstance(frame, Image.Image):
        return frame.convert("RGB")
    if isinstance(frame, Figure):
        canvas = FigureCanvasAgg(frame)
        frame.set(dpi=DPI, facecolor="white")
        canvas.draw()
        plt.close(frame)
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    array = np.asarray(frame)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"a frame must have the shape (H, W) or (H, W, 3), not {array.shape}")
    if array.dtype != np.uint8:
        if not (array.min() >= 0 and array.max() <= 1):
            raise ValueError(
                f"a frame's values must lie in [0, 1], not [{array.min():.4g}, {array.max():.4g}]"
            )
        array = np.round(array * 255).astype(np.uint8)
    return Image.fromarray(array).convert("RGB")


def _data_url(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
