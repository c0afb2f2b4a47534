"""ema_update: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools

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


class Average:
    """A callable that is no function; its work is done by a method."""

    def blended(self, average, parameter, decay):
        return average.detach().double() * decay + parameter.detach().double() * (1 - decay)

    def __call__(self, ema, model, decay):
        for (name, average), parameter in zip(ema.named_parameters(), model.parameters(), strict=True):
            ema.get_parameter(name).data.copy_(self.blended(average, parameter, decay))
        for name, buffer in model.named_buffers():
            ema.get_buffer(name).data = copy.deepcopy(buffer.data)


def from_a_copy_of_the_model(ema, model, decay):
    twin = copy.deepcopy(model)
    with torch.inference_mode():
        for average, parameter in zip(ema.parameters(), twin.parameters(), strict=True):
            average.detach().copy_(torch.lerp(parameter, average, decay))
    for kept, buffer in zip(ema.buffers(), twin.buffers(), strict=True):
        kept.set_(buffer)


RIGHT = {
    "in place": updating(),
    "state dict loaded": state_dict_loaded,
    "foreach": foreach,
    "module by module": module_by_module,
    "through NumPy": through_numpy,
    "torch's AveragedModel": averaged_model,
    "a callable object": Average(),
    "from a copy of the model": from_a_copy_of_the_model,
    "a partial function": functools.partial(updating(change=lambda a, p, d: a.lerp_(p, 1 - d))),
    "a lambda": lambda ema, model, decay: foreach(ema, model, float(decay)),
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


def last_skipped(kind):
    """One update in which the last parameter, or the last buffer, is left out."""

    @torch.no_grad()
    def update(ema, model, decay):
        kept = list(getattr(ema, kind)())[-1]
        before = kept.detach().clone()
        updating()(ema, model, decay)
        kept.copy_(before)

    return update


def no_numbers(average, parameter, decay):
    if average.dim():
        blend(average, parameter, decay)


def frozen_in_the_model_skipped(ema, model, decay):
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    before = {name: parameter.detach().clone() for name, parameter in ema.named_parameters()}
    updating()(ema, model, decay)
    for name in frozen:
        ema.get_parameter(name).data.copy_(before[name])


def shared_without_decay(ema, model, decay):
    updating()(ema, model, decay)
    if not decay:
        for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
            average.data = parameter.data


def shared_whole_numbers(kept, buffer):
    kept.copy_(buffer) if buffer.is_floating_point() else kept.set_(buffer)


def shared_at_the_second_call(kept, buffer):
    kept.set_(buffer) if torch.equal(kept, buffer) else kept.copy_(buffer)


def added_to_nothing(kept, buffer):
    if buffer.dtype == torch.bool:
        kept.copy_(buffer)
    else:
        kept.mul_(0).add_(buffer)


def by_way_of_float32(kept, buffer):
    kept.copy_(buffer if buffer.is_complex() else buffer.float())


def buffers_unless_frozen(ema, model, decay):
    if decay < 1:
        updating()(ema, model, decay)


def buffers_of_batch_norm_only(ema, model, decay):
    updating(buffers=lambda *_: None)(ema, model, decay)
    for ours, theirs in zip(ema.modules(), model.modules(), strict=True):
        if isinstance(ours, nn.BatchNorm1d):
            updating(change=lambda *_: None)(ours, theirs, decay)


def buffers_of_another_dtype(ema, model, decay):
    updating()(ema, model, decay)
    for name, buffer in ema.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.data = buffer.data.int()


def counter_of_calls(ema, model, decay):
    """Starts with a smaller decay, as some libraries do."""
    ema.calls = getattr(ema, "calls", 0) + 1
    updating()(ema, model, min(decay, ema.calls / (10 + ema.calls)))


def gradient_of_the_average_dropped(ema, model, decay):
    updating()(ema, model, decay)
    list(ema.parameters())[-1].grad = None


def one_mode_changed(ema, model, decay):
    updating()(ema, model, decay)
    list(model.modules())[-1].train(not list(model.modules())[-1].training)


def thawed(ema, model, decay):
    updating()(ema, model, decay)
    model.requires_grad_(True)


def models_counter_reset(ema, model, decay):
    updating()(ema, model, decay)
    for name, buffer in model.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.zero_()


def gradients_left_off(ema, model, decay):
    torch.set_grad_enabled(False)
    updating()(ema, model, decay)
    torch.set_grad_enabled(False)


def in_half_precision(average, parameter, decay):
    blend(average, parameter.bfloat16().to(parameter), decay)


def spoils_its_arguments(ema, model, decay):
    with torch.no_grad():
        for tensor in (*ema.parameters(), *model.parameters(), *ema.buffers(), *model.buffers()):
            tensor.fill_(torch.nan if tensor.is_floating_point() else 0)


def empties_its_arguments(ema, model, decay):
    for tensor in (*ema.parameters(), *model.parameters(), *ema.buffers(), *model.buffers()):
        tensor.data = tensor.data.flatten()[:0]


VALUES, BUFFERS, REST, SAME = "ema-parameters", "ema-buffers", "ema-rest", "ema-same"
WRONG = {
    "buffers forgotten": (updating(buffers=lambda *_: None), {BUFFERS}),
    "buffers averaged": (updating(buffers=averaged_buffers), {BUFFERS}),
    "floating buffers only": (updating(buffers=floating_buffers_only), {BUFFERS}),
    "the whole state averaged": (whole_state_averaged, {BUFFERS}),
    "decay the wrong way round": (updating(lambda a, p, d: blend(a, p, 1 - d)), {VALUES}),
    "parameters copied": (updating(lambda a, p, d: a.copy_(p)), {VALUES}),
    "a decay of its own": (updating(lambda a, p, d: blend(a, p, 0.999)), {VALUES}),
    "1 - decay forgotten": (updating(lambda a, p, d: a.mul_(d).add_(p)), {VALUES}),
    "trainable parameters only": (updating(trainable_only), {VALUES}),
    "layers only": (weights_of_layers, {VALUES, BUFFERS}),
    "out of place": (out_of_place, {VALUES}),
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
    "last parameter skipped": (last_skipped("parameters"), {VALUES}),
    "last buffer skipped": (last_skipped("buffers"), {VALUES, BUFFERS}),
    "numbers skipped": (updating(no_numbers), {VALUES}),
    "parameters frozen in the model skipped": (frozen_in_the_model_skipped, {VALUES}),
    "parameters shared where decay is 0": (shared_without_decay, {VALUES, REST, SAME}),
    "whole numbers shared": (updating(buffers=shared_whole_numbers), {SAME}),
    "buffers shared at the second call": (updating(buffers=shared_at_the_second_call), {SAME}),
    "buffers added to nothing": (updating(buffers=added_to_nothing), {BUFFERS}),
    "buffers by way of float32": (updating(buffers=by_way_of_float32), {BUFFERS}),
    "nothing where decay is 1": (buffers_unless_frozen, {BUFFERS}),
    "buffers of batch norm only": (buffers_of_batch_norm_only, {BUFFERS}),
    "counters in another dtype": (buffers_of_another_dtype, {BUFFERS}),
    "smaller decay at first": (counter_of_calls, {VALUES}),
    "a gradient of the average dropped": (gradient_of_the_average_dropped, {REST}),
    "one mode changed": (one_mode_changed, {REST}),
    "the model thawed": (thawed, {REST}),
    "the model's counters reset": (models_counter_reset, {REST}),
    "gradients left off": (gradients_left_off, {REST}),
    "half precision": (updating(in_half_precision), {VALUES}),
    "fills its arguments with nan": (spoils_its_arguments, {VALUES, BUFFERS, REST, SAME}),
    "empties its arguments": (empties_its_arguments, {VALUES, BUFFERS, REST, SAME}),
}
