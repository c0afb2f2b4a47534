"""The right answers to the questions of an assignment, as a student writes them: letters and numbers."""

import contextlib
import io
import re

ASKS = "shared", "form", "numbers", "answer"


def right_answers(notebook, student):
    """What stands in the answer cells of a student's notebook in which everything is right.

    Args:
        notebook: the instructor's, or that with a term's word in it.
        student: id.

    Returns: dict from the ids of cells to their sources, with that of the cell for the student's id.
    """
    names, answers = {"STUDENT": student}, {"id": f'my_id = "{student}"'}
    for cell in notebook.cells:
        if cell.cell_type == "code" and any(role in cell.metadata for role in ASKS):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(f"import math\n{cell.source}", names)
        if "answer" in cell.metadata:
            name = f"answer_{cell.metadata['answer']}"
            answers[cell.id] = f"{name} = {_literal(names[name])}"
    return answers


def in_term(notebook, term):
    """Give a notebook the word of a term, as its release has it."""
    for cell in notebook.cells:
        if "shared" in cell.metadata:
            cell.source = re.sub(r'^TERM = ".*?"', f'TERM = "{term}"', cell.source, flags=re.M)
    return notebook


def _literal(answer):
    if isinstance(answer, set):
        return "{" + ", ".join(f'"{letter}"' for letter in sorted(answer)) + "}"
    return repr(answer)
