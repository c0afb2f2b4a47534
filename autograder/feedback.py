"""Feedback pages without the hidden tests."""

from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests


class WithoutHiddenTests(ClearHiddenTests):
    """Takes the hidden part out of every cell of checks of a feedback page, and the code out of its errors.

    nbgrader's own feedback shows the graded notebook as it ran, with keys and references. A traceback quotes
    the lines around the one that failed, so of an error only its name and message stay: the message names the
    property. Cells that students write stay as they are, whatever stands in them.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if not utils.is_grade(cell) or utils.is_solution(cell):
            return cell, resources
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [": ".join(filter(None, (output.ename, output.evalue)))]
        return cell, resources
