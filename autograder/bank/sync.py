"""Brings the question cells of the assignments up to date with the question bank.

    python -m autograder.bank.sync              rewrites the cells that differ
    python -m autograder.bank.sync --check      names them instead, and exits with 1 if there are any
    python -m autograder.bank.sync --essay Q1b  puts this essay in the place of another Q1, then the same
    python -m autograder.bank.sync --contract ps3-std-one-root  asks this variant of a function, then the same
    python -m autograder.bank.sync --contract ps3-std           asks the standard one again

What is graded is not what the book publishes: statements and essays come from `questions.pools`. The cells
of a notebook that belong to a question say so in their metadata. For a family of statements, of which each
student sees five:

- ``{"question": "C1"}``, Markdown: the situation;
- ``{"form": "C1"}``, a locked cell with all statements of the pool: it shows those that are the student's;
- ``{"answer": "C1"}``, a solution cell: the blank that students fill in, and the right answer;
- ``{"key": "C1"}``, a grade cell: a check of the answer's form for everybody, and its score, which is hidden.

The variant of a question of the bank, ``T12v`` beside ``T12``, has ``{"numbers": "T12v"}`` for its second
cell: it draws the student's numbers.

An essay has ``{"essay": "Q1a"}``, a locked Markdown cell with the question and what earns points, an ordinary
cell to write in, and a task cell ``{"criterion": "Q1a.1"}`` for each criterion, with the hidden mark scheme.

Which variants there are of what functions must do, and how their cells differ, is said in `contracts`.

What draws numbers and forms is a locked cell ``{"shared": "forms"}``, the text of `forms` in every notebook.
Beside each notebook lies what students install, ``students.txt``.
"""

import argparse
import copy
import re
import sys
from pathlib import Path

import nbformat

from autograder.bank import cells, contracts
from autograder.bank.cells import Numbers
from questions import bank, pools

STUDENTS = Path(__file__).with_name("students.txt")
SOURCE = Path(__file__).parents[1] / "course" / "source"
ROLES = ("shared", "question", "form", "numbers", "answer", "key", "essay", "criterion")


def sources():
    """What the cells of assignments may ask: dict from id to family, variant or essay."""
    variants = [
        Numbers(f"{name}v", one.variant) for name, one in bank.load().items() if one.variant is not None
    ]
    return pools.families() | {one.id: one for one in variants} | pools.essays()


def out_of_date(notebook, questions):
    """The question cells of a notebook that differ from their source.

    Args:
        notebook: nbformat notebook.
        questions: dict as of `sources`.

    Returns: list of (cell, the cell as it should be).
    Raises:
        KeyError: a cell names a question, or a criterion, that is not among them.
        ValueError: a cell is not of its question's kind, or a question's cells are not all there.
    """
    stale, found = [], {}
    for cell in notebook.cells:
        for role in [role for role in ROLES if role in cell.metadata]:
            name, _, place = cell.metadata[role].partition(".")
            if role != "shared":
                if name not in questions:
                    raise KeyError(f"no question {name!r} for assignments; there are {', '.join(questions)}")
                found.setdefault(name, []).append(f"{role} {place}".rstrip())
                if found[name][-1] not in (wanted := _roles(questions[name])):
                    what = f"{cell.id} is a cell of the kind {found[name][-1]}"
                    raise ValueError(f"{name} has the cells {', '.join(wanted)}; {what}")
            current = _current(cell, role, questions.get(name), int(place or 0))
            if current != cell:
                stale.append((cell, current))
    for name, roles in found.items():
        if sorted(roles) != sorted(wanted := _roles(questions[name])):
            raise ValueError(f"{name} needs one cell each of {', '.join(wanted)}; found {', '.join(roles)}")
    return stale


def exchange(notebook, essay):
    """Put an essay in the place of another with the same number: Q1b where Q1a is.

    Args:
        notebook: nbformat notebook, changed in place.
        essay: Question.

    Returns: whether the notebook has an essay with this number.
    """
    number = re.match(r"[A-Z]+\d+", essay.id)[0]
    places = [
        place
        for place, cell in enumerate(notebook.cells)
        if cell.metadata.get("essay", "").startswith(number)
    ]
    for place in places:
        first, old = notebook.cells[place], notebook.cells[place].metadata["essay"]
        tasks = [
            at for at, cell in enumerate(notebook.cells) if cell.metadata.get("criterion", "").startswith(old)
        ]
        pattern = notebook.cells[tasks[0]]
        first.metadata["essay"] = essay.id
        made = []
        for criterion in range(1, len(essay.rubric) + 1):
            task = copy.deepcopy(pattern)
            task.id = task.metadata.nbgrader.grade_id = f"{number.lower()}-criterion-{criterion}"
            task.metadata["criterion"] = f"{essay.id}.{criterion}"
            made.append(task)
        notebook.cells[tasks[0] : tasks[-1] + 1] = made
    return bool(places)


def _with_contract(notebook, path, options):
    """The notebook with the contract that is asked for, if that is one of its functions'.

    Raises: contracts.Unfit if students may have it already: their answers are to the contract that they know.
    """
    if not options.contract or options.contract.partition("-")[0] != path.stem.partition("_")[0]:
        return notebook
    changed = contracts.exchange(notebook, options.contract)
    released = options.source.parent / "release" / path.stem
    if changed != notebook and released.exists():
        raise contracts.Unfit(
            f"{released} is there: what students hand in answers the contract in it. Exchange contracts "
            "before a set is released; before a new term remove that folder"
        )
    return changed


def _give_requirements(path, options):
    """Bring the list of what students install up to date. Returns: whether it differed."""
    wanted = STUDENTS.read_text(encoding="utf-8")
    if path.is_file() and path.read_text(encoding="utf-8") == wanted:
        return False
    print(f"{path.relative_to(options.source)} {'differs' if options.check else 'rewritten'}")
    if not options.check:
        path.write_text(wanted, encoding="utf-8")
    return True


def _roles(question):
    """The cells that a question needs, in its order."""
    if isinstance(question, bank.Question):
        return ["essay", *(f"criterion {place}" for place in range(1, len(question.rubric) + 1))]
    return ["question", "numbers" if isinstance(question, Numbers) else "form", "answer", "key"]


def _current(cell, role, question, place):
    """A cell as its source has it."""
    current = copy.deepcopy(cell)
    if role == "criterion":
        current.source = cells.criterion_cell(question, place)
        current.metadata.nbgrader.points = question.rubric[place - 1].points
    elif role == "key":
        current.source = cells.key_cell(question, cell.metadata.nbgrader.points)
    elif role == "shared":
        current.source = cells.shared_cell()
    else:
        makers = {
            "question": cells.question_cell,
            "form": cells.form_cell,
            "numbers": cells.numbers_cell,
            "answer": cells.answer_cell,
            "essay": cells.essay_cell,
        }
        current.source = makers[role](question)
    return current


def _options(arguments):
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m autograder.bank.sync",
        description=__doc__.partition("\n")[0],
        epilog=f"variants of contracts, and what differs:\n{contracts.listed()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a cell differs")
    parser.add_argument("--source", type=Path, default=SOURCE, help="the assignments (default: %(default)s)")
    parser.add_argument("--essay", metavar="ID", help="ask this essay in the place of the other one")
    parser.add_argument(
        "--contract", metavar="NAME", help="ask this variant of a function; of a task: its standard contract"
    )
    options = parser.parse_args(arguments)
    options.notebooks = sorted(options.source.glob("*/*.ipynb"))
    if not options.notebooks:
        parser.error(f"no notebooks (*/*.ipynb) in {options.source}")
    if options.essay and options.essay not in pools.essays():
        parser.error(f"--essay {options.essay}: no such essay; there are {', '.join(pools.essays())}")
    names = [name for one in contracts.load().values() for name in (one.task, one.name)]
    if options.contract and options.contract not in names:
        parser.error(f"--contract {options.contract}: no such contract; there are {', '.join(names)}")
    return options


def _sync(path, questions, options):
    """Bring a notebook, and what lies beside it, up to date. Returns: how many cells or files differed."""
    before = nbformat.read(path, as_version=4)
    notebook = _with_contract(before, path, options)
    for name in contracts.present(notebook):
        print(f"{path.relative_to(options.source)}: the variant {name}")
    exchanged = bool(options.essay) and exchange(notebook, questions[options.essay])
    stale = out_of_date(notebook, questions)
    for cell, current in stale:
        what = "differs" if options.check else "rewritten"
        print(f"{path.relative_to(options.source)}: cell {cell.id} {what}")
        cell.update(current)
    if (stale or exchanged or notebook is not before) and not options.check:
        nbformat.write(notebook, path)
    return len(stale) + _give_requirements(path.with_name("requirements.txt"), options)


def main(arguments=None):
    """Runs the command line; returns its exit status."""
    options, questions, differing = _options(arguments), sources(), 0
    for path in options.notebooks:
        try:
            differing += _sync(path, questions, options)
            if options.check:
                contracts.check(nbformat.read(path, as_version=4), path.stem.partition("_")[0])
        except contracts.Unfit as error:
            print(f"{path.relative_to(options.source)}: {error}", file=sys.stderr)
            return 1
    if options.check and differing:
        advice = "run python -m autograder.bank.sync"
        print(f"{differing} cells or files differ from the question bank: {advice}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
