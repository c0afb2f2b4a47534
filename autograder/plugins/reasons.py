"""The reasons of formative questions, on feedback pages."""

import functools
import re

from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

from questions import bank


class WithReasons(NbGraderPreprocessor):
    """Puts the question bank's reasons where a check has printed which options were judged wrongly.

    What the check prints is one line (`checks.look_again`). It counts in a cell that calls that function for
    that question, and nowhere else: other questions' reasons are no business of a page. So this preprocessor
    stands before the one that takes the hidden call away.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if not utils.is_grade(cell) or utils.is_solution(cell):
            return cell, resources
        for place, output in enumerate(cell.get("outputs", [])):
            if output.output_type == "stream":
                found = re.fullmatch(r"(\w+): look again(?: at ([A-Z](?:, [A-Z])*))?\n", output.text)
                if found and f'look_again("{found[1]}", ' in cell.source:
                    text = reasons(found[1], found[2].split(", ") if found[2] else ())
                    data = {"text/markdown": text, "text/plain": text}
                    cell.outputs[place] = new_output("display_data", data)
        return cell, resources


def reasons(name, letters=()):
    """Markdown: why the named options are right or wrong, or the explanation where there are none.

    Args:
        name: of a question of the bank; "T12v" is the variant of T12.
    """
    questions = _questions()
    if name not in questions:
        return questions[name.removesuffix("v")].variant.explanation
    question = questions[name]
    lines = []
    for option in question.options:
        if option.letter in letters:
            verdict = "right" if option.correct else "wrong"
            lines.append(f"- **{option.letter}** is {verdict}. {' '.join(option.reason.split())}")
    return "\n".join(lines) or question.explanation


@functools.cache
def _questions():
    return bank.load()
