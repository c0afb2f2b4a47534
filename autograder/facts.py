"""What the book's first page says about grading, recorded: ``python -m autograder facts``.

The record is `book/grading.json`: of each assignment its title, time and points; what a student is told whose
training step has one mistake, graded here and now; and what the tables of attacks (`ATTACKS.md`) and of speed
(`benchmarks/README.md`) have measured. It lies beside the pages and not in `book/results/`, on which all
notebooks depend.
"""

import json
import re
from pathlib import Path

import nbformat
from nbgrader import utils

from autograder.engine import notebooks
from autograder.engine.grade import grade
from autograder.engine.settings import Settings
from autograder.plugins.feedback import WithoutHiddenTests

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "book/grading.json"
HOURS = {"one": 1, "an": 1, "two": 2, "three": 3, "four": 4}
SAMPLE = {"assignment": "ps1_minimax", "task": "step"}
# The solution's text and what one student has in its place.
MISTAKE = {"d_loss = 0.5 * (": "d_loss = (", "says": "the factor ½ in the discriminator's loss is missing"}


def record(course):
    """Write the record. Args: course: folder of the settings. Returns: exit status."""
    found = facts(course / "course" / "source")
    RECORD.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{RECORD}: {len(found['assignments'])} assignments, {found['attacks']['tried']} attacks")
    return 0


def facts(source, sample=None):
    """All that is recorded.

    Args:
        source: folder of the assignments.
        sample: of feedback, where it is known already.
    """
    return {
        "assignments": [assignment(path) for path in sorted(source.glob("*/*.ipynb"))],
        "feedback": sample or feedback(source),
        "attacks": attacks((ROOT / "autograder/ATTACKS.md").read_text(encoding="utf-8")),
        "speed": speed((ROOT / "benchmarks/README.md").read_text(encoding="utf-8")),
    }


def assignment(path):
    """What an assignment asks, how long it takes and what it is worth."""
    cells = nbformat.read(path, as_version=4).cells
    opening = cells[0].source
    by_person = sum(points(cell) for cell in cells if utils.is_task(cell))
    questions = sum("key" in cell.metadata for cell in cells)
    essays = len({cell.metadata["essay"] for cell in cells if "essay" in cell.metadata})
    return {
        "name": path.stem,
        "title": opening.splitlines()[0].partition(" · ")[2],
        "hours": hours(opening, essays),
        "questions": questions,
        "essays": essays,
        "functions": sum(utils.is_solution(cell) and "answer" not in cell.metadata for cell in cells),
        "properties": sum(utils.is_grade(cell) and points(cell) > 0 for cell in cells) - questions,
        "by_checks": sum(map(points, cells)) - by_person,
        "by_person": by_person,
    }


def points(cell):
    return cell.metadata.get("nbgrader", {}).get("points", 0)


def hours(opening, essays):
    """Of the assignment's own words: "**Time.** About three hours"."""
    told = re.search(r"\*\*Time\.\*\* (?:About )?(\w+) hours(?:.*about (\w+) hour for each essay)?", opening)
    return HOURS[told[1].lower()] + (essays * HOURS[told[2]] if told[2] else 0)


def feedback(source):
    """What the engine says of a solution that has one mistake."""
    name, task = SAMPLE.values()
    cells = nbformat.read(source / name / f"{name}.ipynb", as_version=4).cells
    cells = [cell for cell in cells if cell.id == "setup" or cell.id.partition("-")[0] == task]
    (solution,) = (cell for cell in cells if cell.id == task)
    (right, wrong), (_, says) = MISTAKE.items()
    own = [source_cell(cell) for cell in cells if "nbgrader" in cell.metadata]
    if right not in solution.source:
        raise ValueError(f"{name}: the solution of {task} has no {right!r} in which a mistake could be made")
    solution.source = solution.source.replace(right, wrong)
    graded = grade(nbformat.v4.new_notebook(cells=cells), own, settings=Settings(preload=("torch",)))
    return {**SAMPLE, "mistake": says, "checks": [check(cell) for cell in graded.cells if points(cell)]}


def source_cell(cell):
    marks = cell.metadata.nbgrader
    return notebooks.SourceCell(
        name=marks.grade_id,
        kind=cell.cell_type,
        source=cell.source,
        locked=marks.locked,
        grade=marks.grade,
        solution=marks.solution,
        task=marks.task,
        points=marks.get("points"),
        checksum="",
    )


def check(cell):
    """A check as a feedback page shows it: its property, the points, and the message."""
    earned, possible = utils.determine_grade(cell)
    shown, _ = WithoutHiddenTests().preprocess_cell(cell, {}, 0)
    name = cell.source.splitlines()[0].removeprefix("# ")
    said = "\n".join(line for output in shown.outputs for line in output.get("traceback", ()))
    return {
        "property": name,
        "points": earned,
        "of": possible,
        "message": said.removeprefix(f"{name}\nCheck: "),
    }


def attacks(table):
    """Of the hostile notebooks: how many gained points or read something hidden, and with what harm.

    Args:
        table: text of ATTACKS.md.
    """
    rows = re.findall(r"^\| ([\w'-]+) \| (\S+) \| (\S+) \| (.*?) \| (\S+) \| (\S+) \| (.*?) \|$", table, re.M)
    rows = [row for row in rows if row[0] != "attack" and row[0].strip("-")]  # but for the head
    alone, here = ([row[at : at + 3] for row in rows] for at in (1, 4))
    return {"tried": len(rows), "nbgrader": outcome(alone), "engine": outcome(here)}


def outcome(rows):
    """Counts of those who gained something, and of those who harmed another one than themselves."""
    own = re.compile(r"none|own submission fails|own points, \d+")
    return {
        "gain": sum(points not in ("0", "-") or tells == "yes" for points, tells, _ in rows),
        "harm": sum(not own.fullmatch(harm) for *_, harm in rows),
    }


def speed(table):
    """Seconds a submission with two workers: of the table of speed."""
    return float(re.search(r"^\| `python -m autograder grade --workers 2` \| ([\d.]+) s", table, re.M)[1])
