r"""Objectives of the adversarial game: what each player minimises, as a function of logits.

A discriminator returns a logit :math:`a`; its probability of "real" is :math:`D = \sigma(a)`. Then

.. math:: -\log D = \operatorname{softplus}(-a), \qquad -\log(1 - D) = \operatorname{softplus}(a),

which stay finite, and keep exact gradients, where the probability itself rounds to 0 or 1. Where a loss does
not read its input as a logit (least squares, Wasserstein, hinge) it takes the same number as a plain score.
An objective is a pair of plain functions; both players *minimise* theirs.

Every generator's loss may be given the logits of real samples too, so that a training step can treat all
objectives alike; only the relativistic ones use them, and cannot do without.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

# By default PyTorch goes over to the straight line at 20, where softplus(a) still differs from a by 2e-9.
_softplus = partial(F.softplus, threshold=40.0)


class Objective(NamedTuple):
    """The two losses of a game.

    discriminator(real_logits, fake_logits) and generator(fake_logits, real_logits=None) take logits of any
    shape, the two batches of any sizes (for `relativistic_pairing` of one), and return a scalar tensor.

    Attributes:
        discriminator, generator: the losses.
        needs_real: whether the generator's loss needs ``real_logits``; without them it raises ValueError.
            Where it is false, the second argument changes nothing.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    needs_real: bool = False


def cross_entropy_discriminator(real_logits, fake_logits):
    r"""The discriminator's negative log-likelihood of the labels "real" and "fake".

    .. math:: L_D = -\mathbb E\,[\log D(x)] - \mathbb E\,[\log(1 - D(G(z)))]
              = \mathbb E\,[\operatorname{softplus}(-a_{real})]
              + \mathbb E\,[\operatorname{softplus}(a_{fake})]

    The two means are added, not averaged: :math:`L_D = -V(D, G)`, which is :math:`2\log 2` for a
    discriminator that answers 1/2 everywhere.

    Source: Goodfellow et al. (2014), equation 1.
    """
    return _softplus(-real_logits).mean() + _softplus(fake_logits).mean()


def minimax_generator(fake_logits, real_logits=None):
    r"""The generator's part of the value function; the game is zero-sum.

    .. math:: L_G = \mathbb E\,[\log(1 - D(G(z)))] = -\mathbb E\,[\operatorname{softplus}(a)],
              \qquad \partial L_G / \partial a = -\sigma(a)

    (the gradient of a single sample). It vanishes where the discriminator is sure of a fake,
    :math:`a \to -\infty`: the loss saturates. At :math:`D = 1/2` the loss is :math:`-\log 2`.

    Source: Goodfellow et al. (2014), equation 1.
    """
    return -_softplus(fake_logits).mean()


def non_saturating_generator(fake_logits, real_logits=None):
    r"""The generator maximises the log-probability that its samples are taken for real.

    .. math:: L_G = -\mathbb E\,[\log D(G(z))] = \mathbb E\,[\operatorname{softplus}(-a)],
              \qquad \partial L_G / \partial a = \sigma(a) - 1

    (the gradient of a single sample). It tends to -1 where the discriminator is sure of a fake. At
    :math:`D = 1/2` the loss is :math:`\log 2`. With this loss the game is not zero-sum.

    Source: Goodfellow et al. (2014), section 3.
    """
    return _softplus(-fake_logits).mean()


def maximum_likelihood_generator(fake_logits, real_logits=None):
    r"""The loss that makes the game maximum likelihood, if the discriminator is optimal.

    .. math:: L_G = -\mathbb E\,[e^a], \qquad \partial L_G / \partial a = -e^a

    (the gradient of a single sample). At :math:`D^*`, :math:`e^a = p / q`: the gradient with respect to the
    generator is then that of :math:`KL(p \,\|\, q)`, and nearly all of it comes from the few samples that
    look most real. ``-inf`` where a logit passes 88 in float32.

    Source: Goodfellow (2016), *NIPS 2016 Tutorial*, section 3.2.4, without the factor 1/2.
    """
    return -fake_logits.exp().mean()


def smoothed_discriminator(real_logits, fake_logits, real_target=0.9, fake_target=0.0):
    r"""The discriminator's cross-entropy with soft labels :math:`\alpha` for real and :math:`\beta` for fake.

    .. math:: L_D = \mathbb E\,[\operatorname{softplus}(a_{real}) - \alpha\,a_{real}]
              + \mathbb E\,[\operatorname{softplus}(a_{fake}) - \beta\,a_{fake}]

    The best answer is :math:`D^* = (\alpha p + \beta q) / (p + q)`: with :math:`\beta = 0` (one-sided) only
    its ceiling sinks, from 1 to :math:`\alpha`; with :math:`\beta > 0` (two-sided) its slope in regions of
    many fakes depends on :math:`q`, which can hold fakes where they are.

    Args:
        real_logits, fake_logits: of any shape and sizes.
        real_target, fake_target: the labels, numbers or tensors that broadcast against the logits (drawn
            anew for each batch, they make random smoothing); in [0, 1].

    Source: Salimans et al. (2016), section 3.4; Szegedy et al. (2016).
    """
    on_real = _softplus(real_logits) - real_target * real_logits
    on_fake = _softplus(fake_logits) - fake_target * fake_logits
    return on_real.mean() + on_fake.mean()


def label_smoothing(real_target=0.9, fake_target=0.0):
    """The non-saturating game against a discriminator with soft labels; ``fake_target=0`` is one-sided.

    Args:
        real_target, fake_target: the labels, ``0 <= fake_target < real_target <= 1``.

    Returns: `Objective`; with targets 1 and 0 it is `non_saturating`.
    Raises: ValueError if the targets are not so ordered.
    Source: as :func:`smoothed_discriminator`.
    """
    if not 0 <= fake_target < real_target <= 1:
        raise ValueError(
            f"targets must satisfy 0 <= fake_target < real_target <= 1, got {fake_target} and {real_target}"
        )
    smoothed = partial(smoothed_discriminator, real_target=real_target, fake_target=fake_target)
    return Objective(smoothed, non_saturating_generator)


def least_squares_discriminator(real_logits, fake_logits):
    r"""The discriminator regresses its raw output onto 1 for real and 0 for fake.

    .. math:: L_D = \tfrac12\,\mathbb E\,[(a_{real} - 1)^2] + \tfrac12\,\mathbb E\,[a_{fake}^2]

    The best output is :math:`p / (p + q)`, as a plain number and not as a logit.

    Source: Mao et al. (2017), equation 9: labels a = 0, b = 1, with the paper's factors 1/2.
    """
    return (real_logits - 1).square().mean() / 2 + fake_logits.square().mean() / 2


def least_squares_generator(fake_logits, real_logits=None):
    r"""The generator draws the discriminator's output towards 1, from either side.

    .. math:: L_G = \tfrac12\,\mathbb E\,[(a - 1)^2], \qquad \partial L_G / \partial a = a - 1

    Source: Mao et al. (2017), equation 9: label c = 1, with the paper's factor 1/2.
    """
    return (fake_logits - 1).square().mean() / 2


def wasserstein_critic(real_logits, fake_logits):
    r"""The negative of what a critic maximises, :math:`L_D = \mathbb E\,[a_{fake}] - \mathbb E\,[a_{real}]`.

    Its best value is :math:`-K\,W_1` over critics of Lipschitz constant K. Nothing here enforces a constant:
    without a penalty, clipping or spectral normalisation the loss has no lower bound.

    Source: Arjovsky et al. (2017), equation 2 and Algorithm 1.
    """
    return fake_logits.mean() - real_logits.mean()


def wasserstein_generator(fake_logits, real_logits=None):
    r"""The generator raises the critic's score, :math:`L_G = -\mathbb E\,[a]`, with slope -1 everywhere.

    Source: Arjovsky et al. (2017), Theorem 3 and Algorithm 1.
    """
    return -fake_logits.mean()


def hinge_discriminator(real_logits, fake_logits):
    r"""The discriminator wants a margin of 1 on either side, and no more.

    .. math:: L_D = \mathbb E\,[\max(0, 1 - a_{real})] + \mathbb E\,[\max(0, 1 + a_{fake})]

    Samples beyond their margin give no gradient.

    Source: Lim & Ye (2017); Miyato et al. (2018), equation 16.
    """
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def relativistic_average_discriminator(real_logits, fake_logits):
    r"""Are real samples more real than the average fake, and fakes less than the average real sample?

    .. math:: L_D = \mathbb E\,[\operatorname{softplus}(-(a_{real} - \bar a_{fake}))]
              + \mathbb E\,[\operatorname{softplus}(a_{fake} - \bar a_{real})]

    with the batch means :math:`\bar a`, through which gradients flow. A constant added to all logits changes
    nothing. The two means are added, not averaged.

    Source: Jolicoeur-Martineau (2018), the RaSGAN.
    """
    real_surplus, fake_surplus = real_logits - fake_logits.mean(), fake_logits - real_logits.mean()
    return _softplus(-real_surplus).mean() + _softplus(fake_surplus).mean()


def relativistic_average_generator(fake_logits, real_logits=None):
    r"""The discriminator's loss with the roles exchanged: the generator also lowers the real samples' rank.

    .. math:: L_G = \mathbb E\,[\operatorname{softplus}(-(a_{fake} - \bar a_{real}))]
              + \mathbb E\,[\operatorname{softplus}(a_{real} - \bar a_{fake})]

    Raises: ValueError without ``real_logits``.
    Source: Jolicoeur-Martineau (2018), the RaSGAN.
    """
    _check_real(real_logits)
    return relativistic_average_discriminator(fake_logits, real_logits)


def relativistic_pairing_discriminator(real_logits, fake_logits):
    r"""Is each real sample more real than the fake that it is paired with?

    .. math:: L_D = \mathbb E\,[\operatorname{softplus}(-(a_{real} - a_{fake}))]

    over pairs drawn independently: the first real sample of the batch with the first fake, and so on. A
    constant added to all logits changes nothing; a discriminator that answers alike everywhere has the loss
    :math:`\log 2`.

    Args:
        real_logits, fake_logits: of the same shape.

    Raises: ValueError where the shapes differ.
    Source: Jolicoeur-Martineau (2018), the RpGAN; Huang et al. (2024), equation 2.
    """
    if real_logits.shape != fake_logits.shape:
        raise ValueError(
            "the relativistic pairing loss pairs each real sample with a fake: expected logits of the same "
            f"shape, got real {tuple(real_logits.shape)} and fake {tuple(fake_logits.shape)}"
        )
    return _softplus(fake_logits - real_logits).mean()


def relativistic_pairing_generator(fake_logits, real_logits=None):
    r"""The discriminator's loss with the roles exchanged: is each fake more real than its real sample?

    .. math:: L_G = \mathbb E\,[\operatorname{softplus}(-(a_{fake} - a_{real}))]

    Raises: ValueError without ``real_logits``, or where the shapes differ.
    Source: Huang et al. (2024), equation 2, with the generator's loss in its non-saturating form.
    """
    _check_real(real_logits)
    return relativistic_pairing_discriminator(fake_logits, real_logits)


def _check_real(real_logits):
    if real_logits is None:
        raise ValueError(
            "the relativistic generator compares fakes with real samples: pass real_logits, got None"
        )


minimax = Objective(cross_entropy_discriminator, minimax_generator)
non_saturating = Objective(cross_entropy_discriminator, non_saturating_generator)
maximum_likelihood = Objective(cross_entropy_discriminator, maximum_likelihood_generator)
least_squares = Objective(least_squares_discriminator, least_squares_generator)
wasserstein = Objective(wasserstein_critic, wasserstein_generator)
#: its generator has the Wasserstein generator's loss: Miyato et al. (2018), equation 17
hinge = Objective(hinge_discriminator, wasserstein_generator)
relativistic_average = Objective(
    relativistic_average_discriminator, relativistic_average_generator, needs_real=True
)
relativistic_pairing = Objective(
    relativistic_pairing_discriminator, relativistic_pairing_generator, needs_real=True
)

OBJECTIVES = {
    "minimax": minimax,
    "non_saturating": non_saturating,
    "maximum_likelihood": maximum_likelihood,
    "label_smoothing": label_smoothing(),
    "least_squares": least_squares,
    "wasserstein": wasserstein,
    "hinge": hinge,
    "relativistic_average": relativistic_average,
    "relativistic_pairing": relativistic_pairing,
}
