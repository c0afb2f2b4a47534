"""Writes autograder/ATTACKS.md: what attacks gain, show and harm under nbgrader alone and with the engine.

    python tests/autograder/attacks/table.py [name of an attack ...]

nbgrader alone runs the attacks where it runs itself, so each of its runs is in a bubblewrap sandbox: no
network, a user for itself, its own files, processes and memory, and 120 seconds. It takes root, and half
an hour.
"""

import collections
import concurrent.futures
import functools
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import nbformat
from hostile import ATTACKS, hostile
from lies import COURSE, LIES, WRONG, liar
from nbgrader.api import Gradebook
from small_course import (
    HALF,
    HALF_POINTS,
    PLAIN,
    POINTS,
    PS,
    RIGHT,
    SECRET,
    SOURCE,
    filled_in,
    hand_in,
    make,
    nbgrader,
)

from autograder.bank.probe_share import contacts

ROOT = Path(__file__).parents[3]
OUT = ROOT / "autograder" / "ATTACKS.md"
LIMITED = f"{PLAIN}c.Execute.timeout = 12\n"
USER, SECONDS = 61_000, 120
users, making = itertools.count(), threading.Lock()
LIARS = "c.IsolatedExecute.preload = ['torch']\nc.IsolatedExecute.memory_mb = 2000\n"
ASIDE = "0-honest", "zz-honest"
NOTHING = {f"{name}-check": 0 for name in WRONG}
MIXED = {
    "ada (right)": RIGHT,
    "hugo (half right)": HALF,
    "blank (untouched)": {},
    "loops": "loops",
    "patched": "patched-builtins",
    "killer": "kills-everybody-when-called",
    "thief": "looks-for-files",
    "notebook-is-no-json": b'{"cells": [',
    "zoe (right)": RIGHT,
}


def students(course):
    """Points of everybody's checks."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        return {
            one.student.id: {
                grade.name: grade.score or 0 for grade in one.notebooks[0].grades if grade.name != "essay"
            }
            for one in book.assignment_submissions(PS)
        }


def tells(course, student):
    """Whether what a student's own cells have printed holds something hidden, or somebody else's work."""
    path = course / "autograded" / student / PS / f"{PS}.ipynb"
    if not path.exists():
        return False
    for cell in nbformat.read(path, as_version=4).cells:
        marks = cell.metadata.get("nbgrader", {})
        said = str(cell.get("outputs", ""))
        if (not marks.get("grade") or marks.get("solution")) and (SECRET in said or ".ipynb" in said):
            return True
    return False


@functools.cache
def prepared(folder, lies, settings):
    """A course, with torch or without, and two honest notebooks in it. Returns: the released notebook."""
    release = make(folder, settings + (LIARS if lies else ""), COURSE if lies else SOURCE)
    right = {one.id: re.sub(" *### .*\n?", "", one.source) for one in COURSE if one.id in WRONG}
    for student in ASIDE:
        hand_in(folder, student, filled_in(release, right if lies else RIGHT))
    return release


def in_a_sandbox(folder, name):
    """One attack under nbgrader alone, with a course in the folder for all that need the same one.

    Returns: points gained, whether it tells, and what it harms.
    """
    with making:
        release = prepared(folder / ("lies" if name in LIES else "small") / "course", name in LIES, LIMITED)
    with tempfile.TemporaryDirectory() as work:
        Path(work).chmod(0o755)
        course = Path(work, "course")
        shutil.copytree(release.parents[3], work, dirs_exist_ok=True)
        hand_in(course, "attack", liar(release, name) if name in LIES else hostile(release, name, 9))
        subprocess.run(["chmod", "-R", "a+rX", work], check=True)
        user = USER + next(users)
        limits = ["prlimit", "--nproc=250", "--data=2500000000", "--fsize=300000000", "--core=0", "--"]
        sandbox = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        sandbox += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            sandbox += ["--cap-add", f"CAP_{capability}"]
        sandbox += ["--proc", "/proc", "--dev", "/dev"]
        for folder in ("/tmp", "/dev/shm", "/run", "/var/tmp"):
            sandbox += ["--perms", "1777", "--size", str(700 << 20), "--tmpfs", folder]
        for path in map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", sys.base_prefix, ROOT)):
            if path.is_symlink():
                sandbox += ["--symlink", os.readlink(path), str(path)]
            elif path.exists():
                for parent in list(reversed(path.parents))[1:]:
                    sandbox += ["--perms", "0755", "--dir", str(parent)]
                sandbox += ["--ro-bind", str(path), str(path)]
        sandbox += [
            "--ro-bind",
            work,
            "/run/work",
            "--chdir",
            "/tmp",
            "--clearenv",
            "--setenv",
            "HOME",
            "/tmp",
        ]
        for variable, value in (
            ("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin"),
            ("PYTHONPATH", f"{ROOT}:{Path(__file__).parent}"),
            ("OMP_NUM_THREADS", "1"),
            ("OMP_WAIT_POLICY", "PASSIVE"),
            ("GRADERS_SECRET", "s3cret-environment"),
        ):
            sandbox += ["--setenv", variable, value]
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
        become += ["--inh-caps=-all", "--bounding-set=-all"]
        command = [*limits, *sandbox, "--", *become, sys.executable, __file__, "--inside"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "-", "-", f"batch not done after {SECONDS} s"
    line = next((line for line in done.stdout.decode(errors="replace").splitlines() if line[:1] == "{"), None)
    if line is None:
        return "-", "-", "batch ended"
    return verdict(name, "attack", **json.loads(line))


def inside():
    """In the sandbox: grade the course, and print what became of it."""
    course = Path("/tmp/course")
    subprocess.run(["cp", "-r", "/run/work/.", course.parent], check=True)
    done = nbgrader(course, "autograde", PS)
    report = {"status": done.returncode, "scores": students(course), "told": tells(course, "attack")}
    print(json.dumps(report), flush=True)


def verdict(name, student, status, scores, told):
    honest = dict.fromkeys(NOTHING, 1) if name in LIES else POINTS
    deserved = NOTHING if name in LIES else HALF_POINTS
    own = scores.get(student, {})
    gained = sum(max(0, own.get(check, 0) - points) for check, points in deserved.items())
    lost = sum(max(0, points - own.get(check, 0)) for check, points in deserved.items())
    harm = []
    if any(scores.get(one) != honest for one in ASIDE):
        harm.append("others' points")
    if status:
        harm.append(
            "own submission fails" if all(scores.get(one) == honest for one in ASIDE) else "batch ended"
        )
    elif lost:
        harm.append(f"own points, {lost:g}")
    return f"{gained:g}", "yes" if told else "no", ", ".join(harm) or "none"


def with_the_engine(names):
    """All attacks in two batches. Returns: dict from the name to points, leak and harm."""
    found = {}
    with tempfile.TemporaryDirectory() as work:
        for kind, chosen in (("small", ATTACKS), ("lies", LIES)):
            chosen = [name for name in chosen if name in names]
            if not chosen:
                continue
            course = Path(work, kind, "course")
            release = prepared(course, kind == "lies", "")
            for name in chosen:
                hand_in(course, name, liar(release, name) if name in LIES else hostile(release, name, 9))
            done = nbgrader(course, "autograde", PS)
            nbgrader(course, "generate_feedback", PS)
            scores = students(course)
            for name in chosen:
                page = course / "feedback" / name / PS / f"{PS}.html"
                told = tells(course, name) or SECRET in page.read_text()
                found[name] = verdict(name, name, done.returncode, scores, told)
    return found


def transcript():
    """What `nbgrader autograde` says to a batch of all kinds, and the gradebook afterwards."""
    with tempfile.TemporaryDirectory() as work:
        course = Path(work, "course")
        release = make(course)
        for student, kind in MIXED.items():
            content = hostile(release, kind, 9) if isinstance(kind, str) else kind
            content = (
                filled_in(release, content)
                if isinstance(content, dict) and "cells" not in content
                else content
            )
            hand_in(course, student.split()[0], content)
        done = nbgrader(course, "autograde", PS)
        said = [line for line in done.stderr.splitlines() if re.search("WARNING|ERROR|CRITICAL", line)]
        lines = ["$ nbgrader autograde ps", *(line.replace(f"{course}/", "") for line in said)]
        lines += [
            "$ echo $?",
            str(done.returncode),
            "",
            f"{'':22}{''.join(f'{name:>14}' for name in POINTS)}",
        ]
        scores = students(course)
        for student in MIXED:
            points = scores.get(student.split()[0], {})
            graded = (course / "autograded" / student.split()[0] / PS).exists()
            row = "".join(f"{points[name]:14g}" for name in POINTS) if graded else f"{'not graded':>14}"
            lines.append(f"{student:22}{row}")
    return "\n".join(lines)


def rests():
    """Of every assignment, how many points rest on what."""
    lines = []
    for path in sorted((ROOT / "autograder" / "course" / "source").glob("*/*.ipynb")):
        points, named = collections.Counter(), {}
        for name, (worth, ways) in contacts(nbformat.read(path, as_version=4)).items():
            kind = "value" if "value" in ways else "state" if ways == {"state"} else "probe"
            points[kind] += worth
            if kind != "value":
                named.setdefault(kind, []).append(f"`{name}`")
        cells = "; ".join(", ".join(named[kind]) for kind in ("state", "probe") if kind in named)
        numbers = " | ".join(f"{points[kind]:g}" for kind in ("value", "state", "probe"))
        lines.append(f"| {path.parent.name} | {numbers} | {cells} |")
    return "\n".join(lines)


def main(names):
    if os.geteuid():
        sys.exit("table.py must be run by root: it gives every sandbox a user of its own")
    names = names or [*ATTACKS, *LIES]
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ThreadPoolExecutor(3) as pool:
        rows = pool.map(in_a_sandbox, itertools.repeat(Path(work)), names)
        plain = dict(zip(names, rows, strict=True))
    engine = with_the_engine(names)
    rows = [f"| {name} | {' | '.join(plain[name])} | {' | '.join(engine[name])} |" for name in names]
    OUT.write_text(TEXT.format(rows="\n".join(rows), transcript=transcript(), rests=rests()))


TEXT = """# Attacks

Made by `python tests/autograder/attacks/table.py`.

Each row is a notebook that is half right, or wrong (the last rows, from `lies.py`), with an attack in it.
*Points* are those that the attack gains over the same notebook without it; *tells* is whether something
hidden stands in what the student gets to see; *harm* is what else becomes of the batch, which has an honest
notebook before and one after the attack. nbgrader alone always shows hidden tests on its feedback pages: for
it, *tells* counts only what the student's own cells print. It was run in a sandbox as a whole, without
network; "batch ended" is a run that left no grades for those who came later.

| attack | nbgrader: points | tells | harm | engine: points | tells | harm |
|---|---|---|---|---|---|---|
{rows}

## What a hostile notebook can still make up

Checks see a student's code by three ways: the *value* that a call gives, the *state* in which it leaves its
arguments, and what a *probe*, which runs beside that code, has seen. All three are told by the student's
process. A value that passes is an answer to random inputs, and so is an update: to make it up takes as much
as to make it. That something was left alone is easily said, and so is what a probe would have seen. Points
by what their cells rest on, as `python -m autograder.bank.probe_share` counts them (a cell counts as value
as soon as it compares one):

| assignment | value | state alone | a probe, without a value | the cells without a value |
|---|---|---|---|---|
{rests}

How much such lies win was measured with liars that know nothing of the task, over all wrong solutions of
`tests/autograder/solutions`: one lets the solution work on copies and reports the arguments as they came,
one puts back values, flags and modes of what belongs to no network. `pytest --attacks=all
tests/autograder/attacks/test_liars.py`:

Of 2,653 points that 1,058 wrong solutions are to lose, the lies won 115 (4.3 %), all of them of solutions
whose only fault there is what they leave behind. The same solutions in a line that tells the truth (working
on copies, or putting back) win these points too: by the lie alone, nothing was won (114 of 114 points when
the winning solutions were judged again). So the lie is worth as much as mending the fault, and no more.

## A batch of all kinds

```text
{transcript}
```

## Ways from one sandbox to another that are left

All sandboxes run on one machine, on one kernel. What costs little is closed (`sandbox/seccomp.py`): locks,
leases, watches and hints on files that all see, the times of devices where root grades, and the calls that
say whether a page of a file is in memory, or take it out. These ways are left. `python
benchmarks/channels.py` sends 108 bytes through each, three times; two cores of an AMD EPYC that had other
work to do meanwhile:

| way | sender and receiver | bits a second, median | of the three | bits wrong |
|---|---|---|---|---|
| pages, by the clock | one after the other | 12798 | 9875, 12798, 13795 | 64 of 2592 |
| pages, by getrusage | one after the other | 11097 | 10673, 11097, 11672 | 56 of 2592 |
| threads that wait | both at one time | 6618 | 6299, 6618, 7122 | 0 of 2592 |
| number of terminals | both at one time | 501 | 501, 501, 501 | 44 of 2592 |
| use of a processor | both at one time | 33 | 33, 33, 33 | 383 of 2592 |

- *Pages*: the sender reads some pages of files below `/usr` or of Python's packages that nobody has read
  for long, and leaves others. A plain read takes a few microseconds where the page is in memory, else near
  a hundred; `getrusage`, `/proc/self/io` and the list of a process's own pages tell the same without a
  clock. The wrong bits, where they were looked at, were pages that others had read meanwhile. Here a
  sandbox saw 3.4 million pages, of which 2.8 million were not in memory: each of them is a bit that can be
  written once, and stays until the machine needs the memory or starts again.
- *Threads that wait*: who wakes the threads that wait at a word of a file (`futex`) is told how many there
  were, and the word is one for all who have mapped the file. Python's `multiprocessing` and the end of
  every thread need this call, and a filter of system calls does not see what lies at an address.
- *Number of terminals*: one of many counts of the whole machine, in `/proc` (`sys`, `stat`, `meminfo`,
  `loadavg`, …), in `sysinfo` and in the numbers of new pipes. Hiding some of them would leave the others.
  Where an ordinary user grades, all sandboxes are one user's to the kernel, and what it counts by user is
  one more; and the times of the six devices in `/dev` can be set there and read elsewhere, some 60 bits a
  change, until the next (not measured).
- *Use of a processor*: and so of its caches and of the memory's bus.

What they carry: the hidden inputs of a function are a few hundred bytes, so a call in the hidden phase can
put them away in a second, and a visible cell that runs later (in a kernel that was started again, in the
next grading of the submission or of another one), or at the same time, can print them. It takes a student
who plans for it, a second run whose output the student gets to see and, for the last three, both at one
time. An input is no answer; it helps whose answer is a table. Inputs that are drawn from `SEED` are other
ones with another `SEED`.

Why they are left: an own page cache for each submission means a copy of the system's and Python's files for
each (14 GB here), or a virtual machine. Who needs that grades each submission in a virtual machine of its
own.
"""

if __name__ == "__main__":
    inside() if sys.argv[1:] == ["--inside"] else main(sys.argv[1:])
