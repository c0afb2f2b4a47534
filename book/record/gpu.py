"""Everything that needs a GPU, in parts that resume: tests, notebooks, speed, the long runs.

    python book/record/gpu.py                     # all that is left, as far as ten minutes go
    python book/record/gpu.py --minutes 60 tests 05_dcgan_lab
    python book/record/gpu.py --budget 40000      # the methods for as long as is usual
    python book/record/gpu.py --list

Works with whatever PyTorch the machine has. Where the course is not installed, put its folder into
PYTHONPATH. A part that has passed with the same command is not run again (--again runs it), one that was cut
off goes on where it stopped: the training runs at their last checkpoint, also towards a larger --budget, the
others from their beginning. What the parts found is written after each one, whole or not at all, to --out
(default: book/results):

    gpu.json          each part: its command, device, versions, seconds, peak GPU memory, status, last lines
    and what the parts themselves record (dcgan_cifar10.json, cuda_craft.json, ...)

Pages show the lines of their notebook from gpu.json at their foot.
"""

import argparse
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch
from recording import provenance, write

from gan_lib.training import PRESETS

ROOT = Path(__file__).resolve().parents[2]
LEAST = 60  # seconds that a part must have left to be begun
KEPT = 2000  # characters of a part's output
IMAGES = 50_000  # for training, in CIFAR-10
FURTHER = {"float32": ("float32", 0), "seed1": ("bfloat16", 1), "seed2": ("bfloat16", 2)}  # long runs
METHODS = ("ns-ema", "sngan", "wgan-gp")  # presets, the quickest first


def parts(work, out, budget, records):
    """Name -> words of a command for this Python, in the order in which they are run.

    Args:
        work: folder of the runs that resume. out: folder of the results.
        budget: generator steps of each of METHODS.
        records: of the parts so far; the table of the methods is of those that have passed.
    """
    found = {"tests": ["-m", "pytest", "tests/gan_lib", "-q", "-k", "cuda or gpu"]}
    found["speed"] = ["benchmarks/training_gpu.py"]
    found["craft"] = ["book/record/cuda_craft.py", "--out", str(out)]
    found["dcgan-seed0"] = dcgan(work, out, "dcgan_cifar10", "bfloat16", 0)
    for notebook in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        found[notebook.stem] = ["notebooks/run.py", "--profile", "gpu", "--force", notebook.stem]
    for name, (precision, seed) in FURTHER.items():
        run = dcgan(work, out, f"dcgan_cifar10_{name}", precision, seed)
        found[f"dcgan-{name}"] = [*run, "--no-pictures"]
    for preset in METHODS:
        train = ["-m", "gan_lib", "train", "--preset", preset, "--dataset", "cifar10", "--device", "cuda"]
        found[preset] = [*train, "--precision", "bfloat16", "--no-download", "--checkpoint-every", "5"]
        found[preset] += ["--epochs", str(epochs_of(preset, budget)), "--out", str(work / preset)]
    done = [str(work / preset) for preset in METHODS if passed(records.get(preset), found[preset], work, out)]
    found["methods"] = ["book/record/cifar10_methods.py", "--device", "cuda", "--out", str(out), *done]
    found["resnet"] = ["-m", "gan_lib.metrics.train_features", "cifar_resnet20", "--epochs", "60"]
    found["resnet"] += ["--device", "cuda", "--out", str(work / "cifar_resnet20.safetensors")]
    return found


def dcgan(work, out, name, precision, seed):
    """Words of the DCGAN lab's long run."""
    run = ["book/record/dcgan_cifar10.py", "--device", "cuda", "--precision", precision, "--seed", str(seed)]
    return [*run, "--name", name, "--work", str(work / name), "--out", str(out)]


def epochs_of(preset, budget):
    """The fewest epochs of a preset on CIFAR-10 in which its generator makes `budget` steps."""
    config = PRESETS[preset]
    return math.ceil(budget * config.n_critic / (IMAGES // config.batch_size))


def in_words(command, work, out):
    """A part's command as it is recorded: without the paths of this machine."""
    words = ["python", *command]
    for path, name in ((work, "runs/gpu"), (out, "book/results")):
        words = [word.replace(str(path), name) for word in words]
    return " ".join(words)


def passed(record, command, work, out):
    """Whether a part's record, or None, says that this very command has passed."""
    return (
        record is not None
        and record["status"] == "passed"
        and record["command"] == in_words(command, work, out)
    )


class Peak:
    """The largest memory in use on the GPU while a block runs, in MiB; None without a GPU."""

    def __enter__(self):
        self.mib, self.over = None, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _look(self):
        while torch.cuda.is_available() and not self.over.wait(0.2):
            free, total = torch.cuda.mem_get_info()
            self.mib = max(self.mib or 0, (total - free) >> 20)


def run(command, seconds):
    """Run a part. Returns: (status: "passed", "failed" or "cut off"; its last lines; seconds; peak MiB)."""
    start = time.monotonic()
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path, "OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with Peak() as peak:
        try:
            output, status = process.communicate(timeout=seconds)[0], None
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            output, status = process.communicate()[0], "cut off"
    status = status or ("failed" if process.returncode else "passed")
    return status, output[-KEPT:], time.monotonic() - start, peak.mib


def main(arguments=None):
    """Runs what is left; the exit status is 1 when a part failed, 2 when time ended before the parts did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts; all when none is named")
    parser.add_argument("--minutes", type=float, default=9.0, help="for all of them together (default 9)")
    parser.add_argument("--out", type=Path, default=ROOT / "book/results", help="folder of the records")
    parser.add_argument("--work", type=Path, default=ROOT / "runs/gpu", help="folder of runs that resume")
    parser.add_argument(
        "--budget",
        type=int,
        default=10_000,
        help="generator steps of each method (default 10000; 40000 is the usual one); the same in each call",
    )
    parser.add_argument("--again", action="store_true", help="run even parts that have passed")
    parser.add_argument("--list", action="store_true", help="say which parts there are, and how they stand")
    options = parser.parse_args(arguments)
    options.out, options.work = options.out.resolve(), options.work.resolve()
    file = options.out / "gpu.json"
    records = json.loads(file.read_text()) if file.exists() else {}

    def known():
        return parts(options.work, options.out, options.budget, records)

    if unknown := set(options.names) - set(known()):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(known())}")
    if options.list:
        for name, command in known().items():
            status = records.get(name, {}).get("status", "not run")
            other = status == "passed" and not passed(records[name], command, options.work, options.out)
            print(f"{name:<20} {status}{', with another command' if other else ''}")
        return 0
    if not torch.cuda.is_available():
        parser.error(f"these parts need a CUDA device, and torch {torch.__version__} sees none")
    return run_all(options.names or list(known()), known, records, file, options)


def run_all(names, known, records, file, options):
    """Run parts while time is left, and write the record after each. Returns: the exit status.

    Args:
        known: function without arguments to the commands, which may depend on what has passed before.
    """
    end, statuses = time.monotonic() + 60 * options.minutes, set()
    for name in names:
        words, earlier = known()[name], records.get(name)
        if passed(earlier, words, options.work, options.out) and not options.again:
            continue
        left = end - time.monotonic()
        if left < LEAST:
            print(f"no time left for {name}: the same command goes on there")
            return 2
        command = in_words(words, options.work, options.out)
        print(f"{name}: {command}", flush=True)
        status, said, seconds, mib = run(words, left)
        if earlier is not None and earlier["status"] == "cut off":  # what it has done then counts
            seconds += earlier["seconds"]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        found = {"command": command, "peak_mib": mib, "status": status, "said": said}
        records[name] = provenance(device, seconds) | found
        write(file, records)
        statuses.add(status)
        print(f"{name}: {status} after {seconds:.0f} s", flush=True)
    return 1 if "failed" in statuses else 2 if "cut off" in statuses else 0


if __name__ == "__main__":
    sys.exit(main())
