"""Training a GAN: one step of each update scheme, and the loop around it, which resumes exactly after a kill.

A run folder holds ``config.json``, ``log.jsonl`` (one line an epoch), ``samples/epoch_0010.png``,
``checkpoint.pt`` and, where a metric judges, ``best.pt``. `train` on a folder with a checkpoint continues it.
"""

from gan_lib.training.capture import CapturedStep
from gan_lib.training.config import (
    CONDITIONAL_NETWORKS,
    NETWORKS,
    PENALTIES,
    PRESETS,
    STRATEGIES,
    TrainConfig,
)
from gan_lib.training.ema import ema_update
from gan_lib.training.files import load_generator
from gan_lib.training.loop import TrainResult, find_device, train
from gan_lib.training.memory import keep_freed_memory
from gan_lib.training.optimizers import KerasAdam
from gan_lib.training.processes import Processes, start_processes
from gan_lib.training.steps import (
    PRECISIONS,
    UPDATES,
    Engine,
    Labels,
    alternating_step,
    discriminator_step,
    gradient_norm,
    simultaneous_step,
)
from gan_lib.training.unrolled import unrolled_discriminator

__all__ = [
    "CONDITIONAL_NETWORKS",
    "NETWORKS",
    "PENALTIES",
    "PRECISIONS",
    "PRESETS",
    "STRATEGIES",
    "UPDATES",
    "CapturedStep",
    "Engine",
    "KerasAdam",
    "Labels",
    "Processes",
    "TrainConfig",
    "TrainResult",
    "alternating_step",
    "discriminator_step",
    "ema_update",
    "find_device",
    "gradient_norm",
    "keep_freed_memory",
    "load_generator",
    "simultaneous_step",
    "start_processes",
    "train",
    "unrolled_discriminator",
]
