"""Solutions of the assignments' tasks: right ones of unusual kinds, and wrong ones as students write them.

`ps1_step.py` holds those of the task `step` of `ps1`: `RIGHT`, a dict from a name to a function, and `WRONG`,
from a name to a function and the ids of the cells of checks that it fails. Each module also runs as a cell of
a notebook, with nothing but the assignment's first cell before it.
"""

import importlib
import pkgutil
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
        module = Path(__file__).with_name(f"{self.assignment}_{self.task}.py").read_text()
        chosen = f"WRONG[{self.name!r}][0]" if self.lost else f"RIGHT[{self.name!r}]"
        return f"{module}\n{function} = {chosen}\n"


def cases():
    """All of them, task by task, the right ones first."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        table, place = importlib.import_module(f"{__name__}.{module.name}"), module.name.split("_")
        found += [Case(*place, name, solution, frozenset()) for name, solution in table.RIGHT.items()]
        found += [
            Case(*place, name, solution, frozenset(lost)) for name, (solution, lost) in table.WRONG.items()
        ]
    return found
