"""Grades of essays: a person gives the points, criterion by criterion, and what was left blank earns none."""

from dataclasses import dataclass, field

from nbgrader import utils

from autograder.plugins import points

BLANK = "*Your essay takes the place of this line.*"


class SaveGrades(points.SaveGrades):
    """nbgrader's SaveAutoGrades leaves task cells alone; this says what becomes of them.

    The criteria of an essay are task cells; the essay is what stands in ordinary cells between the locked
    cell with the question and the next locked cell. If that is nothing but the blank line, its criteria
    earn 0 and wait for nobody, unless the notebook came so that the essay may stand elsewhere. Else they wait
    for a person, also where an earlier version has got points.
    """

    def preprocess(self, nb, resources):
        self.answered = answered(nb)
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if utils.is_task(cell):
            place = cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id
            grade, is_there = self.gradebook.find_grade(*place), self.answered[place[0]]
            grade.auto_score = None if is_there else 0
            grade.needs_manual_grade = is_there or grade.manual_score is not None
            self.gradebook.db.commit()
        return cell, resources


def answered(nb):
    """Whether there is something to read for each task cell of a notebook.

    An essay whose question was missing has no place, and words of the student's at a place that is no
    essay's may be one: then nobody can say from here that there is nothing to read.

    Args:
        nb: executed submission; only cells of the assignment have nbgrader's metadata.

    Returns: dict from the task's grade_id to bool.
    """
    essays = [_Essay()]
    for cell in nb.cells:
        if utils.is_task(cell):
            essays[-1].tasks.append(cell.metadata.nbgrader.grade_id)
        elif "nbgrader" in cell.metadata:
            essays.append(_Essay(cell.metadata.nbgrader.grade_id))
        else:
            essays[-1].cells.append(cell)
    found = nb.metadata.get("autograder", {})
    lost, words = found.get("missing", ()), found.get("texts", ())
    astray = any(cell.id in words for essay in essays if not essay.tasks for cell in essay.cells)
    return {
        task: astray
        or any(name in lost for name in (essay.question, *essay.tasks))
        or any(cell.source.strip() not in ("", BLANK) for cell in essay.cells)
        for essay in essays
        for task in essay.tasks
    }


@dataclass
class _Essay:
    """A locked cell, the ordinary cells behind it and the tasks among them."""

    question: str | None = None
    tasks: list = field(default_factory=list)
    cells: list = field(default_factory=list)
