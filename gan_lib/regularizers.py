r"""Regularizers: what is added to, or done to, a game so that it trains.

Penalties and matching losses come without their weight: the caller multiplies by :math:`\lambda` (or by
:math:`\gamma / 2`), so that the formula on the page and the one in the program are the same.
``discriminator`` is any function of a batch of samples; for a conditional one pass
``lambda x: discriminator(x, labels)``.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm


def gradient_penalty(critic, real, fake, eps=None):
    r"""Two-sided gradient penalty of WGAN-GP.

    .. math:: \mathbb E\left[(\lVert\nabla_{\hat x} f(\hat x)\rVert_2 - 1)^2\right],\quad
              \hat x = \epsilon x + (1-\epsilon)\tilde x

    Args:
        critic: maps (B, *) to (B, 1) or (B,); must treat samples independently (no batch norm).
        real, fake: (B, *), same shape.
        eps: (B, 1, …, 1) in [0, 1]; drawn uniformly per sample if None.

    Returns: scalar tensor, differentiable with respect to the critic's parameters (also where the slope is
        zero), not to the generator's. The usual weight is 10.
    Raises: ValueError if real and fake differ in shape.
    Source: Gulrajani et al. (2017), equation 3 and Algorithm 1.
    """
    if real.shape != fake.shape:
        raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)} must have the same shape")
    if eps is None:
        eps = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device, dtype=real.dtype)
    slopes = _slopes(critic, eps * real + (1 - eps) * fake)
    return (slopes.norm(dim=1) - 1).square().mean()


def r1_penalty(discriminator, real):
    r"""Zero-centred gradient penalty on real samples, :math:`\mathbb E_p[\lVert\nabla D(x)\rVert_2^2]`.

    Args:
        discriminator: maps (B, *) to (B, 1) or (B,) logits; must treat samples independently.
        real: (B, *).

    Returns: scalar tensor, differentiable with respect to the discriminator's parameters. The source's
        regularizer is :math:`\gamma / 2` times this.
    Source: Mescheder et al. (2018), equation 9.
    """
    return _slopes(discriminator, real).square().sum(1).mean()


def r2_penalty(discriminator, fake):
    r"""Zero-centred gradient penalty on fake samples, :math:`\mathbb E_q[\lVert\nabla D(x)\rVert_2^2]`.

    Args:
        discriminator: as in :func:`r1_penalty`.
        fake: (B, *); the penalty is constant with respect to the generator.

    Returns: as :func:`r1_penalty`; the source's regularizer is :math:`\gamma / 2` times this.
    Source: Mescheder et al. (2018), equation 10.
    """
    return r1_penalty(discriminator, fake)


def dragan_penalty(discriminator, real, noise=None):
    r"""Gradient penalty around the real samples.

    .. math:: \mathbb E\left[(\lVert\nabla D(x + \delta)\rVert_2 - 1)^2\right]

    Args:
        discriminator: as in :func:`r1_penalty`.
        real: (B, *).
        noise: :math:`\delta`, same shape; if None, Gaussian with half the standard deviation of all values in
            ``real`` (the source leaves the scale open; its program draws uniform noise of that size).

    Returns: scalar tensor, differentiable with respect to the discriminator's parameters. The usual weight
        is 10.
    Raises: ValueError if the noise has another shape.
    Source: Kodali et al. (2017), section 2.3, with k = 1.
    """
    if noise is None:
        noise = real.std() / 2 * torch.randn_like(real)
    if noise.shape != real.shape:
        raise ValueError(f"noise {tuple(noise.shape)} and real {tuple(real.shape)} must have the same shape")
    return (_slopes(discriminator, real + noise).norm(dim=1) - 1).square().mean()


def _slopes(network, points):
    """(B, *) points to (B, n): the gradient at each, itself differentiable in the network's weights."""
    points = points.detach().requires_grad_()
    # enabled even where the caller computes without gradients, say to log a penalty
    with torch.enable_grad():
        (slopes,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
    return slopes.flatten(1)


@torch.no_grad()
def clip_weights_(module, bound=0.01):
    r"""Clamp every parameter to :math:`[-c, c]` in place; buffers stay. To be called after every critic step.

    Args:
        module: the critic. bound: c, positive.

    Raises: ValueError if the bound is not positive.
    Source: Arjovsky et al. (2017), Algorithm 1.
    """
    if not bound > 0:
        raise ValueError(f"bound must be positive, got {bound}")
    for parameter in module.parameters():
        parameter.clamp_(-bound, bound)


def spectral_normalize(module):
    r"""Divide the weight of every linear and convolutional layer by its largest singular value.

    .. math:: \bar W = W / \sigma(W), \quad W \text{ as a matrix of output channels by all the rest}

    Fifteen power iterations find :math:`\sigma` here, and one more at every forward pass in training mode
    follows it. For a convolution this bounds the reshaped kernel, not the operator, whose norm can be several
    times larger. Layers that are normalised already, and layers of other kinds, stay as they are. The
    weights keep their scale: the layers compute with the quotient.

    Args:
        module: a network, changed in place.

    Returns: the same module.
    Raises: ValueError if it has no linear or convolutional layer.
    Source: Miyato et al. (2018), equation 8 and Algorithm 1.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, _WEIGHTED)]
    if not layers:
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer to normalise")
    for layer in layers:
        if not parametrize.is_parametrized(layer, "weight"):
            spectral_norm(layer)
    return module


def operator_norm(layer, shape, iterations=100, generator=None):
    r"""The norm of a linear layer as a map of tensors, :math:`\max_x \lVert Lx\rVert_2 / \lVert x\rVert_2`.

    For a convolution with k x k kernels and stride s it lies between the norm of the reshaped kernel and
    :math:`\lceil k/s\rceil` times that, if a whole kernel fits into the image: patches overlap.

    Args:
        layer: (1, *shape) to (1, *), linear up to a constant such as a bias; put spectral normalisation into
            evaluation mode first, or each step refines it.
        shape: of one input, without the batch dimension.
        iterations: power iterations on :math:`L^\top L`, the transpose taken by autograd.
        generator: CPU `torch.Generator` that draws the start, None for the global one.

    Returns: scalar tensor, a lower bound that grows towards the norm; 0 for a layer that is constant.
    Raises: ValueError if iterations is less than 1.
    Source: Golub & Van Loan (2013), *Matrix Computations*, section 8.2 (power iteration).
    """
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    weight = next(layer.parameters())
    x = torch.randn(1, *shape, generator=generator, dtype=weight.dtype).to(weight.device)
    with torch.no_grad():
        offset = layer(torch.zeros_like(x))
    for _ in range(iterations):
        x = (x / x.norm()).requires_grad_()
        with torch.enable_grad():
            y = layer(x) - offset
        found = y.detach().norm()
        if found == 0:
            break
        (x,) = torch.autograd.grad(y, x, y.detach())
    return found


_WEIGHTED = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d,
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip


def feature_matching(real_features, fake_features):
    r"""Distance of the mean features, :math:`\lVert\mathbb E\,f(x) - \mathbb E\,f(G(z))\rVert_2^2`.

    It sees means alone: it is zero for any two batches whose mean features agree.

    Args:
        real_features: (B, *) from an inner layer of the discriminator; a constant, no gradient flows there.
        fake_features: (B', *) from the same layer; B' may differ.

    Returns: scalar tensor.
    Raises: ValueError if the features differ in shape.
    Source: Salimans et al. (2016), section 3.1.
    """
    if real_features.shape[1:] != fake_features.shape[1:]:
        raise ValueError(
            f"features of one sample must have the same shape, got {tuple(real_features.shape[1:])} "
            f"for real and {tuple(fake_features.shape[1:])} for fake"
        )
    return (fake_features.mean(0) - real_features.detach().mean(0)).square().sum()


def pulling_away(features):
    r"""Mean squared cosine between different samples' features: low where they point many ways.

    .. math:: \frac{1}{N(N-1)} \sum_i \sum_{j \ne i}
              \left(\frac{s_i \cdot s_j}{\lVert s_i\rVert\,\lVert s_j\rVert}\right)^2

    A surrogate for the negative entropy of the generator's samples: added to the generator's loss, it spreads
    them.

    Args:
        features: (N, *) of fake samples, N at least 2.

    Returns: scalar tensor in [0, 1]; 1 where all features are parallel, at least (N/d - 1)/(N - 1) in d
        dimensions. A feature of zero counts as orthogonal to all.
    Raises: ValueError if N is less than 2.
    Source: Zhao et al. (2017), equation 4; as an entropy surrogate Dai et al. (2017).
    """
    n = len(features)
    if n < 2:
        raise ValueError(f"the pulling-away term compares samples: at least 2 are needed, got {n}")
    directions = F.normalize(features.flatten(1), dim=1)
    squares = (directions @ directions.T).square()
    return (squares.sum() - squares.diagonal().sum()) / (n * (n - 1))


def pack(samples, size):
    """PacGAN: join ``size`` successive samples into one, channel after channel.

    A discriminator of packed samples judges several at a time, so it sees their lack of variety.

    Args:
        samples: (B, C, *) images or (B, C) points, B a multiple of ``size``.

    Returns: (B / size, size C, *).
    Raises: ValueError if the batch cannot be divided so.
    Source: Lin et al. (2018), section 2.
    """
    if size < 1 or len(samples) % size:
        raise ValueError(f"a batch of {len(samples)} cannot be packed by {size}: it must be a multiple")
    return samples.reshape(len(samples) // size, -1, *samples.shape[2:])


def minibatch_std(features, group=None, eps=1e-8):
    r"""Append the standard deviation within the minibatch as one more feature.

    Each feature's (biased) standard deviation over a group of samples, :math:`\sqrt{\sigma^2 + \varepsilon}`,
    is averaged over all features, and the number appended to each sample of the group. A discriminator that
    ends so can tell a batch of equal samples from a varied one.

    Args:
        features: (B, C, H, W) or (B, C).
        group: samples in a group, None for all B; of M = B / group groups, sample i belongs to group i mod M.

    Returns: (B, C + 1, H, W) or (B, C + 1).
    Raises: ValueError if B is no multiple of the group.
    Source: Karras et al. (2018), section 3; groups as in the authors' program.
    """
    batch = len(features)
    group = batch if group is None else group
    if group < 1 or batch % group:
        raise ValueError(f"a batch of {batch} cannot be divided into groups of {group}")
    groups = features.reshape(group, batch // group, -1)
    spread = (groups.var(0, correction=0) + eps).sqrt().mean(1)
    spread = spread.repeat(group).reshape(batch, *[1] * (features.dim() - 1))
    return torch.cat([features, spread.expand(batch, 1, *features.shape[2:])], dim=1)


class MinibatchStd(nn.Module):
    """`minibatch_std` as a layer: the next one takes one more channel."""

    def __init__(self, group=None):
        super().__init__()
        self.group = group

    def forward(self, x):
        return minibatch_std(x, self.group)


class MinibatchDiscrimination(nn.Module):
    r"""Append to each sample how close it is to the others of its minibatch, in B learned respects.

    .. math:: o_b(x_i) = \sum_{j \ne i} \exp\left(-\lVert M_{i,b} - M_{j,b}\rVert_1\right), \quad
              M_i = f(x_i)\,T \in \mathbb R^{B \times C}

    The sum leaves out the sample itself, as the authors' program does: in the paper's equation it adds 1,
    which the next layer's bias undoes. The sum grows with the batch: train and evaluate with one batch size.

    Args:
        features: A, length of :math:`f(x)`.
        kernels: B, how many respects; dim: C, the dimensions of each.

    Call: (N, A) to (N, A + B); N^2 B C numbers are held for the backward pass.
    Raises: ValueError if a size is less than 1.
    Source: Salimans et al. (2016), section 3.2.
    """

    def __init__(self, features, kernels=100, dim=5):
        super().__init__()
        if min(features, kernels, dim) < 1:
            raise ValueError(
                f"features, kernels and dim must be at least 1, got {features}, {kernels}, {dim}"
            )
        self.weight = nn.Parameter(torch.empty(features, kernels, dim))
        nn.init.normal_(self.weight, std=0.05)

    def forward(self, x):
        rows = torch.einsum("na,abc->nbc", x, self.weight)
        distance = (rows[:, None] - rows[None]).abs().sum(3)
        closeness = (-distance).exp().sum(1) - 1
        return torch.cat([x, closeness], dim=1)
