"""Pictures made of pixels: animations that can be stopped, and grids of samples."""

import base64
import io
import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gan_lib.display.page import attribute, require_alt, script
from gan_lib.rich import show

DPI = 120
# Colours were chosen on white, so the picture brings its own light ground along to a dark page.
CARD = "background:#fff;border-radius:4px;max-width:100%;height:auto;display:block"
BUTTON = (
    "font:inherit;color:inherit;background:transparent;border:1px solid currentColor;border-radius:4px;"
    "padding:.2em .8em;margin:.4em 0"
)


def animation(frames, alt, fps=10, name=None):
    """Show frames as an endless WebP with a button that stops it; a still where less motion is asked for.

    Args:
        frames: at least two of the same size, best from a generator: matplotlib figures (closed here), PIL
            images, or arrays (H, W) or (H, W, 3), uint8 or floats in [0, 1]. The last one is the still.
        alt: what happens in the animation, in words.
        fps: frames per second, above 0 and at most 50.
        name: under which a page of the book can show it again with {glue:figure}.

    Raises: ValueError for an empty alt, fewer than two frames, unequal sizes, or values out of range.
    """
    require_alt(alt)
    if not 0 < fps <= 50:
        raise ValueError(f"fps must be above 0 and at most 50, not {fps}")
    images = [_image(frame) for frame in frames]
    if len(images) < 2:
        raise ValueError(f"an animation needs at least two frames, not {len(images)}")
    sizes = {image.size for image in images}
    if len(sizes) > 1:
        raise ValueError(f"all frames must have the same size, not {sorted(sizes)}")
    moving = _data_url(
        images[0], "WEBP", save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0
    )
    still = _data_url(images[-1], "WEBP")
    width, height = images[0].size
    show(
        f'<div class="gan-animation" data-still="{still}">'
        f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
        f'<img class="dark-light" src="{moving}" alt="{attribute(alt)}" width="{width}" height="{height}" '
        f'style="{CARD}"></picture><button type="button" style="{BUTTON}" hidden>Pause</button></div>'
        f"{script('animation.js')}",
        f"[Animation: {alt}]",
        name,
    )


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
