"""All that tests can show, one table: python tests/everything.py [rows...] (`make test-all`).

Each row is a command; what it prints goes to a file beside the table, build/everything/<row>.log. Rows may be
named: the weekly workflow runs them on several machines. A row that fails stops none of the others.
"""

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / "build" / "everything"
PYTEST = f"{sys.executable} -m pytest"
LOOPS = {"loaded": 8}  # processes that only count, beside a row
ROWS = {
    "lint": ["make lint"],
    "book": [f"{sys.executable} notebooks/run.py --force", "make book"],
    "tests": [f"{PYTEST} -n auto -rs --exhaustive"],
    "attacks": [f"{PYTEST} -n auto --attacks=all tests/autograder/attacks"],
    "matrix": [f"{PYTEST} --matrix=all tests/autograder/test_matrix.py"],
    "solutions": [
        f"{PYTEST} -n auto --exhaustive --solutions=all "
        "tests/autograder/test_solutions.py tests/autograder/test_form.py"
    ],
    "peers": [f"{PYTEST} --peers=all tests/autograder/test_peers.py"],
    "loaded": [f"{PYTEST} -n auto", *["make check"] * 5],
    "shuffled": [
        f"{PYTEST} -n auto --random-order --random-order-seed=1",
        *(f"make check MORE='--random-order --random-order-seed={seed}'" for seed in (2, 3, 4)),
    ],
    "processors": [f"{sys.executable} tests/processors.py"],
}
HEAD = f"{'row':12} {'verdict':8} {'seconds':>8}  last line"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help=f"of the table, all when none is named: {', '.join(ROWS)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    LOGS.mkdir(parents=True, exist_ok=True)
    table = []
    for name in options.rows or ROWS:
        print(f"{name} …", flush=True)
        table.append(run(name))
    print("\n".join([HEAD, *(line for _, line in table)]))
    return 0 if all(passed for passed, _ in table) else 1


def run(name):
    """Returns: whether all commands of a row have succeeded, and its line of the table."""
    begin, passed = time.monotonic(), True
    log = LOGS / f"{name}.log"
    with log.open("w") as file, loops(LOOPS.get(name, 0)):
        for command in ROWS[name]:
            file.write(f"$ {command}\n")
            file.flush()
            done = subprocess.run(shlex.split(command), cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
            passed &= done.returncode == 0
    seconds = time.monotonic() - begin
    last = next((line for line in reversed(log.read_text(errors="replace").splitlines()) if line.strip()), "")
    return passed, f"{name:12} {'passes' if passed else 'FAILS':8} {seconds:8.0f}  {last.strip()[:100]}"


@contextlib.contextmanager
def loops(count):
    """So many processes that take what processor time they get, for the time of a block."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(main())
