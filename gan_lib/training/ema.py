"""The moving average of a network's weights, from which one samples."""

import torch


@torch.no_grad()
def ema_update(ema, model, decay):
    r"""Move the averaged copy of a network one step towards it, in place.

    .. math:: \bar\theta \leftarrow \beta\,\bar\theta + (1 - \beta)\,\theta

    Parameters are averaged. Buffers, such as batch norm's moving averages, are copied: they average by
    themselves, and with those of its start the copy would normalise by statistics that its inputs never had.
    The copied ones are those of ``model``'s weights: before a measurement, compute them anew for ``ema`` with
    ``torch.optim.swa_utils.update_bn`` and batches of noise.

    Args:
        ema: a copy of ``model``, best made by ``copy.deepcopy`` before the first step: what it starts from
            keeps the weight :math:`\beta^t` after t steps.
        model: the network that the optimizer moves, after its step. It is not changed.
        decay: :math:`\beta` in [0, 1]; 0 copies, 1 freezes, and the half-life is
            :math:`\log 2 / -\log\beta` steps: 693 for 0.999.

    Raises: ValueError if decay is not in [0, 1], or the two do not have the same parts.
    Source: Yazıcı et al. (2019), equation 1; Karras et al. (2018), section 4.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"decay must be in [0, 1]; got {decay}")
    parts = [(dict(net.named_parameters()), dict(net.named_buffers())) for net in (ema, model)]
    (averages, kept), (parameters, buffers) = parts
    if averages.keys() != parameters.keys() or kept.keys() != buffers.keys():
        differ = sorted(averages.keys() ^ parameters.keys() | kept.keys() ^ buffers.keys())
        raise ValueError(f"ema and model must have the same parts; they differ in {', '.join(differ)}")
    for name, average in averages.items():
        average.lerp_(parameters[name], 1 - decay)
    for name, buffer in kept.items():
        buffer.copy_(buffers[name])
