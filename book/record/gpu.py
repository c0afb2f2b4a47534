"""Everything that needs a GPU, in parts that resume: tests, notebooks, speed, the long runs.

    python book/record/gpu.py                     # all that is left, as far as ten minutes go
    python book/record/gpu.py --minutes 60 tests 05_dcgan_lab
    python book/record/gpu.py --list

Works with whatever PyTorch the machine has. A part that was finished is not run again (--again runs it), one
that was cut off goes on where it stopped: the training runs at their last checkpoint, the others from their
beginning. What the parts found is written after each one, whole or not at all, to --out (default:
book/results):

    gpu.json          each part: its command, device, versions, seconds, peak GPU memory, status, last lines
    and what the parts themselves record (dcgan_cifar10.json and the animation, for one)

Pages show the lines of their notebook from gpu.json at their foot.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch
from recording import provenance, write

ROOT = Path(__file__).resolve().parents[2]
LEAST = 60  # seconds that a part must have left to be begun
KEPT = 2000  # characters of a part's output


def parts(work):
    """Name -> words of a command for this Python, in the order in which they are run.

    Args:
        work: folder of the runs that resume.
    """
    found = {"tests": ["-m", "pytest", "tests/gan_lib", "-q", "-k", "cuda or gpu"]}
    for notebook in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        found[notebook.stem] = ["notebooks/run.py", "--profile", "gpu", "--force", notebook.stem]
    found["speed"] = ["benchmarks/training_gpu.py"]
    found["resnet"] = ["-m", "gan_lib.metrics.train_features", "cifar_resnet20", "--epochs", "60"]
    found["resnet"] += ["--device", "cuda", "--out", str(work / "cifar_resnet20.safetensors")]
    for seed in range(3):
        run = ["book/record/dcgan_cifar10.py", "--device", "cuda", "--precision", "bfloat16"]
        found[f"dcgan-seed{seed}"] = [*run, "--seed", str(seed), "--work", str(work / f"dcgan-seed{seed}")]
        if seed:  # the page shows the first; of the others the networks and the log are kept
            found[f"dcgan-seed{seed}"].append("--train")
    for preset in ("wgan-gp", "sngan", "ns-ema"):
        train = ["-m", "gan_lib", "train", "--preset", preset, "--dataset", "cifar10", "--device", "cuda"]
        found[preset] = [*train, "--precision", "bfloat16", "--no-download"]
        found[preset] += ["--epochs", "100", "--out", str(work / preset)]
    return found


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
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
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
    parser.add_argument("--again", action="store_true", help="run even parts that have passed")
    parser.add_argument("--list", action="store_true", help="say which parts there are, and how they stand")
    options = parser.parse_args(arguments)
    known, file = parts(options.work), options.out / "gpu.json"
    if unknown := set(options.names) - set(known):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    records = json.loads(file.read_text()) if file.exists() else {}
    if options.list:
        for name in known:
            print(f"{name:<20} {records.get(name, {}).get('status', 'not run')}")
        return 0
    if not torch.cuda.is_available():
        parser.error(f"these parts need a CUDA device, and torch {torch.__version__} sees none")
    return run_all(options.names or list(known), known, records, file, options)


def run_all(names, known, records, file, options):
    """Run parts while time is left, and write the record after each. Returns: the exit status."""
    end, statuses = time.monotonic() + 60 * options.minutes, set()
    for name in names:
        if records.get(name, {}).get("status") == "passed" and not options.again:
            continue
        left = end - time.monotonic()
        if left < LEAST:
            print(f"no time left for {name}: the same command goes on there")
            return 2
        print(f"{name}: python {' '.join(known[name])}", flush=True)
        status, said, seconds, mib = run(known[name], left)
        earlier = records.get(name, {})
        if earlier.get("status") == "cut off":  # what it has done then counts
            seconds += earlier["seconds"]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        command = " ".join(["python", *known[name]]).replace(str(options.work), "runs/gpu")
        found = {"command": command, "peak_mib": mib, "status": status, "said": said}
        records[name] = provenance(device, seconds) | found
        write(file, records)
        statuses.add(status)
        print(f"{name}: {status} after {seconds:.0f} s", flush=True)
    return 1 if "failed" in statuses else 2 if "cut off" in statuses else 0


if __name__ == "__main__":
    sys.exit(main())
