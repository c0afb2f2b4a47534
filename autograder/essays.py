"""Grades of essays: a person gives the points, criterion by criterion, and what was left blank earns none."""

from nbgrader import utils
from nbgrader.preprocessors import SaveAutoGrades

BLANK = "*Your essay takes the place of this line.*"


class SaveGrades(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, which leaves task cells alone, and what it would do with them.

    The criteria of an essay are task cells; the essay is what stands in ordinary cells between the locked
    cell with the question and the next locked cell. If that is nothing but the blank line, its criteria
    earn 0 and wait for nobody. Else they wait for a person, also where an earlier version has got points.
    """

    def preprocess(self, nb, resources):
        self.answered = answered(nb)
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if utils.is_task(cell):
            place = cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id
            grade, waits = self.gradebook.find_grade(*place), self.answered[cell.metadata.nbgrader.grade_id]
            grade.auto_score = None if waits else 0
            grade.needs_manual_grade = waits or grade.manual_score is not None
            self.gradebook.db.commit()
        return cell, resources


def answered(nb):
    """Whether there is something to read for each task cell of a notebook.

    Args:
        nb: executed submission; only cells of the assignment have nbgrader's metadata.

    Returns: dict from the task's grade_id to bool.
    """
    essays = [(set(), [])]  # of each essay: the ids of its tasks, and the texts of its ordinary cells
    for cell in nb.cells:
        if utils.is_task(cell):
            essays[-1][0].add(cell.metadata.nbgrader.grade_id)
        elif "nbgrader" in cell.metadata:
            essays.append((set(), []))
        else:
            essays[-1][1].append(cell.source.strip())
    return {task: any(text not in ("", BLANK) for text in texts) for tasks, texts in essays for task in tasks}
