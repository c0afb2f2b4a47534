"""Noise and augmentation between the samples and the discriminator: the same for real and for fake.

Both take part in the game only if the discriminator sees *every* sample, real and fake, in both players'
steps, through them; gradients then flow through to the generator.
"""

import torch


def instance_noise(samples, std, generator=None):
    r"""Samples plus Gaussian noise, which gives both distributions full support.

    .. math:: \tilde x = x + \sigma\,\varepsilon, \qquad \varepsilon \sim N(0, I)

    Args:
        samples: (B, *). std: :math:`\sigma \ge 0`; the source lets it fall to zero during training.
        generator: `torch.Generator` on the samples' device; None for the global one.

    Returns: (B, *), differentiable with respect to the samples.
    Raises: ValueError if std is negative.
    Source: Sønderby et al. (2017), section 4; Arjovsky & Bottou (2017), section 3.
    """
    if not std >= 0:
        raise ValueError(f"std must not be negative, got {std}")
    noise = torch.randn(samples.shape, generator=generator, device=samples.device, dtype=samples.dtype)
    return samples + std * noise


def diff_augment(images, policy=("colour", "translation", "cutout"), generator=None):
    """Transform every image at random, differentiably: DiffAugment.

    - colour: brightness plus U(-0.5, 0.5); each pixel's distance from its own grey times U(0, 2)
      (saturation); the distance from the image's mean times U(0.5, 1.5) (contrast). Values may leave [-1, 1].
    - translation: by up to an eighth of the size each way, in whole pixels; zeros (mid-grey) come in.
    - cutout: zeros in a square of half the size, its centre anywhere in the image.

    Args:
        images: (B, C, H, W) in [-1, 1].
        policy: names, applied in this order; of one colour channel, saturation changes nothing.
        generator: `torch.Generator` on the images' device; None for the global one.

    Returns: (B, C, H, W), differentiable with respect to the images.
    Raises: ValueError if the images are not four-dimensional; on an unknown name, listing the known ones.
    Source: Zhao et al. (2020), section 3.2.
    """
    if images.dim() != 4:
        raise ValueError(f"images must be (B, C, H, W), got shape {tuple(images.shape)}")
    for name in policy:
        if name not in AUGMENTATIONS:
            raise ValueError(f"policy must name some of {', '.join(AUGMENTATIONS)}; got {name!r}")
    for name in policy:
        images = AUGMENTATIONS[name](images, generator)
    return images


def _colour(images, generator):
    brightness, saturation, contrast = torch.rand(
        3, len(images), 1, 1, 1, generator=generator, device=images.device, dtype=images.dtype
    )
    images = images + (brightness - 0.5)
    images = torch.lerp(images.mean(1, keepdim=True), images, 2 * saturation)
    return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, contrast + 0.5)


def _translation(images, generator):
    batch, _, height, width = images.shape
    rows, inside_y = _shifted(batch, height, images.device, generator)
    columns, inside_x = _shifted(batch, width, images.device, generator)
    sample = torch.arange(batch, device=images.device)
    moved = images.permute(0, 2, 3, 1)[sample[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2) * (inside_y[:, None, :, None] & inside_x[:, None, None, :])


def _shifted(batch, size, device, generator):
    """(B, size) source positions of the shifted line, and whether they lie inside."""
    most = int(size / 8 + 0.5)
    shift = torch.randint(-most, most + 1, (batch, 1), generator=generator, device=device)
    source = torch.arange(size, device=device) + shift
    return source.clamp(0, size - 1), (source >= 0) & (source < size)


def _cutout(images, generator):
    batch, _, height, width = images.shape
    rows = _in_window(batch, height, images.device, generator)
    columns = _in_window(batch, width, images.device, generator)
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


def _in_window(batch, size, device, generator):
    """(B, size): whether a position lies in a window of half the size, which the border may cut."""
    length = int(size / 2 + 0.5)
    # a window of even length has its centre between two pixels: one more place for it
    centre = torch.randint(0, size + 1 - length % 2, (batch, 1), generator=generator, device=device)
    position = torch.arange(size, device=device) - (centre - length // 2)
    return (position >= 0) & (position < length)


AUGMENTATIONS = {"colour": _colour, "translation": _translation, "cutout": _cutout}
