"""Solutions of the assignments' tasks: right ones of unusual kinds, and wrong ones as students write them.

`ps1_step.py` holds those of the task `step` of `ps1`: `RIGHT`, a dict from a name to a function, and `WRONG`,
from a name to a function and the ids of the cells of checks that it fails. Each module also runs as a cell of
a notebook, with nothing but the assignment's first cell before it. In `variants` are, in the same
form, those of variants of contracts (`autograder.bank.contracts`).
"""

import importlib
import pkgutil
import re
from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """A solution, and the ids of the cells of checks that it fails: none where it is right."""

    assignment: str
    task: str
    name: str
    solution: object
    lost: frozenset

    def __str__(self):
        return f"{self.assignment}-{self.task}-{self.name}"

    def cell(self, function):
        """Code for a notebook that defines the solution under the function's name."""
        here, name = Path(__file__).parent, self.assignment.replace("-", "_")
        module = (here / f"{name[:3]}_{self.task}.py").read_text()
        if "_" in name:  # what a variant imports from the standard's solutions stands before it
            own = (here / "variants" / f"{name}.py").read_text()
            module += re.sub(r"\nfrom solutions\S+ import (\([^)]*\)|.*)", "", own)
        chosen = f"WRONG[{self.name!r}][0]" if self.lost else f"RIGHT[{self.name!r}]"
        return f"{module}\n{function} = {chosen}\n"


def cases():
    """All of them, task by task, the right ones first."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        found += _of(importlib.import_module(f"{__name__}.{module.name}"), *module.name.split("_"))
    return found


def of_variant(name):
    """Those of a variant of a contract, such as "ps3-std-one-root", which is their assignment."""
    module = importlib.import_module(f"{__name__}.variants.{name.replace('-', '_')}")
    return _of(module, name, name.split("-")[1])


def _of(table, *place):
    """The cases of a module."""
    return [Case(*place, name, solution, frozenset()) for name, solution in table.RIGHT.items()] + [
        Case(*place, name, solution, frozenset(lost)) for name, (solution, lost) in table.WRONG.items()
    ]
