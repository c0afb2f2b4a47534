"""Measure programs in turn, each in a process of its own: what the benchmarks of the metrics share."""

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path


def report(function, name, repeats=1):
    """Print the fastest of so many calls, the memory they took on top of what was there, and the values."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        values = function()
        seconds.append(time.perf_counter() - start)
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{name} | seconds {min(seconds):.3f} | extra MiB {extra:.0f} | values", *(f"{v:.9g}" for v in values)
    )


def in_turn(script, programs, flags, rounds, threads):
    """Run every program once a round and print its seconds; at the end, medians, memory and values.

    Args:
        script: the benchmark. programs: name -> Python that runs it, as `script --alone name flags`.
        rounds: how many. threads: of the arithmetic, in all programs.

    Returns: dict name -> median seconds.
    """
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | {name: str(threads) for name in libraries} | {"OMP_WAIT_POLICY": "PASSIVE"}
    if sys.path[0] != str(Path(script).parent):
        raise RuntimeError(f"{script} must be run as a script")
    results = {name: [] for name in programs}
    for turn in range(rounds):
        for name, python in programs.items():
            command = [str(word) for word in (python, script, "--alone", name, *flags)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            line = re.search(r"seconds ([\d.]+) \| extra MiB (\d+) \| values (.*)", done.stdout)
            if done.returncode or line is None:
                raise RuntimeError(f"{name} failed: {done.stdout}{done.stderr}")
            results[name].append((float(line[1]), int(line[2]), line[3]))
            print(f"round {turn + 1}  {name:<28} {float(line[1]):8.2f} s", flush=True)
    medians = {name: statistics.median(second for second, _, _ in rows) for name, rows in results.items()}
    for name, rows in results.items():
        memory = max(extra for _, extra, _ in rows)
        print(f"{name:<28} median {medians[name]:8.2f} s, {memory:5d} MiB on top, values {rows[-1][2]}")
    return medians
