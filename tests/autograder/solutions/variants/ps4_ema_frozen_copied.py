"""ema_update that copies frozen parameters: right solutions, and wrong ones with what they lose."""

import torch
from solutions.ps4_ema import blend, updating


def kept(parameter, decay):
    """The share of the average that stays."""
    return decay if parameter.requires_grad else 0.0


def frozen_copied(average, parameter, decay):
    blend(average, parameter, kept(parameter, decay))


# ---- right


def state_dict_loaded(ema, model, decay):
    state = model.state_dict()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            state[name] = decay * ema.state_dict()[name] + (1 - decay) * state[name]
    ema.load_state_dict(state)


def two_passes(ema, model, decay):
    pairs = list(zip(ema.parameters(), model.parameters(), strict=True))
    trained = [(one.detach(), other.detach()) for one, other in pairs if other.requires_grad]
    torch._foreach_lerp_(*map(list, zip(*trained, strict=True)), 1 - decay) if trained else None
    with torch.no_grad():
        [one.copy_(other) for one, other in pairs if not other.requires_grad]
        [one.copy_(other) for one, other in zip(ema.buffers(), model.buffers(), strict=True)]


def module_by_module(ema, model, decay):
    for ours, theirs in zip(ema.modules(), model.modules(), strict=True):
        for name, parameter in ours.named_parameters(recurse=False):
            other = theirs.get_parameter(name)
            parameter.data = (
                torch.lerp(other.data, parameter.data, decay) if other.requires_grad else other.data.clone()
            )
        for name, buffer in list(theirs.named_buffers(recurse=False)):
            setattr(ours, name, buffer.clone())


RIGHT = {
    "one share for each": updating(frozen_copied),
    "state dict loaded": state_dict_loaded,
    "two passes": two_passes,
    "module by module": module_by_module,
    "in double precision": updating(
        lambda one, other, decay: one.copy_(
            other.double() + kept(other, decay) * (one.double() - other.double())
        )
    ),
}


# ---- wrong


def frozen_left(average, parameter, decay):
    if parameter.requires_grad:
        blend(average, parameter, decay)


def frozen_in_the_average(average, parameter, decay):
    blend(average, parameter, decay if average.requires_grad else 0.0)


def frozen_anywhere(average, parameter, decay):
    blend(average, parameter, kept(parameter, decay) if average.requires_grad else 0.0)


def trained_copied(average, parameter, decay):
    blend(average, parameter, 0.0 if parameter.requires_grad else decay)


def shared_where_frozen(ema, model, decay):
    updating(frozen_copied)(ema, model, decay)
    for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
        if not parameter.requires_grad:
            average.data = parameter.data


def flags_copied(ema, model, decay):
    updating(frozen_copied)(ema, model, decay)
    for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
        average.requires_grad_(parameter.requires_grad)


def gradients_cleared(ema, model, decay):
    updating(frozen_copied)(ema, model, decay)
    model.zero_grad()


def buffers_averaged(buffer, other):
    buffer.copy_(0.9 * buffer + 0.1 * other if buffer.is_floating_point() else other)


PARAMETERS, BUFFERS, REST, SAME = "ema-parameters", "ema-buffers", "ema-rest", "ema-same"
WRONG = {
    "all averaged": (updating(), {PARAMETERS}),
    "frozen ones left": (updating(frozen_left), {PARAMETERS}),
    "the average's flags": (updating(frozen_in_the_average), {PARAMETERS}),
    "frozen in either": (updating(frozen_anywhere), {PARAMETERS}),
    "trained ones copied": (updating(trained_copied), {PARAMETERS}),
    "shares exchanged": (
        updating(lambda one, other, decay: blend(one, other, 1 - decay if other.requires_grad else 0.0)),
        {PARAMETERS},
    ),
    "a frozen one averaged at decay 1": (
        updating(lambda one, other, decay: blend(one, other, decay if decay == 1 else kept(other, decay))),
        {PARAMETERS},
    ),
    "buffers forgotten": (updating(frozen_copied, lambda buffer, other: None), {BUFFERS}),
    "buffers averaged": (updating(frozen_copied, buffers_averaged), {BUFFERS}),
    "memory shared where frozen": (shared_where_frozen, {PARAMETERS, REST, SAME}),
    "flags copied": (flags_copied, {REST}),
    "gradients cleared": (gradients_cleared, {REST}),
}
