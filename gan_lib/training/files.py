"""The files of a run: whole or absent whenever the process is killed, and refused when not the run's own."""

import hashlib
import io
import json
import os
from dataclasses import asdict, fields
from pathlib import Path

import torch

from gan_lib.networks import PAIRS
from gan_lib.training.config import TrainConfig

# A resumed run may be longer, report or be judged otherwise, or find its files elsewhere; no more.
_MAY_CHANGE = {
    "data",
    "download",
    "epochs",
    "capture",
    "device",
    "devices",
    "nodes",
    "strategy",
    "max_loss",
    "evaluate_every",
    "patience",
    "sample_every",
    "checkpoint_every",
    "out",
}


def identity_of(config, images, device, labels=None, classes=None):
    """What must be equal for a run to go on as if it had not stopped: dict of plain values."""
    settings = {name: value for name, value in asdict(config).items() if name not in _MAY_CHANGE}
    content = {"images (sha256)": _digest(images)}
    if labels is not None:
        content |= {"labels (sha256)": _digest(labels), "classes": classes}
    # a GPU's random state cannot go on on a CPU, nor the other way round; and each process has its own
    place = {"kind of device": device.type, "processes": config.devices * config.nodes}
    return settings | place | content


def _digest(tensor):
    return hashlib.sha256(tensor.cpu().contiguous().numpy()).hexdigest()


def read_checkpoint(path, identity, epochs):
    """The checkpoint's dict, or ValueError if it is none, another run's or longer than ``epochs``."""
    state = _open_checkpoint(path, "choose another folder")
    # a setting younger than the checkpoint was at what is now its default
    defaults = {name: value for name, value in asdict(TrainConfig()).items() if name not in _MAY_CHANGE}
    before, done = defaults | state["identity"], len(state["run"]["records"])
    changed = [
        f"{name} {before.get(name)!r} -> {identity.get(name)!r}"
        for name in before | identity
        if before.get(name) != identity.get(name)
    ]
    if changed:
        raise ValueError(f"{path} belongs to another run ({'; '.join(changed)}); choose another folder")
    if done > epochs:
        raise ValueError(f"{path} already holds {done} epochs; epochs must be at least that, got {epochs}")
    return state


def load_generator(path, *, ema=True, device="cpu"):
    """The generator that a run has trained, ready to draw samples.

    Args:
        path: a checkpoint's file (checkpoint.pt or best.pt), or a run folder, which means its checkpoint.pt.
        ema: prefer the averaged generator, where the run has one.
        device: where to.

    Returns: (generator, config): the module, in evaluation mode and without gradients of its weights (with
        labels as a second argument, below its ``classes``, where config.conditional), and
        `TrainConfig`, with the run's settings as far as they decide the weights and epochs as trained so far;
        the others are defaults.
    Raises:
        FileNotFoundError: there is no such file, or no checkpoint in the folder.
        ValueError: the file is no checkpoint, or not one that this version can read.
    """
    path = Path(path)
    file = path / "checkpoint.pt" if path.is_dir() else path
    if not file.is_file():
        missing = "holds no checkpoint.pt" if path.is_dir() else "is not there"
        raise FileNotFoundError(f"{path} {missing}; name a run folder of the train command or a checkpoint")
    state = _open_checkpoint(file, "name another file")
    run, settings = state["run"], state["identity"]
    known = {field.name for field in fields(TrainConfig)}
    settings = {name: value for name, value in settings.items() if name in known}
    config = TrainConfig(**settings | {"epochs": len(run["records"])})
    try:
        # no setting says it: the images may have been the caller's own
        channels = next(weight for weight in run["discriminator"].values() if weight.dim() == 4).shape[1]
        weights = run["ema" if ema and "ema" in run else "generator"]
        with torch.random.fork_rng(devices=[]):  # the initial weights are drawn in vain
            sizes = {"latent_dim": config.latent_dim, "width": config.width, "channels": channels}
            if config.conditional:
                sizes["classes"] = state["identity"]["classes"]
            generator = PAIRS[config.network].generator(**sizes)
        generator.load_state_dict(weights)
    except (KeyError, RuntimeError, StopIteration) as error:
        raise ValueError(
            f"{file} holds no {config.network} generator of width {config.width} that this version knows"
        ) from error
    return generator.to(device).eval().requires_grad_(False), config


def _open_checkpoint(path, advice):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        _ = state["identity"], len(state["run"]["records"])
    except Exception as error:
        raise ValueError(
            f"{path} is no checkpoint of this program ({type(error).__name__}); {advice}"
        ) from error
    return state


def serialised(state):
    """The bytes of torch.save(state)."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def write_atomically(path, content):
    """Replace a file's content so that whoever kills the process finds the old one or the new one, whole."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def json_line(record):
    return (json.dumps(record) + "\n").encode()
