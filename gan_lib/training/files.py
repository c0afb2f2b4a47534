"""The files of a run: whole or absent whenever the process is killed, and refused when not the run's own."""

import hashlib
import io
import json
import os
from dataclasses import asdict

import torch

# A resumed run may be longer, report or be judged otherwise, or find its files elsewhere; no more.
_MAY_CHANGE = {
    "data",
    "download",
    "epochs",
    "device",
    "devices",
    "nodes",
    "strategy",
    "max_loss",
    "evaluate_every",
    "patience",
    "sample_every",
    "out",
}


def identity_of(config, images, device):
    """What must be equal for a run to go on as if it had not stopped: dict of plain values."""
    settings = {name: value for name, value in asdict(config).items() if name not in _MAY_CHANGE}
    content = hashlib.sha256(images.cpu().contiguous().numpy()).hexdigest()
    # a GPU's random state cannot go on on a CPU, nor the other way round; and each process has its own
    place = {"kind of device": device.type, "processes": config.devices * config.nodes}
    return settings | place | {"images (sha256)": content}


def read_checkpoint(path, identity, epochs):
    """The checkpoint's dict, or ValueError if it is none, another run's or longer than ``epochs``."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        before, done = state["identity"], len(state["run"]["records"])
    except Exception as error:
        raise ValueError(
            f"{path} is no checkpoint of this program ({type(error).__name__}); choose another folder"
        ) from error
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
