"""One step of each update scheme, in any precision and with any number of processes."""

from contextlib import nullcontext
from typing import NamedTuple

import torch

from gan_lib.training.processes import Processes

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Engine:
    """How a step computes: its precision, and the processes that share its batch.

    Args:
        precision: "float32" computes as the networks are. "bfloat16" and "float16" run forward passes under
            autocast; weights, losses, penalties and optimizers stay in float32. "float16" scales the losses,
            for its smallest numbers are large, and leaves out a player's step whose gradients overflow.
        device_type: "cpu" or "cuda", for the scaler.
        processes: `Processes`.

    Attributes:
        scaler: torch.amp.GradScaler, switched off unless the precision is "float16".

    Raises: ValueError on an unknown precision.
    """

    def __init__(self, precision="float32", device_type="cpu", processes=None):
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}")
        self.dtype = PRECISIONS[precision]
        self.processes = processes or Processes()
        self.scaler = torch.amp.GradScaler(device_type, enabled=self.dtype is torch.float16)

    def forward(self, network, x, labels=None):
        """network(x), or network(x, labels), computed under autocast but returned in float32, where losses
        have digits to spare."""
        inputs = (x,) if labels is None else (x, labels)
        if self.dtype is None:
            return network(*inputs)
        with torch.autocast(x.device.type, self.dtype):
            return network(*inputs).float()

    def backward(self, loss, network, retain_graph=False):
        """Add the (scaled) gradients with respect to a network's parameters to theirs, and to no others."""
        # `inputs` keeps each loss away from the other player's weights, and saves computing those gradients
        inputs = list(network.parameters())
        self.scaler.scale(loss).backward(inputs=inputs, retain_graph=retain_graph)

    def step(self, network, optimizer):
        """Move a network by its gradients' mean over the processes. The gradients stay, unscaled."""
        self.processes.average_gradients(network)
        self.scaler.step(optimizer)

    def finish(self):
        """End an iteration: the scale adapts once, to what all its optimizers met."""
        if self.scaler.is_enabled():
            self.scaler.update()


class Labels(NamedTuple):
    """The classes of a step's samples, each (B,) int64, or None where networks take no labels.

    real: of the real samples; fake: that the generator makes from noise; answer: from generator_noise.
    """

    real: torch.Tensor | None = None
    fake: torch.Tensor | None = None
    answer: torch.Tensor | None = None


_PLAIN, _UNLABELLED = Engine(), Labels()


def discriminator_step(
    generator,
    discriminator,
    optimizer_d,
    real,
    noise,
    objective,
    *,
    labels=_UNLABELLED,
    penalty=None,
    engine=_PLAIN,
):
    r"""One update of the discriminator, or critic, alone; the generator stays as it is.

    .. math:: \phi \leftarrow \phi - \eta\,\nabla_\phi\left(L_D(\theta, \phi) + R(\phi)\right)

    Arguments and d_loss as in `simultaneous_step`.

    Returns: d_loss.
    """
    with torch.no_grad():
        fake = engine.forward(generator, noise, labels.fake)
    d_loss = _descend_discriminator(
        discriminator, optimizer_d, real, fake, objective, labels, penalty, engine
    )
    engine.finish()
    return d_loss


def simultaneous_step(
    generator,
    discriminator,
    optimizer_g,
    optimizer_d,
    real,
    noise,
    objective,
    *,
    labels=_UNLABELLED,
    penalty=None,
    engine=_PLAIN,
):
    r"""One simultaneous update: both players move from the same point.

    .. math:: \theta \leftarrow \theta - \eta\,\nabla_\theta L_G(\theta, \phi), \qquad
              \phi \leftarrow \phi - \eta\,\nabla_\phi\left(L_D(\theta, \phi) + R(\phi)\right)

    The networks run forward once, on ``real`` and on ``generator(noise)``; both gradients come from that pass
    and are complete before either optimizer steps.

    Args:
        generator, discriminator: modules; the discriminator returns logits.
        optimizer_g, optimizer_d: their optimizers. Gradients left over from before are discarded.
        real: (B, *) real samples.
        noise: (B', latent_dim) the generator's input.
        objective: `gan_lib.objectives.Objective`.
        labels: `Labels`, for networks that take them as a second argument.
        penalty: R, a function of (discriminator, real, fake) to a scalar, added to the discriminator's loss;
            None is zero. It runs in full precision and uncompiled: both lose second derivatives.
        engine: `Engine`, the precision and the processes; by default that of the networks, and one.

    Returns: (g_loss, d_loss), detached scalars on the device, as they were before the update, without the
        penalty: with `gan_lib.objectives.wasserstein`, -d_loss is the critic's estimate of the distance.
    """
    optimizer_g.zero_grad()
    optimizer_d.zero_grad()
    losses = simultaneous_gradients(
        generator, discriminator, real, noise, objective, labels=labels, penalty=penalty, engine=engine
    )
    engine.step(generator, optimizer_g)
    engine.step(discriminator, optimizer_d)
    engine.finish()
    return losses


def simultaneous_gradients(
    generator, discriminator, real, noise, objective, *, labels=_UNLABELLED, penalty=None, engine=_PLAIN
):
    """What `simultaneous_step` does before the optimizers move: add both players' gradients to theirs.

    Arguments and returned value as there.
    """
    fake = engine.forward(generator, noise, labels.fake)
    real_logits = engine.forward(discriminator, real, labels.real)
    fake_logits = engine.forward(discriminator, fake, labels.fake)
    g_loss = objective.generator(fake_logits, *([real_logits] if objective.needs_real else []))
    d_loss = objective.discriminator(real_logits, fake_logits)
    engine.backward(g_loss, generator, retain_graph=True)
    engine.backward(d_loss + _value(penalty, discriminator, real, fake), discriminator)
    return g_loss.detach(), d_loss.detach()


def alternating_step(
    generator,
    discriminator,
    optimizer_g,
    optimizer_d,
    real,
    noise,
    objective,
    *,
    generator_noise=None,
    labels=_UNLABELLED,
    penalty=None,
    engine=_PLAIN,
):
    r"""One alternating update: the generator answers the discriminator that has just moved.

    .. math:: \phi' = \phi - \eta\,\nabla_\phi\left(L_D(\theta, \phi) + R(\phi)\right), \qquad
              \theta' = \theta - \eta\,\nabla_\theta L_G(\theta, \phi')

    Arguments as in `simultaneous_step`, and

    Args:
        generator_noise: (B'', latent_dim) the generator's input in its own half, fresh noise as in
            algorithm 1 of Gulrajani et al. (2017); None: both halves use the same fake samples, in one
            forward pass of the generator.

    Returns: (g_loss, d_loss), detached scalars; d_loss before the update and without the penalty, g_loss
        against the new discriminator.
    """
    with torch.set_grad_enabled(generator_noise is None):
        fake = engine.forward(generator, noise, labels.fake)
    d_loss = _descend_discriminator(
        discriminator, optimizer_d, real, fake.detach(), objective, labels, penalty, engine
    )
    fake_labels = labels.fake
    if generator_noise is not None:
        fake_labels = labels.answer
        fake = engine.forward(generator, generator_noise, fake_labels)
    real_logits = []
    if objective.needs_real:
        with torch.no_grad():  # the generator does not move the real logits
            real_logits = [engine.forward(discriminator, real, labels.real)]
    g_loss = objective.generator(engine.forward(discriminator, fake, fake_labels), *real_logits)
    optimizer_g.zero_grad()
    engine.backward(g_loss, generator)
    engine.step(generator, optimizer_g)
    engine.finish()
    return g_loss.detach(), d_loss


UPDATES = {"simultaneous": simultaneous_step, "alternating": alternating_step}


def gradient_norm(network):
    """The Euclidean norm of the gradients left in a network's parameters: a scalar on their device.

    Raises: ValueError if no parameter has a gradient.
    """
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    if not gradients:
        raise ValueError("no parameter of the network has a gradient; take a step first")
    return torch.nn.utils.get_total_norm(gradients)


def _descend_discriminator(discriminator, optimizer_d, real, fake, objective, labels, penalty, engine):
    real_logits = engine.forward(discriminator, real, labels.real)
    d_loss = objective.discriminator(real_logits, engine.forward(discriminator, fake, labels.fake))
    optimizer_d.zero_grad()
    engine.backward(d_loss + _value(penalty, discriminator, real, fake), discriminator)
    engine.step(discriminator, optimizer_d)
    return d_loss.detach()


def _value(penalty, discriminator, real, fake):
    if penalty is None:
        return 0.0
    # a compiled backward pass cannot itself be differentiated
    compiled = getattr(discriminator, "_compiled_call_impl", None) is not None
    with torch.compiler.set_stance("force_eager") if compiled else nullcontext():
        return penalty(discriminator, real, fake.detach())
