"""Variants of contracts: a function must do another thing than last year, so last year's is no answer.

A variant is a file in the folder `contracts`, named by assignment, task and difference. It holds the passages
of the task's cells that are others. `ps3-std-one-root.yml`:

    differs: one root of the mean variance, not the mean of the roots
    cells:
      std-task:
        - standard: one passage
          variant: what stands in its place

In its cell a passage occurs exactly once, before and after, so that an exchange is taken back to the byte.
The metadata of a notebook name the variants that stand in it: ``{"contracts": ["ps3-std-one-root"]}``.
"""

import copy
import functools
from pathlib import Path
from typing import NamedTuple

import yaml

FOLDER = Path(__file__).with_name("contracts")


class Unfit(ValueError):
    """A notebook has not the cells and passages that an exchange needs, or students have it already."""


class Contract(NamedTuple):
    """A variant.

    Attributes:
        name: such as "ps3-std-one-root".
        differs: from the standard contract, in a line.
        cells: dict from a cell's id to pairs (standard passage, its variant).
    """

    name: str
    differs: str
    cells: dict

    @property
    def task(self):
        """Such as "ps3-std", which names the standard contract."""
        return "-".join(self.name.split("-")[:2])

    @property
    def assignment(self):
        """Such as "ps3"."""
        return self.name.partition("-")[0]


@functools.cache
def load():
    """Dict from name to contract."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.yml"))}


def listed():
    """The variants for a person, one a line."""
    return "\n".join(f"  {one.name:32}{one.differs}" for one in load().values())


def present(notebook):
    """Names of the variants that stand in a notebook."""
    return notebook.metadata.get("contracts", [])


def exchange(notebook, name):
    """A copy of a notebook in which this contract stands, of those of its task.

    Args:
        notebook: nbformat notebook.
        name: of a variant, or of a task for its standard contract.

    Raises: Unfit, which names cell and passage where one is not there exactly once.
    """
    known, changed = load(), copy.deepcopy(notebook)
    if unknown := set(present(notebook)) - set(known):
        raise Unfit(f"the notebook has variants that are not in {FOLDER.name}: {sorted(unknown)}")
    task = known[name].task if name in known else name
    for other in present(notebook):
        if known[other].task == task:
            _turn(changed, known[other], back=True)
    if name in known:
        _turn(changed, known[name])
    return changed


def standard(notebook):
    """A copy of a notebook with standard contracts alone."""
    for name in present(notebook):
        notebook = exchange(notebook, "-".join(name.split("-")[:2]))
    return notebook


def check(notebook, assignment):
    """Try all exchanges that a notebook of this assignment, such as "ps3", allows.

    Raises: Unfit where one is not possible.
    """
    plain = standard(notebook)
    for one in load().values():
        if one.assignment == assignment:
            exchange(plain, one.name)


def _read(path):
    """A contract from its file."""
    text = yaml.safe_load(path.read_text(encoding="utf-8"))
    cells = {
        cell: [(one["standard"], one["variant"]) for one in passages]
        for cell, passages in text["cells"].items()
    }
    return Contract(path.stem, text["differs"], cells)


def _turn(notebook, contract, back=False):
    """Put a variant in, or take it out again."""
    cells = {cell.id: cell for cell in notebook.cells}
    for name, passages in contract.cells.items():
        if name not in cells:
            raise Unfit(f"{contract.name}: there is no cell {name}")
        for old, new in [pair[::-1] for pair in reversed(passages)] if back else passages:
            before = cells[name].source
            cells[name].source = before.replace(old, new)
            for text, passage in ((before, old), (cells[name].source, new)):
                if (count := text.count(passage)) != 1:
                    raise Unfit(f"{contract.name}: {count} times in cell {name}, must be once:\n{passage}")
    names = set(present(notebook)) ^ {contract.name}
    notebook.metadata.pop("contracts", None)
    if names:
        notebook.metadata["contracts"] = sorted(names)
