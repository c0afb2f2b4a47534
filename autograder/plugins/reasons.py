"""The reasons behind what was judged wrongly, on feedback pages."""

import functools
import re

from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from questions import bank, pools

POOL = re.compile(r'(form_\w+ = own_form\()\s*("\w+"),\n.*\)', re.DOTALL)
LINE = re.compile(r"(\w+): look again(?: at ([A-Z] \(\w+\)(?:, [A-Z] \(\w+\))*))?\n")


class WithReasons(NbGraderPreprocessor):
    """Puts the reasons of statements and numbers where a check has printed which were judged wrongly. Of the
    pools it leaves what their cells show, the student's own forms.

    What the check prints is one line (`checks.look_again`). It counts in a cell that calls that function for
    that question, and nowhere else: other questions' reasons are no business of a page. So this preprocessor
    stands before the one that takes the hidden call away. Until the instructor shows them, the line goes: it
    would name keys to those who have not handed in yet.
    """

    show = Bool(False, help="whether feedback says why, of what was judged wrongly").tag(config=True)

    def preprocess_cell(self, cell, resources, cell_index):
        if utils.is_locked(cell) and not utils.is_grade(cell):
            cell.source = POOL.sub(r"\1\2, ...)", cell.source)
        if not utils.is_grade(cell) or utils.is_solution(cell):
            return cell, resources
        outputs = []
        for output in cell.get("outputs", []):
            found = LINE.fullmatch(output.text) if output.output_type == "stream" else None
            if found is None or f'look_again("{found[1]}", ' not in cell.source:
                outputs.append(output)
            elif self.show:
                text = reasons(found[1], re.findall(r"([A-Z]) \((\w+)\)", found[2] or ""))
                outputs.append(new_output("display_data", {"text/markdown": text, "text/plain": text}))
        if "outputs" in cell:
            cell.outputs = outputs
        return cell, resources


def reasons(name, judged=()):
    """Markdown: why statements are true or false, or how a number comes about.

    Args:
        name: of a family, or of a variant: "T12v" is that of T12.
        judged: pairs of a letter and the id of its statement.
    """
    if name not in _families():
        return _bank()[name.removesuffix("v")].variant.explanation
    statements = {one.id: one for one in _families()[name].statements}
    lines = [
        f"- **{letter}** is {'true' if statements[one].correct else 'false'}. {statements[one].reason}"
        for letter, one in judged
        if one in statements
    ]
    return "\n".join(lines)


_bank, _families = functools.cache(bank.load), functools.cache(pools.families)
