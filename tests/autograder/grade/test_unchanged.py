"""What counts as graded already: what the gradebook has, with the assignment as it is now."""

import datetime
import shutil
import sqlite3
import subprocess

import nbformat
import pytest
from batches import book_of, command, grade, table
from nbgrader.api import Gradebook
from small_course import HALF, PS, filled_in, hand_in, nbgrader
from test_enter import enter, executed

from autograder.grade.command import converter_of


@pytest.fixture
def course(small, monkeypatch):
    monkeypatch.chdir(small[0].parent)
    return small[0]


def is_graded(student="ada"):
    converter = converter_of(PS)
    return student in converter.submissions() and converter.is_graded(student)


def entered(release, **options):
    converter = converter_of(PS)
    enter(converter, release, **options)
    converter.close()


def remove_student(course):
    done = nbgrader(course, "db", "student", "remove", "ada", "--force")
    assert done.returncode == 0, done.stderr


def another_database(course):
    config = course.parent / "nbgrader_config.py"
    shutil.copy(course / "empty.db", course / "other.db")
    config.write_text(config.read_text() + f"\nc.CourseDirectory.db_url = 'sqlite:///{course}/other.db'\n")


def without_points(course):
    with sqlite3.connect(course / "gradebook.db") as book:
        book.execute("update grade set auto_score = null")


def restore(name):
    return lambda course: shutil.copy(course / name, course / "gradebook.db")


LOST = {
    "a backup from before": restore("empty.db"),
    "a backup from an earlier version": restore("earlier.db"),
    "a student who was removed": remove_student,
    "another database": another_database,
    "points that are gone": without_points,
}  # fmt: skip


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("how", LOST)
def test_what_the_gradebook_has_lost_is_not_unchanged(course, small, how, recorded):
    shutil.copy(course / "gradebook.db", course / "empty.db")
    entered(small[1], letters="0.0")
    shutil.copy(course / "gradebook.db", course / "earlier.db")
    entered(small[1])
    assert is_graded()
    if not recorded:  # as after nbgrader's own command, which cannot tell an earlier version's points
        (course / "autograded" / ".grading" / f"{PS}.jsonl").unlink()
        assert is_graded()
    LOST[how](course)
    assert is_graded() == (not recorded and "earlier" in how)


def test_points_by_a_person_and_comments_change_nothing(course, small):
    entered(small[1])
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        book.find_grade("essay", PS, PS, "ada").manual_score = 1.5
        book.find_grade("ranks-check", PS, PS, "ada").extra_credit = 0.5
        book.find_grade("area-check", PS, PS, "ada").manual_score = 1.0
        book.db.commit()
    assert is_graded()


def test_a_record_of_an_older_version_counts_where_the_gradebook_has_grades(course, small):
    entered(small[1])
    record = course / "autograded" / ".grading" / f"{PS}.jsonl"
    fingerprint = converter_of(PS).record.graded["ada"]
    record.write_text(f'\n["ada", "{fingerprint}"]')
    assert is_graded()
    converter = converter_of(PS)
    converter.submissions()
    assert converter.outdated(["ada"]) == (set(), [])
    remove_student(course)
    assert not is_graded()


def edit(course, change):
    """Change the instructor's notebook, and make the assignment anew."""
    path = course / "source" / PS / f"{PS}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    change(cells, notebook)
    nbformat.write(notebook, path)
    done = nbgrader(course, "generate_assignment", PS, "--force")
    assert done.returncode == 0, done.stderr


def other_check(course):
    def change(cells, notebook):
        cells["double-check"].source = cells["double-check"].source.replace("-3, 0.5", "-4, 0.5")

    edit(course, change)


def other_setup(course):
    edit(course, lambda cells, notebook: cells["setup"].update(source="import math, random\n\nSEED = 6"))


def other_points(course):
    def change(cells, notebook):
        cells["ranks-check"].metadata.nbgrader.points = 5

    edit(course, change)


def other_text(course):
    edit(course, lambda cells, notebook: cells["ranks"].update(source=f"# try it\n{cells['ranks'].source}"))


def due(date):
    def change(course):
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
            book.update_or_create_assignment(PS, duedate=date)

    return change


def extension(course):
    due(DATE)(course)
    converter = converter_of(PS)
    converter.submissions()
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        book.grant_extension(PS, "ada", days=2)


def penalty(course):
    config = course.parent / "nbgrader_config.py"
    config.write_text(config.read_text() + '\nc.LateSubmissionPlugin.penalty_method = "zero"\n')


DATE, WERE = datetime.datetime(2026, 2, 1), "1 submission was graded with"
CHANGES = {
    other_check: f"{WERE} other checks: double-check (changed)",
    other_setup: f"{WERE} other checks: setup (changed)",
    other_points: f"{WERE} other points: ranks-check (3, now 5)",
    due(DATE): f"{WERE} another due date: none, now 2026-02-01 00:00:00",
    extension: f"{WERE} another due date: none, now 2026-02-03 00:00:00",
    penalty: f"{WERE} another penalty for being late: its method (none, now zero)",
    lambda course: (course / "source" / PS / "numbers.txt").write_text("1 2 4"): (
        f"{WERE} other files of yours: numbers.txt (changed)"
    ),
    lambda course: (course / "source" / PS / "more.txt").write_text("1"): (
        f"{WERE} other files of yours: more.txt (new)"
    ),
    other_text: None,
    lambda course: None: None,
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: getattr(one, "__name__", "").strip("<>"))
def test_what_has_changed_since_is_named(course, small, change):
    entered(small[1])
    change(course)
    converter = converter_of(PS)
    converter.submissions()
    said = CHANGES[change]
    assert converter.is_graded("ada")
    assert converter.outdated(["ada"]) == (({"ada"}, [said]) if said else (set(), []))
    taken = converter.take("ada")[0]
    converter.enter("ada", executed(small[1]), taken)
    converter.submissions()
    assert converter.outdated(["ada"]) == (set(), [])
    converter.close()


def test_nbgraders_own_command_leaves_the_same_record(course, small):
    done = nbgrader(course, "autograde", PS)
    assert done.returncode == 0, done.stderr
    own, path = converter_of(PS).record, course / "autograded" / ".grading" / f"{PS}.jsonl"
    path.unlink()
    entered(small[1])
    assert (own.graded, own.states) == ((theirs := converter_of(PS).record).graded, theirs.states)
    path.unlink()
    assert nbgrader(course, "autograde", PS, "--force").returncode == 0
    assert is_graded()
    other_check(course)
    converter = converter_of(PS)
    converter.submissions()
    assert converter.outdated(["ada"]) == ({"ada"}, [CHANGES[other_check]])
    hand_in(course, "ada", filled_in(small[1], HALF))
    assert not is_graded()


def test_the_command_names_what_has_changed_and_grades_whom_it_is_told_to(small, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    course, release = small
    hand_in(course, "bob", filled_in(release, HALF))
    done = grade(course, "--workers", "1", "--student", "bob", "--student", "zoe")
    assert done.returncode == 1 and "zoe: nothing was handed in under this id" in done.stderr
    assert table(done)["graded"] == 1 and ("ada", "submission") not in book_of(course)
    done = grade(course, "--workers", "1")
    assert (done.returncode, table(done)["graded"], table(done)["unchanged"]) == (0, 1, 1), done.stderr
    other_check(course)
    done = grade(course)
    assert (done.returncode, table(done)["unchanged"], table(done)["outdated"]) == (0, 2, 2)
    assert "2 submissions were graded with other checks: double-check (changed)" in done.stderr
    assert f"python -m autograder grade {PS} --force" in done.stderr
    done = grade(course, "--force", "--student", "ada")
    assert (done.returncode, table(done)["graded"]) == (0, 1), done.stderr
    assert "outdated" not in table(done)
    done = grade(course)
    assert table(done)["outdated"] == 1 and "1 submission was graded with other checks" in done.stderr
    assert (course / f"report-{PS}.html").is_file()
    shutil.copy(course / "gradebook.db", course / "before.db")
    subprocess.run(["cp", "-a", course / "submitted" / "bob", course / "submitted" / "eve"], check=True)
    done = subprocess.run([*command(course), "--student", "eve"], capture_output=True, text=True)
    assert (done.returncode, table(done)["graded"], table(done)["unchanged"]) == (0, 1, 0), done.stderr
