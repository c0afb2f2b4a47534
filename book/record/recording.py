"""What every record says about how it came about, and how it is written."""

import json
import platform
import sys

import torch

from gan_lib.training.files import write_atomically


def provenance(device, seconds, **settings):
    """dict: the command (without machine paths), the device in words, versions, wall seconds, settings."""
    if torch.device(device).type == "cuda":
        where = torch.cuda.get_device_name(device)
    else:
        where = f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s) a run, beside other programs"
    script = "/".join(sys.argv[0].replace("\\", "/").split("/")[-3:])
    return {
        "command": " ".join(["python", script, *sys.argv[1:]]),
        "device": where,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "seconds": round(seconds),
        **settings,
    }


def write(path, record):
    """Write a record as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())


def earlier_runs(path, settings):
    """(runs, seconds spent on them) of a record made in the same settings, else ([], 0)."""
    record = earlier_record(path, settings)
    return record["runs"], record["seconds"]


def earlier_record(path, settings):
    """The record at this path if it was made in the same settings, else one without runs."""
    if path.exists():
        record = json.loads(path.read_text())
        if record["settings"] == settings:
            return record
    return {"runs": [], "seconds": 0}
