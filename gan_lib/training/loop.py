"""The loop around the steps: a run that continues exactly where it was killed."""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from tqdm import tqdm

from gan_lib.data import load_images
from gan_lib.training.files import identity_of, json_line, read_checkpoint, serialised, write_atomically
from gan_lib.training.processes import start_processes
from gan_lib.training.run import Run
from gan_lib.training.streams import forked


class TrainResult(NamedTuple):
    """The trained networks, in training mode on the run's device, and [(epoch, g_loss, d_loss), ...].

    ema is the averaged generator, in evaluation mode, or None without one.
    """

    generator: nn.Module
    discriminator: nn.Module
    history: list[tuple[int, float, float]]
    ema: nn.Module | None = None


def train(config, images=None, metric=None, labels=None, on_epoch=None):
    """Train a pair of networks as ``config`` says, or go on where a killed run stopped.

    A checkpoint is written after every ``config.checkpoint_every`` epochs, atomically; not within one, since
    a kill then costs minutes at most, and an epoch's end leaves neither a half-used batch order nor partial
    sums to keep. `train` continues the checkpoint of a run with the same settings that it finds in
    ``config.out``. Weights and losses are then those of an uninterrupted run, bit for bit on a CPU with the
    same number of threads, and on a GPU as far as its kernels repeat themselves. Only data, download, epochs,
    capture, max_loss, evaluate_every, patience, sample_every, checkpoint_every, strategy, out and which
    devices compute may differ from before, not how many; images are compared by content. The caller's random
    state neither matters nor changes.

    With several processes (see `gan_lib.training.processes`) each calls this function, and process 0 alone
    evaluates, reports and writes.

    Args:
        config: `TrainConfig`.
        images: uint8 (N, C, 32, 32) to train on instead of loading ``config.dataset``.
        metric: metric(generator) -> float, lower is better, or None. It gets the generator that draws the
            samples (the averaged one, if there is one) in evaluation mode, after every
            ``config.evaluate_every`` epochs; the best checkpoint is kept as ``best.pt``, in the form of
            ``checkpoint.pt``.
        labels: (N,) integers, the classes of ``images`` counted from 0, for a conditional run. The networks
            know as many classes as the largest says; a metric gets a generator that takes labels.
        on_epoch: on_epoch(epoch, result), called on process 0 after every epoch with the `TrainResult` so
            far, or None. It comes before the epoch's checkpoint: a run that is killed in between repeats the
            epoch, and the call.

    Returns: `TrainResult`, of the last epoch, not of the best.
    Raises:
        ValueError: settings that cannot run, or that differ from the checkpoint's; nothing has been written.
        FloatingPointError: a loss, a weight or the metric is no longer finite, or a mean loss went beyond
            ``config.max_loss``; the last good checkpoint stays.
    """
    device = find_device(config.device)
    if config.capture and device.type != "cuda":
        raise ValueError(f"capture makes CUDA graphs, and device {config.device!r} is the {device.type} here")
    if images is None:
        data = load_images(config.dataset, root=config.data, download=config.download, pad=True)
        images, labels = data.images, data.labels if config.conditional else None
    _check_labels(labels, len(images), config)
    _check_images(images[: config.limit], config)
    classes = None if labels is None else labels.max().item() + 1
    images, labels = images[: config.limit], None if labels is None else labels[: config.limit]
    _check_metric(config, metric)
    identity = identity_of(config, images, device, labels, classes)
    out = Path(config.out)
    checkpoint = out / "checkpoint.pt"
    state = read_checkpoint(checkpoint, identity, config.epochs) if checkpoint.exists() else None

    processes, device = start_processes(device, config.devices, config.nodes, config.strategy)
    with forked(device):
        run = Run(config, images, device, processes, labels, classes)
        if state is not None:
            run.load_state_dict(state["run"])
        writer = processes.rank == 0
        if writer:
            (out / "samples").mkdir(parents=True, exist_ok=True)
            write_atomically(out / "config.json", json.dumps(asdict(config), indent=2, default=str).encode())
            write_atomically(out / "log.jsonl", b"".join(json_line(record) for record in run.records))
        done, steps = len(run.records), len(images) // config.batch_size
        over = _stopped_early(run.records, config)
        if done and writer:
            finished = over or done == config.epochs
            next_to_do = "nothing left to do" if finished else "going on from there"
            _say(f"{out} holds {done} of {config.epochs} epochs: {next_to_do}{over}")
        hidden = None if writer else True
        with tqdm(total=config.epochs * steps, initial=done * steps, unit="step", disable=hidden) as bar:
            for epoch in range(done + 1, config.epochs + 1):
                if over:
                    break
                record = run.train_epoch(epoch, on_step=bar.update)
                if metric is not None and epoch % config.evaluate_every == 0:
                    record["metric"] = _evaluate(metric, run, epoch)
                over = _stopped_early(run.records, config)
                last, best = epoch == config.epochs or over, _best(run.records) == epoch
                if last or best or epoch % config.checkpoint_every == 0:
                    run.kept, full = epoch, {"identity": identity, "run": run.state_dict()}
                if writer:
                    if on_epoch is not None:
                        on_epoch(epoch, _result(run))
                    if last or epoch % config.sample_every == 0:
                        run.save_samples(out / "samples" / f"epoch_{epoch:04d}.png")
                    with open(out / "log.jsonl", "ab") as log:
                        log.write(json_line(record))
                    if run.kept == epoch:
                        _write_checkpoint(out, serialised(full), best)
                    _say(_line(record, config.epochs) + over)
    processes.from_first(None)  # all wait for the files
    return _result(run)


def _result(run):
    history = [(record["epoch"], record["g_loss"], record["d_loss"]) for record in run.records]
    return TrainResult(run.players["generator"], run.players["discriminator"], history, run.ema)


def _write_checkpoint(out, content, best):
    # the best first: a run killed in between repeats the epoch, and finds the same best again
    if best:
        write_atomically(out / "best.pt", content)
    write_atomically(out / "checkpoint.pt", content)


def _evaluate(metric, run, epoch):
    value = run.processes.from_first(float(run.sampled(metric)) if run.processes.rank == 0 else None)
    if not math.isfinite(value):
        raise FloatingPointError(
            f"epoch {epoch} ended with metric {value}; "
            f"the run folder keeps its checkpoint after epoch {run.kept}"
        )
    return value


def _best(records):
    """The epoch of the lowest metric, the first of equals; None where nothing has been evaluated."""
    judged = [record for record in records if "metric" in record]
    return min(judged, key=lambda record: record["metric"])["epoch"] if judged else None


def _stopped_early(records, config):
    """Why the run ends before its last epoch, or "" if it does not."""
    best = _best(records)
    since = sum("metric" in record and record["epoch"] > best for record in records) if best else 0
    if config.patience is None or since < config.patience:
        return ""
    return f" | stopped: the best metric is that of epoch {best}, {since} evaluations ago"


def _line(record, epochs):
    metric = f" | Metric: {record['metric']:.4f}" if "metric" in record else ""
    losses = f"G Loss: {record['g_loss']:.4f} | D Loss: {record['d_loss']:.4f}"
    return f"Epoch {record['epoch']}/{epochs} | {losses}{metric}"


def find_device(name):
    """The torch.device that "auto", "cpu", "cuda" or "cuda:N" names, with its index, or ValueError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and not (kind == "cuda" and index.isdecimal())):
        raise ValueError(f"device must be auto, cpu, cuda or cuda:N; got {name!r}")
    if kind == "cpu":
        return torch.device("cpu")
    index = int(index or 0)
    if index >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} is not there: PyTorch sees {torch.cuda.device_count()} CUDA devices"
        )
    return torch.device("cuda", index)


def _check_images(images, config):
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[2:] != (32, 32):
        seen = f"{images.dtype} {tuple(images.shape)}"
        raise ValueError(f"images must be uint8 of shape (N, C, 32, 32); got {seen}")
    batches = len(images) // config.batch_size
    if not batches:
        raise ValueError(
            f"batch_size must be at most the number of images, {len(images)}; got {config.batch_size}"
        )
    if config.n_critic > batches:
        raise ValueError(f"n_critic must be at most an epoch's batches, {batches}; got {config.n_critic}")


def _check_labels(labels, count, config):
    if config.conditional != (labels is not None):
        raise ValueError(
            f"a run has labels exactly if it is conditional; conditional is {config.conditional}, "
            f"and labels are {'none' if labels is None else 'given'}"
        )
    if labels is None:
        return
    if labels.shape != (count,) or labels.is_floating_point():
        seen = f"{labels.dtype} {tuple(labels.shape)}"
        raise ValueError(f"labels must be integers, one for each of the {count} images; got {seen}")
    if (labels < 0).any():
        raise ValueError(f"labels count classes from 0; got {labels.min().item()}")


def _check_metric(config, metric):
    if metric is None and config.patience is not None:
        raise ValueError(f"patience {config.patience} needs a metric to judge by; none was passed")
    if metric is not None and config.evaluate_every > config.epochs:
        raise ValueError(
            f"evaluate_every must be at most epochs, {config.epochs}; got {config.evaluate_every}"
        )


def _say(line):
    tqdm.write(line)
    sys.stdout.flush()  # a line an epoch should be seen when it is written, also through a pipe
