"""The texts of the cells that belong to a question; which cells these are is said in `sync`."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from questions import bank

FORMS = Path(__file__).with_name("forms.py")
LETTERS = "ABCDE"
LINE = 110
WIDTH = 93  # of a piece of a statement
HOW_TO_ANSWER = (
    "*The next cell shows five statements about this, drawn for you; two or three of them are true. Answer "
    'with the set of their letters, such as* `{"A", "D"}`. *If three are true, each that you choose adds a '
    "third of the points, and each of the two false ones takes half of them away.*"
)
HOW_TO_GIVE_A_NUMBER = "*Answer with a number, to within {tolerance:g}; an expression is fine.*"
HOW_TO_WRITE = "*Write 300 to 500 words of Markdown in the next cell, formulas between dollar signs.*"


@dataclass(frozen=True)
class Numbers:
    """The variant of a question of the bank, under its own id."""

    id: str
    variant: bank.Variant


def shared_cell():
    """The code of `forms`, without what is said of it there."""
    text = FORMS.read_text(encoding="utf-8")
    return text[text.index("\nimport ") :].strip()


def question_cell(question):
    """Markdown of a question, without its key and reasons, and how to answer it."""
    if isinstance(question, Numbers):
        about, how = question.variant, HOW_TO_GIVE_A_NUMBER.format(tolerance=question.variant.tolerance)
    else:
        about, how = question, HOW_TO_ANSWER
    code = [f"```python\n{about.code.rstrip()}\n```"] if about.code else []
    return "\n\n".join([f"### {question.id} · {about.title}", about.text.rstrip(), *code, how])


def form_cell(family):
    """All statements of a family, in groups, and the five of them that are the student's."""
    lines = [f"form_{family.id} = own_form(", f'    "{family.id}",', "    ["]
    for group in family.pool():
        pieces = [_string(one.text) for one in group]
        lines += ["        (", *(f"            {piece}," for piece in pieces), "        ),"]
    return "\n".join([*lines, "    ],", ")"])


def numbers_cell(question):
    """The numbers of a variant."""
    return _call(f"numbers_{question.id} = own_numbers", f'"{question.id}"', *_choices(question))


def answer_cell(question):
    """The variable that students set, with the right answer between the marks of a solution."""
    name = f"answer_{question.id}"
    if isinstance(question, Numbers):
        blank, right = "None", f"{_formula(question)}(**numbers_{question.id})"
    else:
        blank = "set()"
        right = f"{{letter for letter, number in form_{question.id}.items() if number in {_true(question)}}}"
    marks = "### BEGIN SOLUTION", "### END SOLUTION"
    return "\n".join([f"{name} = {blank}", marks[0], f"{name} = {right}", marks[1]])


def key_cell(question, points):
    """The check of the answer's form, which students see, and the hidden lines that score it.

    What is asked is drawn again, for the id that the notebook was answered under (`drawn.drawn_for`). The
    score is the cell's last expression: nbgrader takes the value of a cell for its points. What deserves a
    second look is printed for the feedback page (`checks.look_again`).
    """
    name, one = f"answer_{question.id}", question.id
    shown = f"{{type({name}).__name__}}"  # a text of the student's is not for a message
    student = "drawn_for(lambda: my_id, STUDENT, CLASSMATES)"
    if isinstance(question, Numbers):
        blank, tolerance = "is None", question.variant.tolerance
        form = [f'assert isinstance({name}, (int, float)), "{name} must be a number"']
        imported = "look_again, numeric_score"
        hidden = [
            _call("numbers = numbers_of", student, f'"{one}"', *_choices(question)),
            f"expected = {_formula(question)}(**numbers)",
            f'look_again("{one}", not abs({name} - expected) <= {tolerance})',
            f"numeric_score({name}, expected=expected, tolerance={tolerance}, points={points})",
        ]
    else:
        blank = "== set()"
        form = [
            f'assert isinstance({name}, set), f"{name} must be a set of letters, not {shown}"',
            f'assert {name} <= set("{LETTERS}"), "{name} has what is none of the letters {LETTERS}"',
        ]
        imported = "choice_score, look_again"
        hidden = [
            f'form = form_of({student}, "{one}", POOLS["{one}"])',
            f"key = {{letter for letter, number in form.items() if number in {_true(question)}}}",
            f'statements = [one for group in POOLS["{one}"] for one in group]',
            f'look_again("{one}", {{letter: statements[form[letter]] for letter in {name} ^ key}})',
            f'choice_score({name}, key=key, letters="{LETTERS}", points={points})',
        ]
    return "\n".join(
        [
            f"if {name} {blank}:",
            f'    raise NotImplementedError("{name} is still blank")',
            *form,
            "check_id(STUDENT)",
            "### BEGIN HIDDEN TESTS",
            f"from autograder.checks import {imported}",
            "from autograder.drawn import drawn_for",
            "",
            *hidden,
            "### END HIDDEN TESTS",
        ]
    )


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


def _string(text):
    """Python source of a text, in pieces that are not too long."""
    whole = _piece(text)
    if len(whole) < LINE - 12:
        return whole
    pieces = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    pieces[:-1] = [f"{piece} " for piece in pieces[:-1]]
    return "\n            ".join(map(_piece, pieces))


def _piece(text):
    """A raw string for a formula."""
    return f'r"{text}"' if "\\" in text and '"' not in text else _quoted(text)


def _quoted(piece):
    """With the quotation marks of the house, or the others where these stand in the text."""
    mark = "'" if '"' in piece and "'" not in piece else '"'
    escaped = piece.replace("\\", "\\\\").replace(mark, f"\\{mark}")
    return f"{mark}{escaped}{mark}"


def _true(family):
    """The numbers of a pool's true statements, as a set in Python source."""
    statements = [one for group in family.pool() for one in group]
    return f"{{{', '.join(str(number) for number, one in enumerate(statements) if one.correct)}}}"


def _choices(question):
    return [f"{name}={list(values)}" for name, values in question.variant.numbers.items()]


def _call(head, *arguments):
    """A call, on as many lines as it takes."""
    if len(line := f"{head}({', '.join(arguments)})") <= LINE:
        return line
    if len(line := f"    {', '.join(arguments)}") <= LINE:
        return f"{head}(\n{line}\n)"
    return "\n".join([f"{head}(", *(f"    {one}," for one in arguments), ")"])


def _formula(question):
    return f"(lambda {', '.join(question.variant.numbers)}: {question.variant.answer})"


def _points(criterion):
    return f"{criterion.points:g} point{'s' if criterion.points != 1 else ''}"
