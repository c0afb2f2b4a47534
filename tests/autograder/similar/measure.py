"""The two error rates of the ranking, on pairs that nothing was chosen by; and the scores in measured.json.

Every text in honest/ is a whole solution of an assignment, in one of the ways in which students write. The
length of a piece and the weights were chosen by those whose names have "tuning" and copies of these under the
disguises KNOWN; NEARLY by groups of up to ten such copies under all of them. Measured is on the others, under
all disguises. That was looked at more than once while the treatment of groups was worked out: the rates are
the better end of what to expect.

    python tests/autograder/similar/measure.py
"""

import functools
import itertools
import json
import re
from pathlib import Path

import nbformat
from disguises import KNOWN, UNKNOWN, disguised

from autograder import similar
from autograder.similar.gather import FENCED
from autograder.similar.pieces import Code
from autograder.similar.rank import Table

HERE = Path(__file__).parent
TASKS = {
    "ps2": ("ps2_wasserstein", ("penalty", "generator", "spectral", "clip", "distance")),
    "ps3": ("ps3_mode_collapse", ("matching", "std", "modes")),
}
SEEDS = 4  # copies of each solution


@functools.cache
def texts(prefix):
    """The solutions whose names begin so: a dict from name to text."""
    return {path.stem: path.read_text() for path in sorted(HERE.joinpath("honest").glob(f"{prefix}_*.txt"))}


def functions(text):
    """The functions of a text, one text each, in its order."""
    return [part.strip("\n") for part in re.split(r"\n\n+(?=def |@)", text)]


@functools.cache
def given(prefix):
    """The pieces of what students get with an assignment."""
    path = HERE.parents[2] / "autograder/course/source" / TASKS[prefix][0] / f"{TASKS[prefix][0]}.ipynb"
    codes = []
    for cell in nbformat.read(path, as_version=4).cells:
        parts = r"### BEGIN (HIDDEN TESTS|SOLUTION).*?### END \1"
        kept = re.sub(parts, "raise NotImplementedError", cell.source, flags=re.DOTALL)
        codes += [kept] if cell.cell_type == "code" else FENCED.findall(kept)
    return set().union(*(Code(code).pieces for code in codes))


@functools.cache
def pieces(prefix, text):
    """The pieces of a solution, without what was given."""
    return set().union(*(Code(one).pieces for one in functions(text))) - given(prefix)


def copies(prefix, name, kinds, seeds=range(SEEDS)):
    """Disguised copies of a solution, as texts."""
    return [disguised(texts(prefix)[name], f"{name} {seed}", kinds) for seed in seeds]


def rates(prefix, part):
    """Scores of pairs: (honest, copies), both sorted.

    Args:
        prefix: of an assignment.
        part: "tuning", or "apart". Of an honest pair at least one is of the part; a copy is handed in beside
            all honest solutions.
    """
    kinds = KNOWN if part == "tuning" else KNOWN + UNKNOWN
    names = [name for name in texts(prefix) if part == "apart" or part in name]
    sets = [pieces(prefix, texts(prefix)[name]) for name in names]
    scores = Table(sets).scores
    ours = [place for place, name in enumerate(names) if part in name]
    pairs = [pair for pair in itertools.combinations(range(len(names)), 2) if {*pair} & {*ours}]
    copied = [
        Table([*sets, pieces(prefix, text)]).scores[place, -1]
        for place in ours
        for text in copies(prefix, names[place], kinds)
    ]
    return sorted(float(scores[pair]) for pair in pairs), sorted(map(float, copied))


def measured():
    """What measured.json holds."""
    found = [rates(prefix, "apart") for prefix in TASKS]
    honest, copied = (sorted(itertools.chain(*parts)) for parts in zip(*found, strict=True))
    return {"honest": [round(one, 4) for one in honest], "copies": [round(one, 4) for one in copied]}


def main():
    honest, copied = rates("ps2", "tuning")
    cut = (honest[-1] + copied[0]) / 2
    print(
        f"tuning: honest up to {honest[-1]:.3f}, copies from {copied[0]:.3f}; a cut between them: {cut:.3f}"
    )
    for prefix in TASKS:
        honest, copied = rates(prefix, "apart")
        print(
            f"{prefix}, kept apart: {sum(one >= cut for one in honest)} of {len(honest)} honest pairs above, "
            f"{sum(one < cut for one in copied)} of {len(copied)} copies below; "
            f"{sum(one <= honest[-1] for one in copied)} not above every honest pair ({honest[-1]:.3f}); in "
            f"the wrong order: {sum(a >= b for a in honest for b in copied) / len(honest) / len(copied):.2%}"
        )
    path = Path(similar.__file__).with_name("measured.json")
    path.write_text(json.dumps(measured()) + "\n")


if __name__ == "__main__":
    main()
