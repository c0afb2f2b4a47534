"""Measure programs in turn, each in a process of its own: what the benchmarks beside peers share."""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path


def options(description, peer, programs, **sizes):
    """Read the command line that these benchmarks have in common.

    Args:
        description: what ``--help`` shows. peer: the packages that the peer's environment needs.
        programs: names that ``--alone`` takes. sizes: further whole numbers, name -> default.

    Returns: (args, flags): the values, and the sizes again as words of a command line.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer", type=Path, help=f"Python of an environment with {peer}")
    parser.add_argument("--rounds", type=int, default=3)
    for name, default in sizes.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--alone", choices=programs, help="only this one, in this process, and no peer")
    args = parser.parse_args()
    if args.alone is None and args.peer is None:
        parser.error(f"--peer is needed: the Python of an environment with {peer} (or --alone)")
    flags = [word for name in sizes for word in (f"--{name.replace('_', '-')}", str(getattr(args, name)))]
    return args, flags


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
