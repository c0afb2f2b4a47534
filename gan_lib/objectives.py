r"""Objectives of the adversarial game: what each player minimises, as a function of logits.

A discriminator returns a logit :math:`a`; its probability of "real" is :math:`D = \sigma(a)`. Then

.. math:: -\log D = \operatorname{softplus}(-a), \qquad -\log(1 - D) = \operatorname{softplus}(a),

which stay finite, and keep exact gradients, where the probability itself rounds to 0 or 1.
An objective is a pair of plain functions; both players *minimise* theirs.
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

    discriminator(real_logits, fake_logits) and generator(fake_logits) take logits of any shape, the two
    batches of any sizes, and return a scalar tensor.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


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


def minimax_generator(fake_logits):
    r"""The generator's part of the value function; the game is zero-sum.

    .. math:: L_G = \mathbb E\,[\log(1 - D(G(z)))] = -\mathbb E\,[\operatorname{softplus}(a)],
              \qquad \partial L_G / \partial a = -\sigma(a)

    (the gradient of a single sample). It vanishes where the discriminator is sure of a fake,
    :math:`a \to -\infty`: the loss saturates. At :math:`D = 1/2` the loss is :math:`-\log 2`.

    Source: Goodfellow et al. (2014), equation 1.
    """
    return -_softplus(fake_logits).mean()


def non_saturating_generator(fake_logits):
    r"""The generator maximises the log-probability that its samples are taken for real.

    .. math:: L_G = -\mathbb E\,[\log D(G(z))] = \mathbb E\,[\operatorname{softplus}(-a)],
              \qquad \partial L_G / \partial a = \sigma(a) - 1

    (the gradient of a single sample). It tends to -1 where the discriminator is sure of a fake. At
    :math:`D = 1/2` the loss is :math:`\log 2`. With this loss the game is not zero-sum.

    Source: Goodfellow et al. (2014), section 3.
    """
    return _softplus(-fake_logits).mean()


minimax = Objective(cross_entropy_discriminator, minimax_generator)
non_saturating = Objective(cross_entropy_discriminator, non_saturating_generator)

OBJECTIVES = {"minimax": minimax, "non_saturating": non_saturating}
