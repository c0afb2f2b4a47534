"""What a call can change in the objects it is given: read on one side, written on the other, in place."""

import torch
from torch import nn

from autograder.engine import random_state
from autograder.engine.protocol import Malformed, Unsendable, encode


def has_state(thing):
    """Whether an object among the arguments of a call is one that changes: beside tensors, which always
    travel."""
    return isinstance(thing, (nn.Module, torch.optim.Optimizer, torch.Generator)) or (
        not isinstance(thing, type)
        and callable(getattr(thing, "state_dict", None))
        and callable(getattr(thing, "load_state_dict", None))
    )


def read(thing):
    """The state of an object: lists and dicts of plain values and tensors."""
    if isinstance(thing, nn.Module):
        return [
            [
                path,
                module.training,
                dict(module._parameters),
                dict(module._buffers),
                _plain_attributes(module),
            ]
            for path, module in thing.named_modules()
        ]
    if isinstance(thing, torch.optim.Optimizer):
        groups = [_sendable(group) for group in thing.param_groups]
        return [groups, [[parameter, _sendable(state)] for parameter, state in thing.state.items()]]
    if isinstance(thing, torch.Generator):
        return thing.get_state()
    return _sendable(thing.state_dict())


def write(thing, state):
    """Give an object the state that `read` found on the other side; its tensors stay the objects they are.

    Raises: Malformed where the state does not fit the object.
    """
    try:
        if isinstance(thing, nn.Module):
            _write_module(thing, state)
        elif isinstance(thing, torch.optim.Optimizer):
            _write_optimizer(thing, *state)
        elif isinstance(thing, torch.Generator):
            _write_generator(thing, state)
        elif state != _sendable(thing.state_dict()):
            thing.load_state_dict(state)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        name = type(thing).__name__
        raise Malformed(f"the {name} is no longer what it was before the call: {error}") from error


def _write_generator(generator, state):
    led = random_state.torch_followed(*(one.numpy().tobytes() for one in (generator.get_state(), state)))
    if led is not None:
        generator.set_state(torch.frombuffer(bytearray(led), dtype=torch.uint8))


def _write_module(module, state):
    local = dict(module.named_modules())
    if list(local) != [path for path, *_ in state]:
        raise ValueError("submodules were added or removed")
    for path, training, parameters, buffers, attributes in state:
        part = local[path]
        part.training = bool(training)
        for kept, new, kind in (
            (part._parameters, parameters, nn.Parameter),
            (part._buffers, buffers, torch.Tensor),
        ):
            for name, value in new.items():
                if not isinstance(name, str) or not isinstance(value, (kind, type(None))):
                    raise TypeError(f"{name} is no {kind.__name__}")
                kept[name] = value
            for name in [name for name in kept if name not in new]:
                del kept[name]
        mine = _plain_attributes(part)
        for name, value in attributes.items():
            if name in mine and _is_plain(value):
                part.__dict__[name] = value


def _write_optimizer(optimizer, groups, states):
    if len(groups) < len(optimizer.param_groups):
        raise ValueError("parameter groups were removed")
    for number, new in enumerate(groups):
        if not all(isinstance(parameter, torch.Tensor) for parameter in new["params"]):
            raise TypeError("a parameter is no tensor")
        if number < len(optimizer.param_groups):
            optimizer.param_groups[number].update(new)
        else:
            optimizer.param_groups.append(new)
    kept = [parameter for parameter, _ in states]
    for parameter in [
        parameter for parameter in optimizer.state if not any(parameter is one for one in kept)
    ]:
        del optimizer.state[parameter]
    for parameter, new in states:
        if not isinstance(parameter, torch.Tensor) or not isinstance(new, dict):
            raise TypeError("a state belongs to no parameter")
        optimizer.state[parameter] = new


def _plain_attributes(module):
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training" and _is_plain(value)
    }


def _is_plain(value):
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def _sendable(values):
    """The entries of a dict that can travel."""
    kept = {}
    for name, value in values.items():
        try:
            encode(value, lambda tensor: 0)
        except Unsendable:
            continue
        kept[name] = value
    return kept
