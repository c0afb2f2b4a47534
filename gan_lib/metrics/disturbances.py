"""Five ways to spoil images by degrees, to see whether a metric notices, after Heusel et al. (2017).

Every function takes uint8 images (N, C, H, W) on any device and returns new ones of the same kind. At
strength 0 the images come back unchanged; random numbers come from a torch.Generator on the CPU.
"""

import math

import torch
from torch.nn import functional as F


def gaussian_noise(images, share, generator):
    """Mix each image with Gaussian noise of mean 128 and standard deviation 64: (1 - share) x + share noise.

    Raises: ValueError if share is not in [0, 1], or images are not uint8 (N, C, H, W).
    """
    _check(images, share)
    noise = torch.randn(images.shape, generator=generator).to(images.device).mul_(64).add_(128)
    return _rounded((1 - share) * images + share * noise.clamp_(0, 255))


def gaussian_blur(images, std, generator=None):
    """Convolve with a Gaussian of the standard deviation std >= 0 in pixels; edges are continued.

    Raises: ValueError if std is negative or not finite, or images are not uint8 (N, C, H, W).
    """
    _check(images, std, math.inf)
    if std == 0:
        return images.clone()
    reach = math.ceil(3 * std)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1, device=images.device) ** 2) / (2 * std**2))
    kernel /= kernel.sum()
    x = images.float().flatten(0, 1)[:, None]
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1))
    x = F.conv2d(F.pad(x, (0, 0, reach, reach), mode="replicate"), kernel.view(1, 1, -1, 1))
    return _rounded(x.view(images.shape))


def rectangles(images, side, generator, count=5):
    """Set `count` squares, at random places of each image and with `side` times its height, to black.

    Raises: ValueError if side is not in [0, 1], or images are not uint8 (N, C, H, W).
    """
    _check(images, side)
    n, _, height, width = images.shape
    size = round(side * height)
    corners = torch.rand(2, count, n, generator=generator)
    result = images.clone()
    rows, columns = torch.arange(height), torch.arange(width)
    for top, left in zip(*corners, strict=True):
        top, left = (top * (height - size + 1)).long()[:, None], (left * (width - size + 1)).long()[:, None]
        inside = ((rows >= top) & (rows < top + size))[:, :, None]
        inside = inside & ((columns >= left) & (columns < left + size))[:, None, :]
        result.masked_fill_(inside[:, None].to(images.device), 0)
    return result


def swirl(images, strength, generator=None):
    """Turn each image around its centre: by `strength` radians there, by exp(-1) of it half-way to the edge.

    Raises: ValueError if strength is negative or not finite, or images are not uint8 (N, C, H, W).
    """
    _check(images, strength, math.inf)
    if strength == 0:
        return images.clone()
    _, _, height, width = images.shape
    # centres of the pixels, in the coordinates of grid_sample
    y = (2 * torch.arange(height, device=images.device) + 1) / height - 1
    x = (2 * torch.arange(width, device=images.device) + 1) / width - 1
    y, x = torch.meshgrid(y, x, indexing="ij")
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    angle = angle + strength * torch.exp(-2 * radius)
    grid = torch.stack([radius * angle.cos(), radius * angle.sin()], -1).expand(len(images), -1, -1, -1)
    return _rounded(F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False))


def salt_and_pepper(images, share, generator):
    """Make a share of the pixels, drawn for each image, black or white with equal probability.

    Raises: ValueError if share is not in [0, 1], or images are not uint8 (N, C, H, W).
    """
    _check(images, share)
    n, _, height, width = images.shape
    hit = torch.rand(n, 1, height, width, generator=generator).to(images.device)
    result = images.clone()
    result.masked_fill_(hit < share, 0)
    return result.masked_fill_(hit < share / 2, 255)


#: name: function(images, strength, generator)
DISTURBANCES = {
    "noise": gaussian_noise,
    "blur": gaussian_blur,
    "rectangles": rectangles,
    "swirl": swirl,
    "salt and pepper": salt_and_pepper,
}


def _check(images, strength, most=1.0):
    if images.dtype != torch.uint8 or images.dim() != 4:
        raise ValueError(f"images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
    if not 0 <= strength <= most or strength == math.inf:
        wanted = "finite and not negative" if most == math.inf else f"in [0, {most:g}]"
        raise ValueError(f"the strength of a disturbance must be {wanted} here, got {strength}")


def _rounded(x):
    return x.round_().clamp_(0, 255).to(torch.uint8)
