"""Points on their way into the gradebook, and what waits for a person into its record."""

from nbgrader.api import Gradebook
from nbgrader.preprocessors import SaveAutoGrades

from autograder.grade import waits
from autograder.grade.contents import renamed
from autograder.grade.gradebook_cells import submission_folder


class SaveGrades(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, which also enters why a person must look at a submission.

    The engine says so in the notebook's metadata, a preprocessor of the course in ``resources["nbgrader"]``:
    "waits", a list of dicts of "reason" and "cells".
    """

    def preprocess(self, nb, resources):
        self.scores = {}
        nb, resources = super().preprocess(nb, resources)
        info, coursedir = resources["nbgrader"], self.parent.parent.coursedir
        found = nb.metadata.get("autograder", {})
        reasons = [*found.get("waits", ()), *info.pop("waits", ())]
        said = {"mended": list(found.get("mended", ())), "waits": reasons}
        with Gradebook(info["db_url"]) as book:
            self._no_less_than_nothing(book)
            folder = submission_folder(coursedir, info)
            self._enter(book, coursedir, info, folder, said)
            names = [one.name for one in book.find_assignment(info["assignment"]).notebooks]
            for name, why in renamed(folder, names).items():  # nbgrader has given 0 points for it
                said = {"mended": [], "waits": [{"reason": why, "cells": []}]}
                self._enter(book, coursedir, info | {"notebook": name}, folder, said)
        return nb, resources

    def _add_score(self, cell, resources):
        """As nbgrader, which gives all points for a negative score."""
        place = cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id
        grade, score = self.gradebook.find_grade(*place), negative(cell)
        if score is None:
            super()._add_score(cell, resources)
        else:
            grade.auto_score, grade.needs_manual_grade = score, grade.manual_score is not None
            self.gradebook.db.commit()
        self.scores[place] = grade.auto_score or 0.0

    def _no_less_than_nothing(self, book):
        """Where all points together are below 0, what takes them away is scaled until they are 0."""
        lost = -sum(score for score in self.scores.values() if score < 0)
        won = sum(score for score in self.scores.values() if score > 0)
        if lost > won:
            for place in [place for place, score in self.scores.items() if score < 0]:
                book.find_grade(*place).auto_score = self.scores[place] * won / lost
            book.db.commit()

    def _enter(self, book, coursedir, info, folder, said):
        for reason in waits.enter(book, coursedir, info, folder, said):
            where = info["student"], info["notebook"]
            self.log.warning("%s, %s waits for a person: %s", *where, reason["reason"])


def negative(cell):
    """The score of a cell of checks that has taken points away, or None."""
    outputs = [
        one for one in cell.get("outputs", []) if (one.output_type, one.get("name")) != ("stream", "stdout")
    ]
    if [one.output_type for one in outputs] != ["execute_result"]:
        return None
    try:
        score = float(outputs[0].data["text/plain"])
    except (KeyError, ValueError):
        return None
    return score if score < 0 else None
