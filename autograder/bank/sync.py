"""Brings the question cells of the assignments up to date with the question bank.

    python -m autograder.bank.sync            rewrites the cells that differ
    python -m autograder.bank.sync --check    names them instead, and exits with 1 if there are any

Three cells of a notebook belong to a question; each says so in its metadata:

- ``{"question": "C1"}``, Markdown: the question as students read it;
- ``{"answer": "C1"}``, a solution cell: the blank that students fill in, and the right answer;
- ``{"key": "C1"}``, a grade cell: a check of the answer's form for everybody, and its score, which is hidden.
  With ``"reasons": true`` beside it, the feedback page gives the bank's reasons where the answer is wrong.

The variant of a numeric question is a question of its own, ``T12v`` behind ``T12``, with one cell more:
``{"numbers": "T12v"}``, a locked cell that draws each student's numbers.

An essay has ``{"essay": "Q1"}``, a locked Markdown cell with the question and what earns points, an ordinary
cell to write in, and a task cell ``{"criterion": "Q1.1"}`` for each criterion, with the hidden mark scheme.
"""

import argparse
import copy
import json
import sys
from dataclasses import replace
from pathlib import Path

import nbformat

from questions import bank

SOURCE = Path(__file__).parents[1] / "course" / "source"
HOW_TO_ANSWER = {
    "single": '*One option is right. Answer with the set of its letter, such as* `{{"{last}"}}`.',
    "multiple": '*Answer with the set of the letters of all right options, such as* `{{"A", "{last}"}}`.',
    "numeric": "*Answer with a number.*",
    "variant": "*Answer with a number, to within {tolerance:g}; an expression is fine.*",
    "text": '*Answer with a string, such as* `"word"`.',
}
HOW_TO_WRITE = "*Write 300 to 500 words of Markdown in the next cell, formulas between dollar signs.*"
BLANK = {"single": "set()", "multiple": "set()", "numeric": "None", "variant": "None", "text": '""'}
QUESTION_ROLES = ("question", "answer", "key")


def question_cell(question):
    """Markdown of a question, without its key and reasons, and how to answer it."""
    last = question.options[-1].letter if question.options else ""
    how = HOW_TO_ANSWER[question.kind].format(last=last, tolerance=question.tolerance)
    return f"{bank.markdown(question).rstrip()}\n\n{how}"


def answer_cell(question):
    """The variable that students set, with the right answer between the marks of a solution."""
    name = f"answer_{question.id}"
    return "\n".join(
        [
            f"{name} = {BLANK[question.kind]}",
            "### BEGIN SOLUTION",
            f"{name} = {_literal(question)}",
            "### END SOLUTION",
        ]
    )


def key_cell(question, points, reasons=False):
    """The check of the answer's form, which students see, and the hidden line that scores it.

    The score is the cell's last expression: nbgrader takes the value of a cell for its points.

    Args:
        reasons: whether the hidden part says what deserves a second look (`checks.look_again`).
    """
    name, key, blank = f"answer_{question.id}", _literal(question), BLANK[question.kind]
    hidden, shown = [], f"{{type({name}).__name__}}"  # a text of the student's is not for a message
    if question.options:
        letters = "".join(option.letter for option in question.options)
        form = [
            f'assert isinstance({name}, set), f"{name} must be a set of letters, not {shown}"',
            f'assert {name} <= set("{letters}"), "{name} has what is none of the letters {letters}"',
        ]
        missed = f"{name} ^ {key}"
        score = f'choice_score({name}, key={key}, letters="{letters}", points={points})'
    elif question.kind == "text":
        form = [f'assert isinstance({name}, str), f"{name} must be a string, not {shown}"']
        missed = f"{name}.strip().casefold() != {key}.casefold()"
        score = f"text_score({name}, expected={key}, points={points})"
    else:
        form = [f'assert isinstance({name}, (int, float)), "{name} must be a number"']
        if question.kind == "variant":
            form.append("check_id(my_id)")
            hidden, key = [f"expected_{question.id} = {key}"], f"expected_{question.id}"
        missed = f"not abs({name} - {key}) <= {question.tolerance}"
        score = f"numeric_score({name}, expected={key}, tolerance={question.tolerance}, points={points})"
    imported = [score.partition("(")[0], *(["look_again"] if reasons else [])]
    return "\n".join(
        [
            f"if {name} {'is' if blank == 'None' else '=='} {blank}:",
            f'    raise NotImplementedError("{name} is still blank")',
            *form,
            "### BEGIN HIDDEN TESTS",
            f"from autograder.checks import {', '.join(sorted(imported))}",
            "",
            *hidden,
            *([f'look_again("{question.id}", {missed})'] if reasons else []),
            score,
            "### END HIDDEN TESTS",
        ]
    )


def numbers_cell(question):
    """The numbers of a variant, drawn by the student's id with a function of the notebook's first cell."""
    choices = ", ".join(f"{name}={list(values)}" for name, values in question.variant.numbers.items())
    return f'numbers_{question.id} = own_numbers("{question.id}", {choices})'


def essay_cell(question):
    """Markdown of an essay question, and what earns points."""
    lines = [f"{place}. {one.asks} ({_points(one)})" for place, one in enumerate(question.rubric, 1)]
    asks = "\n".join(["Points are given for:", "", *lines])
    return f"{bank.markdown(question).rstrip()}\n\n{asks}\n\n{HOW_TO_WRITE}"


def criterion_cell(question, place):
    """One criterion: what it asks for, and the mark scheme; the first one's holds the model answer as well.

    Args:
        place: of the criterion in the rubric, from 1.
    """
    one = question.rubric[place - 1]
    half = f"\n\nHalf of the points: {one.half}" if one.half else ""
    model = f"\n\n**A model answer**\n\n{question.explanation}" if place == 1 else ""
    return (
        f"**{question.id}, criterion {place}** ({_points(one)}). {one.asks}\n\n"
        f"### BEGIN MARK SCHEME\n{one.criterion}{half}{model}\n### END MARK SCHEME"
    )


def out_of_date(notebook, questions):
    """The question cells of a notebook that differ from the bank.

    Args:
        notebook: nbformat notebook.
        questions: dict from id to Question.

    Returns: list of (cell, the cell as it should be).
    Raises:
        KeyError: a cell names a question, or a criterion, that the bank does not have.
        ValueError: a cell is not of its question's kind, or a question's cells are not all there.
    """
    questions, stale, found = questions | _variants(questions), [], {}
    for cell in notebook.cells:
        for role in [
            role for role in (*QUESTION_ROLES, "numbers", "essay", "criterion") if role in cell.metadata
        ]:
            name, _, place = cell.metadata[role].partition(".")
            if name not in questions:
                raise KeyError(f"no question {name!r} in the bank; it has {', '.join(questions)}")
            found.setdefault(name, []).append(f"{role} {place}".rstrip())
            if found[name][-1] not in (wanted := _roles(questions[name])):
                raise ValueError(
                    f"{name} is {_article(questions[name].kind)}, with the cells {', '.join(wanted)}; "
                    f"{cell.id} is a cell of the kind {found[name][-1]}"
                )
            current = _current(cell, role, questions[name], int(place or 0))
            if current != cell:
                stale.append((cell, current))
    for name, cells in found.items():
        if sorted(cells) != sorted(wanted := _roles(questions[name])):
            raise ValueError(f"{name} needs one cell each of {', '.join(wanted)}; found {', '.join(cells)}")
    return stale


def _roles(question):
    """The cells that a question needs, in its order."""
    if question.kind == "essay":
        return ["essay", *(f"criterion {place}" for place in range(1, len(question.rubric) + 1))]
    return [*QUESTION_ROLES[:1], *(["numbers"] if question.kind == "variant" else []), *QUESTION_ROLES[1:]]


def _current(cell, role, question, place):
    """A cell as the bank has it."""
    current = copy.deepcopy(cell)
    if role == "criterion":
        current.source = criterion_cell(question, place)
        current.metadata.nbgrader.points = question.rubric[place - 1].points
    elif role == "key":
        reasons = cell.metadata.get("reasons", False)
        current.source = key_cell(question, cell.metadata.nbgrader.points, reasons)
    else:
        makers = {
            "question": question_cell,
            "answer": answer_cell,
            "numbers": numbers_cell,
            "essay": essay_cell,
        }
        current.source = makers[role](question)
    return current


def _variants(questions):
    """The variants of numeric questions, as questions of the kind "variant"."""
    return {
        f"{name}v": replace(
            question,
            id=f"{name}v",
            kind="variant",
            title=question.variant.title,
            text=question.variant.text,
            tolerance=question.variant.tolerance,
            explanation=question.variant.explanation,
        )
        for name, question in questions.items()
        if question.variant is not None
    }


def main(arguments=None):
    """Runs the command line; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m autograder.bank.sync", description=__doc__.partition("\n")[0]
    )
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
        for cell, current in stale:
            what = "differs" if options.check else "rewritten"
            print(f"{path.relative_to(options.source)}: cell {cell.id} {what}")
            cell.update(current)
        if stale and not options.check:
            nbformat.write(notebook, path)
        differing += len(stale)
    if options.check and differing:
        advice = "run python -m autograder.bank.sync"
        print(f"{differing} cells differ from the question bank: {advice}", file=sys.stderr)
        return 1
    return 0


def _literal(question):
    """Python source of a key; the letters of a set in order, so that the same key is always the same text."""
    key = question.key
    if question.kind == "variant":
        names = ", ".join(question.variant.numbers)
        return f"(lambda {names}: {question.variant.answer})(**numbers_{question.id})"
    if isinstance(key, frozenset):
        return "{" + ", ".join(f'"{letter}"' for letter in sorted(key)) + "}"
    return json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)


def _points(criterion):
    return f"{criterion.points:g} point{'s' if criterion.points != 1 else ''}"


def _article(kind):
    return f"an {kind}" if kind == "essay" else f"a question of the kind {kind}"


if __name__ == "__main__":
    sys.exit(main())
