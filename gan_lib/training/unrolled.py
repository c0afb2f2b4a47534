r"""A discriminator that has already answered: the look-ahead of unrolled GANs."""

import torch
from torch.func import functional_call


def unrolled_discriminator(discriminator, real, fake, objective, *, steps, rate):
    r"""The discriminator after ``steps`` more steps of gradient descent, as a function of the fakes.

    .. math:: \phi_0 = \phi, \qquad \phi_{i+1} = \phi_i - \eta\,\nabla_\phi L_D(\theta, \phi_i)

    A generator's loss against it, :math:`L_G(\theta, \phi_k(\theta))`, is differentiated through all the
    steps: a generator that gathers its samples in one place feels that the discriminator would follow. The
    source's steps are those of its optimizer; here they are plain gradient steps.

    Args:
        discriminator: module, (B, *) to logits; its own weights stay as they are.
        real: (B, *), a constant. fake: (B', *), through which gradients flow.
        objective: `gan_lib.objectives.Objective`.
        steps: k, 0 or more. rate: :math:`\eta`, positive.

    Returns: function of samples to logits, differentiable with respect to ``fake`` beyond its argument.
    Raises: ValueError if steps is negative or rate not positive.
    Source: Metz et al. (2017), equations 5 to 8.
    """
    if steps < 0 or not rate > 0:
        raise ValueError(f"steps must be at least 0 and rate positive, got {steps} and {rate}")
    weights = dict(discriminator.named_parameters())
    for _ in range(steps):
        loss = objective.discriminator(
            functional_call(discriminator, weights, (real,)), functional_call(discriminator, weights, (fake,))
        )
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        weights = {
            name: weight - rate * slope for (name, weight), slope in zip(weights.items(), slopes, strict=True)
        }
    return lambda x: functional_call(discriminator, weights, (x,))
