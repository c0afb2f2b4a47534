"""ema_update: unusual right solutions, and wrong ones with the checks that they lose."""

import copy

import torch
from torch import nn


def blend(average, parameter, decay):
    average.mul_(decay).add_(parameter, alpha=1 - decay)


def copy_buffer(kept, buffer):
    kept.copy_(buffer)


def updating(change=blend, buffers=copy_buffer):
    """An ema_update with its own way to change a parameter or a buffer."""

    @torch.no_grad()
    def update(ema, model, decay):
        for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
            change(average, parameter, decay)
        for kept, buffer in zip(ema.buffers(), model.buffers(), strict=True):
            buffers(kept, buffer)

    return update


# ---- right


def state_dict_loaded(ema, model, decay):
    names = {name for name, _ in model.named_parameters()}
    state = model.state_dict()
    for name, value in ema.state_dict().items():
        if name in names:
            state[name] = decay * value + (1 - decay) * state[name]
    ema.load_state_dict(state)


def foreach(ema, model, decay):
    averages = [parameter.detach() for parameter in ema.parameters()]
    torch._foreach_mul_(averages, decay)
    torch._foreach_add_(averages, [parameter.detach() for parameter in model.parameters()], alpha=1 - decay)
    for kept, buffer in zip(ema.buffers(), model.buffers(), strict=True):
        kept[...] = buffer


def module_by_module(ema, model, decay):
    for ours, theirs in zip(ema.modules(), model.modules(), strict=True):
        for name, parameter in ours.named_parameters(recurse=False):
            parameter.data = torch.lerp(theirs.get_parameter(name).data, parameter.data, decay)
        for name, buffer in list(theirs.named_buffers(recurse=False)):
            setattr(ours, name, buffer.clone())


def through_numpy(ema, model, decay):
    theirs = dict(model.named_parameters())
    for name, parameter in ema.named_parameters():
        array, other = parameter.detach().numpy(), theirs[name].detach().numpy()
        array += (1 - decay) * (other - array)
    for name, buffer in model.named_buffers():
        ema.get_buffer(name).data.numpy()[...] = buffer.numpy()


def averaged_model(ema, model, decay):
    averaging = torch.optim.swa_utils.AveragedModel(
        ema, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    )
    averaging.n_averaged.fill_(1)
    averaging.update_parameters(model)
    for ours, theirs in zip(ema.parameters(), averaging.module.parameters(), strict=True):
        ours.data.copy_(theirs)
    copy_all = zip(ema.buffers(), model.buffers(), strict=True)
    [kept.copy_(buffer) for kept, buffer in copy_all]


RIGHT = {
    "in place": updating(),
    "state dict loaded": state_dict_loaded,
    "foreach": foreach,
    "module by module": module_by_module,
    "through NumPy": through_numpy,
    "torch's AveragedModel": averaged_model,
}


# ---- wrong


def trainable_only(average, parameter, decay):
    if parameter.requires_grad:
        blend(average, parameter, decay)


def averaged_buffers(kept, buffer):
    kept.copy_(0.9 * kept + 0.1 * buffer)


def floating_buffers_only(kept, buffer):
    if buffer.is_floating_point():
        kept.copy_(buffer)


def whole_state_averaged(ema, model, decay):
    theirs = model.state_dict()
    for name, value in ema.state_dict().items():
        value.copy_(decay * value + (1 - decay) * theirs[name])


def out_of_place(ema, model, decay):
    for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
        average = decay * average + (1 - decay) * parameter
    ema.load_state_dict(ema.state_dict() | dict(model.named_buffers()))


def no_no_grad(ema, model, decay):
    for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
        blend(average, parameter, decay)
    for kept, buffer in zip(ema.buffers(), model.buffers(), strict=True):
        kept.copy_(buffer)


def new_parameters(ema, model, decay):
    for ours, theirs in zip(ema.modules(), model.modules(), strict=True):
        for name, average in list(ours.named_parameters(recurse=False)):
            value = decay * average.detach() + (1 - decay) * theirs.get_parameter(name).detach()
            fresh = nn.Parameter(value, requires_grad=average.requires_grad)
            fresh.grad = average.grad
            setattr(ours, name, fresh)
    updating(lambda *_: None)(ema, model, decay)


def shared_buffers(ema, model, decay):
    updating(buffers=lambda kept, buffer: kept.set_(buffer))(ema, model, decay)


def model_moved_too(ema, model, decay):
    updating()(ema, model, decay)
    with torch.no_grad():
        for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
            parameter.copy_(average)


def modes_changed(ema, model, decay):
    updating()(ema.eval(), model.eval(), decay)
    model.train()


def frozen(ema, model, decay):
    updating()(ema.requires_grad_(False), model, decay)


def returning(ema, model, decay):
    updating()(ema, model, decay)
    return ema


def swapped(ema, model, decay):
    updating()(model, ema, decay)


def a_copy(ema, model, decay):
    updating()(copy.deepcopy(ema), model, decay)


def gradients_cleared(ema, model, decay):
    updating()(ema, model, decay)
    model.zero_grad()


def weights_of_layers(ema, model, decay):
    for ours, theirs in zip(ema.modules(), model.modules(), strict=True):
        if isinstance(ours, (nn.Linear, nn.BatchNorm1d)):
            updating()(ours, theirs, decay)


VALUES, BUFFERS, REST, SAME = "ema-parameters", "ema-buffers", "ema-rest", "ema-same"
WRONG = {
    "buffers forgotten": (updating(buffers=lambda *_: None), {BUFFERS}),
    "buffers averaged": (updating(buffers=averaged_buffers), {BUFFERS}),
    "floating buffers only": (updating(buffers=floating_buffers_only), {BUFFERS}),
    "the whole state averaged": (whole_state_averaged, {BUFFERS}),
    "decay the wrong way round": (updating(lambda a, p, d: blend(a, p, 1 - d)), {VALUES, BUFFERS}),
    "parameters copied": (updating(lambda a, p, d: a.copy_(p)), {VALUES}),
    "a decay of its own": (updating(lambda a, p, d: blend(a, p, 0.999)), {VALUES, BUFFERS}),
    "1 - decay forgotten": (updating(lambda a, p, d: a.mul_(d).add_(p)), {VALUES}),
    "trainable parameters only": (updating(trainable_only), {VALUES, BUFFERS}),
    "layers only": (weights_of_layers, {VALUES, BUFFERS}),
    "out of place": (out_of_place, {VALUES, BUFFERS}),
    "without no_grad": (no_no_grad, {VALUES, BUFFERS, REST, SAME}),
    "new parameters": (new_parameters, {SAME}),
    "buffers shared": (shared_buffers, {SAME}),
    "parameters shared": (updating(lambda a, p, d: a.set_(p.lerp_(a, d))), {VALUES, REST, SAME}),
    "the model moved too": (model_moved_too, {VALUES, REST}),
    "modes changed": (modes_changed, {REST}),
    "frozen": (frozen, {REST}),
    "returns the average": (returning, {REST}),
    "arguments swapped": (swapped, {VALUES, BUFFERS, REST}),
    "on a copy": (a_copy, {VALUES, BUFFERS}),
    "the model's gradients cleared": (gradients_cleared, {REST}),
}
