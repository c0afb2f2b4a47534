"""Solutions judged by `nbgrader autograde`, in the sandbox, as a course's submissions are.

The tasks of an assignment do not depend on each other, so the k-th notebook holds the k-th solution of every
task: there are as many notebooks as the longest list has solutions.
"""

import itertools
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import nbformat
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from small_course import CONFIG, nbgrader

TOGETHER = 12  # notebooks that one command grades
NO_CHECKS = "def run_checks(body):\n    pass"  # what locked cells define is not the student's to define


def judge(assignments, cases, folder):
    """What solutions lose; batches of notebooks are graded at the same time, one on each processor.

    Args:
        assignments: dict from a number such as "ps1" to its Assignment.
        cases: Cases of these assignments.
        folder: for the courses.

    Returns: dict from each case to the frozenset of cells of its task that it lost points in.
    """
    batches = []
    for number in assignments:
        notebooks = transposed([case for case in cases if case.assignment == number])
        for start in range(0, len(notebooks), TOGETHER):
            batches.append((assignments[number], notebooks[start : start + TOGETHER]))
    folders = [folder / str(place) / "course" for place in range(len(batches))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = pool.map(_grade, *zip(*batches, strict=True), folders)
        return {case: lost for verdict in verdicts for case, lost in verdict.items()}


def transposed(cases):
    """Lists of cases for one notebook each: the first of every task, the second of every task ..."""
    tasks = {}
    for case in cases:
        tasks.setdefault(case.task, []).append(case)
    return [[case for case in row if case] for row in itertools.zip_longest(*tasks.values())]


def _grade(assignment, notebooks, folder):
    """The verdicts on the cases of some notebooks, from a course of their own."""
    name = assignment.path.stem
    (folder / "source" / name).mkdir(parents=True)
    shutil.copy(CONFIG, folder.parent)
    nbformat.write(assignment.notebook, folder / "source" / name / f"{name}.ipynb")
    _nbgrader(folder, "generate_assignment", name)
    release = nbformat.read(folder / "release" / name / f"{name}.ipynb", as_version=4)
    for place, cases in enumerate(notebooks):
        submission = folder / "submitted" / f"student{place}" / name
        submission.mkdir(parents=True)
        nbformat.write(_filled_in(release, assignment, cases), submission / f"{name}.ipynb")
    _nbgrader(folder, "autograde", name)
    verdicts = {}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "gan") as book:
        for place, cases in enumerate(notebooks):
            grades = book.find_submission_notebook(name, name, f"student{place}").grades
            lost = {grade.name for grade in grades if grade.score < grade.max_score}
            for case in cases:
                verdicts[case] = frozenset(cell.id for cell in assignment.checks[case.task]) & lost
    return verdicts


def _filled_in(release, assignment, cases):
    """The released notebook with the solutions of some tasks, without the cells to try things in."""
    notebook = nbformat.from_dict(release)
    notebook.cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    notebook.cells.insert(1, new_code_cell(NO_CHECKS))
    answers = {case.task: case.cell(assignment.function(case.task)) for case in cases}
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook


def _nbgrader(folder, command, name):
    """Runs a command in a course folder. Raises: RuntimeError with what it said where it fails."""
    done = nbgrader(folder, command, name)
    if done.returncode:
        raise RuntimeError(f"nbgrader {command} {name}\n{done.stdout}\n{done.stderr}")
