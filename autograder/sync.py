"""Brings the question cells of the assignments up to date with the question bank.

    python -m autograder.sync            rewrites the cells that differ
    python -m autograder.sync --check    names them instead, and exits with 1 if there are any

Three cells of a notebook belong to a question; each says so in its metadata:

- ``{"question": "C1"}``, Markdown: the question as students read it;
- ``{"answer": "C1"}``, a solution cell: the blank that students fill in, and the right answer;
- ``{"key": "C1"}``, a grade cell: a check of the answer's form for everybody, and its score, which is hidden.
"""

import argparse
import json
import sys
from pathlib import Path

import nbformat

from questions import bank

SOURCE = Path(__file__).parent / "source"
HOW_TO_ANSWER = {
    "single": '*One option is right. Answer with the set of its letter, such as* `{{"{last}"}}`.',
    "multiple": '*Answer with the set of the letters of all right options, such as* `{{"A", "{last}"}}`.',
    "numeric": "*Answer with a number.*",
    "text": '*Answer with a string, such as* `"word"`.',
}
BLANK = {"single": "set()", "multiple": "set()", "numeric": "None", "text": '""'}
IS_BLANK = {"single": "== set()", "multiple": "== set()", "numeric": "is None", "text": '== ""'}


def question_cell(question):
    """Markdown of a question, without its key and reasons, and how to answer it."""
    last = question.options[-1].letter if question.options else ""
    return f"{bank.markdown(question).rstrip()}\n\n{HOW_TO_ANSWER[question.kind].format(last=last)}"


def answer_cell(question, points=None):
    """The variable that students set, with the right answer between the marks of a solution."""
    name = f"answer_{question.id}"
    return "\n".join(
        [
            f"{name} = {BLANK[question.kind]}",
            "### BEGIN SOLUTION",
            f"{name} = {_literal(question.key)}",
            "### END SOLUTION",
        ]
    )


def key_cell(question, points):
    """The check of the answer's form, which students see, and the hidden line that scores it.

    The score is the cell's last expression: nbgrader takes the value of a cell for its points.
    """
    name, key = f"answer_{question.id}", _literal(question.key)
    if question.options:
        letters = "".join(option.letter for option in question.options)
        form = [
            f'assert isinstance({name}, set), f"{name} must be a set of letters, not {{{name}!r}}"',
            f'assert {name} <= set("{letters}"), f"the letters are {letters}; {name} is {{{name}!r}}"',
        ]
        score = f'choice_score({name}, key={key}, letters="{letters}", points={points})'
    elif question.kind == "numeric":
        form = [f'assert isinstance({name}, (int, float)), f"{name} must be a number, not {{{name}!r}}"']
        score = f"numeric_score({name}, expected={key}, tolerance={question.tolerance}, points={points})"
    else:
        form = [f'assert isinstance({name}, str), f"{name} must be a string, not {{{name}!r}}"']
        score = f"text_score({name}, expected={key}, points={points})"
    return "\n".join(
        [
            f"if {name} {IS_BLANK[question.kind]}:",
            f'    raise NotImplementedError("{name} is still blank")',
            *form,
            "### BEGIN HIDDEN TESTS",
            f"from autograder.checks import {score.partition('(')[0]}",
            "",
            score,
            "### END HIDDEN TESTS",
        ]
    )


def out_of_date(notebook, questions):
    """The question cells of a notebook that differ from the bank.

    Args:
        notebook: nbformat notebook.
        questions: dict from id to Question.

    Returns: list of (cell, the source it should have).
    Raises:
        KeyError: a cell names a question that the bank does not have.
        ValueError: a cell names an essay, or a question's three cells are not all there.
    """
    makers = {
        "question": lambda question, cell: question_cell(question),
        "answer": lambda question, cell: answer_cell(question),
        "key": lambda question, cell: key_cell(question, cell.metadata.nbgrader.points),
    }
    stale, roles = [], {}
    for cell in notebook.cells:
        for role in makers.keys() & cell.metadata.keys():
            name = cell.metadata[role]
            if name not in questions:
                raise KeyError(f"no question {name!r} in the bank; it has {', '.join(questions)}")
            if questions[name].kind == "essay":
                raise ValueError(f"{name} is an essay: no cell can score it")
            roles.setdefault(name, []).append(role)
            if cell.source != (source := makers[role](questions[name], cell)):
                stale.append((cell, source))
    for name, found in roles.items():
        if sorted(found) != sorted(makers):
            raise ValueError(f"{name} needs one cell each of {', '.join(makers)}; found {', '.join(found)}")
    return stale


def main(arguments=None):
    """Runs the command line; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m autograder.sync", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a cell differs")
    parser.add_argument("--source", type=Path, default=SOURCE, help="the assignments (default: %(default)s)")
    options = parser.parse_args(arguments)
    notebooks = sorted(options.source.glob("*/*.ipynb"))
    if not notebooks:
        parser.error(f"no notebooks (*/*.ipynb) in {options.source}")
    questions, differing = bank.load(), 0
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        stale = out_of_date(notebook, questions)
        for cell, source in stale:
            what = "differs" if options.check else "rewritten"
            print(f"{path.relative_to(options.source)}: cell {cell.id} {what}")
            cell.source = source
        if stale and not options.check:
            nbformat.write(notebook, path)
        differing += len(stale)
    if options.check and differing:
        advice = "run python -m autograder.sync"
        print(f"{differing} cells differ from the question bank: {advice}", file=sys.stderr)
        return 1
    return 0


def _literal(key):
    """Python source of a key; the letters of a set in order, so that the same key is always the same text."""
    if isinstance(key, frozenset):
        return "{" + ", ".join(f'"{letter}"' for letter in sorted(key)) + "}"
    return json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)


if __name__ == "__main__":
    sys.exit(main())
