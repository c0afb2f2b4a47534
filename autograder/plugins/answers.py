"""Released answer cells without nbgrader's stub."""

import re

from nbgrader.preprocessors import ClearSolutions


class ClearAnswers(ClearSolutions):
    """Takes the right answer out of an answer cell and leaves the blank that stands there.

    nbgrader has one stub for all solutions of a notebook, a line that raises. In a function that is what a
    student overwrites; below `answer_C1 = set()` it would stay, and complain about an answered question.
    Cells of other solutions are cleared as nbgrader does.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if "answer" not in cell.metadata:
            return super().preprocess_cell(cell, resources, cell_index)
        begin, end = map(re.escape, (self.begin_solution_delimeter, self.end_solution_delimeter))
        cell.source = re.sub(rf"\n.*{begin}.*?{end}", "", cell.source, flags=re.DOTALL)
        return cell, resources
