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
        nb, resources = super().preprocess(nb, resources)
        info, coursedir = resources["nbgrader"], self.parent.parent.coursedir
        found = nb.metadata.get("autograder", {})
        reasons = [*found.get("waits", ()), *info.pop("waits", ())]
        said = {"mended": list(found.get("mended", ())), "waits": reasons}
        with Gradebook(info["db_url"]) as book:
            folder = submission_folder(coursedir, info)
            self._enter(book, coursedir, info, folder, said)
            names = [one.name for one in book.find_assignment(info["assignment"]).notebooks]
            for name, why in renamed(folder, names).items():  # nbgrader has given 0 points for it
                said = {"mended": [], "waits": [{"reason": why, "cells": []}]}
                self._enter(book, coursedir, info | {"notebook": name}, folder, said)
        return nb, resources

    def _enter(self, book, coursedir, info, folder, said):
        for reason in waits.enter(book, coursedir, info, folder, said):
            where = info["student"], info["notebook"]
            self.log.warning("%s, %s waits for a person: %s", *where, reason["reason"])
