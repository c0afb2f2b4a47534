"""Notebooks and the library's tests as other machines see them: python tests/processors.py [variants...]

A variant sets environment variables that take instructions away from the processor, change the number of
threads, the language or the time zone, or has the course in a folder whose name has a space. Each runs the
notebooks and `tests/gan_lib` in a copy of the course. Printed: a table of the verdicts, and the claims whose
margin, from the measured value to the nearest bound, is less than three times what a variant changes.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from gan_lib.claims import holds, width

ROOT = Path(__file__).resolve().parents[1]
PLAIN = "plain"


class Variant(NamedTuple):
    """What is set in the environment, and the name of the folder in which the copy lies."""

    variables: dict
    folder: str = "copy"


VARIANTS = {
    PLAIN: Variant({}),
    "oldest instructions": Variant({"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}),
    "avx2": Variant({"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "avx512": Variant({"ATEN_CPU_CAPABILITY": "avx512"}),
    "compatible MKL": Variant({"MKL_CBWR": "COMPATIBLE"}),
    "one thread": Variant({"OMP_NUM_THREADS": "1"}),
    "four threads": Variant({"OMP_NUM_THREADS": "4"}),
    "C locale": Variant({"LC_ALL": "C", "LANG": "C"}),
    "Turkish": Variant({"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
    "time zone east": Variant({"TZ": "Pacific/Kiritimati"}),
    "time zone west": Variant({"TZ": "Pacific/Niue"}),
    "folder with a space": Variant({}, folder="a copy"),
}
TIMES = 3  # a margin must be so many times the change


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", help=f"all when none is named: {', '.join(VARIANTS)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.variants) - set(VARIANTS):
        parser.error(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    claims, passed = {}, True
    print("| variant | notebooks | tests/gan_lib | seconds |\n| --- | --- | --- | --- |")
    for name in dict.fromkeys([PLAIN, *(options.variants or VARIANTS)]):
        begin = time.monotonic()
        notebooks, tests, claims[name] = run(name)
        passed &= notebooks and tests
        words = ("pass" if good else "FAIL" for good in (notebooks, tests))
        print(f"| {name} | {' | '.join(words)} | {time.monotonic() - begin:.0f} |", flush=True)
    close = list(narrow(claims))
    print("\n".join(close or [f"\nEvery margin is at least {TIMES} times the change."]))
    return 0 if passed and not close else 1


def run(name):
    """Returns: whether the notebooks and the tests have passed, and the claims by their ids."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, VARIANTS[name].folder)
        subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
        environment = os.environ | VARIANTS[name].variables | {"PYTHONPATH": str(copy)}
        log = Path(tempfile.gettempdir(), f"processors-{name.replace(' ', '-')}.log")
        with log.open("w") as file:
            done = [
                subprocess.run([sys.executable, *words], cwd=copy, env=environment, stdout=file, stderr=file)
                for words in (["notebooks/run.py"], ["-m", "pytest", "-n", "auto", "tests/gan_lib"])
            ]
        record = copy / "book" / "claims.json"
        claims = json.loads(record.read_text(encoding="utf-8")) if record.exists() else []
        return *(one.returncode == 0 for one in done), {claim["id"]: claim for claim in claims}


def narrow(claims):
    """A line for each claim that a change between machines could break.

    Args:
        claims: dict from a variant to its claims, dicts by id.
    """
    for id, plain in claims[PLAIN].items():
        values = [float(found[id]["measured"]) for found in claims.values() if id in found]
        change = max(abs(value - float(plain["measured"])) for value in values)
        if change and not math.isnan(change) and margin(plain) < TIMES * change:
            yield f"{id}: measured {plain['measured']}, changes by {change:.3g}, margin {margin(plain):.3g}"


def margin(claim):
    """From the measured value of a claim to the nearest value that it would not allow."""
    measured = float(claim["measured"])
    assert holds(measured, claim)
    if "expected" in claim:
        return width(claim) - abs(measured - claim["expected"])
    return min(abs(measured - float(claim[bound])) for bound in ("above", "below") if bound in claim)


if __name__ == "__main__":
    sys.exit(main())
