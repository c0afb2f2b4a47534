"""Theory questions with reasons and numbers of one's own, and essays that a person grades."""

import html
import re

from nbgrader import utils

from questions import bank

PS = "ps0_theory"


def text(page):
    """What a page shows, without its markup."""
    return " ".join(html.unescape(re.sub("<[^>]*>", "", page)).split())


def test_feedback_gives_the_reasons_of_what_was_judged_wrongly_and_of_nothing_else(course):
    shown, questions = text(course.page(PS, "hugo")), bank.load()
    for name, judged in {"T11": "AB", "T2": "CD", "T10": "D", "T1": ""}.items():
        for option in questions[name].options:
            words = [word for word in option.reason.split() if word.isalpha()][:3]
            reason = " ".join(option.reason.split())[:25]
            assert words and (reason in shown) == (option.letter in judged), (name, option.letter)
    assert "With respect to what" in shown  # from the explanation of T4
    assert "the share of real samples, the best guess" in shown  # from that of T12v
    assert "minus the probability that the discriminator still gives the fake" not in shown  # T4v was right
    assert "look again" not in shown


def test_the_list_of_scores_names_checks_and_criteria_and_leads_to_them(course):
    page = course.page(PS, "ada")
    entries = re.findall(r'<li><a href="#([^"]+)"><code>([^<]+)</code></a> .Score', page)
    graded = [cell.metadata.nbgrader for cell in course.source(PS).cells if "nbgrader" in cell.metadata]
    assert [name for _, name in entries] == [cell.grade_id for cell in graded if cell.grade or cell.task]
    for place, _ in entries:
        assert page.count(f'<a name="{place}">') == 1


def test_feedback_of_a_blank_notebook_gives_nothing_away(course):
    shown = text(course.page(PS, "bela"))
    assert "With respect to what" not in shown and not re.search(r"\b[A-D] is (right|wrong)\.", shown)


def test_somebody_elses_numbers_earn_nothing_and_the_page_says_why(course):
    shown = text(course.page(PS, "carl"))
    assert "my_id is 'hugo', but this notebook was handed in by 'carl', who has other numbers" in shown


def test_written_essays_wait_for_a_person_and_blank_ones_do_not(course):
    waiting = {"ada": {"q1", "q2", "q3", "q4"}, "bela": set(), "carl": set(), "hugo": {"q1"}}
    for student in course.graded(PS):
        grades = course.grades(PS, student)
        found = {cell for cell, grade in grades.items() if grade["needs_manual_grade"]}
        essays = {cell for cell in grades if cell.partition("-")[0] in waiting[student]}
        assert found == essays, student
    with course.gradebook() as book:
        (row,) = [row for row in book.notebook_submission_dicts(PS, PS) if row["student"] == "ada"]
        assert row["needs_manual_grade"] and (row["max_task_score"], row["max_code_score"]) == (40, 14)


def test_graders_see_the_mark_scheme_and_the_model_answer(course):
    course.graded(PS)
    graded = (course.folder / "autograded" / "ada" / PS / f"{PS}.ipynb").read_text()
    schemes = [cell for cell in course.source(PS).cells if utils.is_task(cell)]
    assert len(schemes) == 23 == graded.count("### BEGIN MARK SCHEME")


def test_points_that_a_person_gives_reach_the_feedback_page_and_the_grade(course):
    course.graded(PS)
    given = {"q1-criterion-1": 2.0, "q1-criterion-2": 1.5, "q1-criterion-3": 0.0, "q1-criterion-4": 0.0}
    assert "Score: waits for a person / 54.0" in course.page(PS, "hugo")
    with course.gradebook() as book:
        for cell, points in (given | {"q1-criterion-5": 0.0}).items():
            grade = book.find_grade(cell, PS, PS, "hugo")
            grade.manual_score, grade.needs_manual_grade = points, False
        book.find_comment("q1-criterion-2", PS, PS, "hugo").manual_comment = "Which term is the generator's?"
        book.db.commit()
    course.nbgrader("generate_feedback", PS, "--student", "hugo", "--force")
    page = course.page(PS, "hugo")
    assert f"{PS} (Score: 6.0 / 54.0)" in page
    assert "Which term is the generator's?" in text(page)
    for cell, score in (("q1-criterion-1", "2.0 / 2.0"), ("q1-criterion-2", "1.5 / 2.0")):
        assert f'<a href="#comment-{cell}"><code>{cell}</code></a> (Score: {score})' in page
    course.hand_in(PS, "hugo", {"q1-essay": "Another one."})
    course.nbgrader("autograde", PS, "--student", "hugo", "--force")
    grades = course.grades(PS, "hugo")
    assert grades["q1-criterion-2"]["needs_manual_grade"] and grades["q1-criterion-2"]["manual_score"] == 1.5


def test_two_students_have_different_numbers(course):
    ada, hugo = (re.findall(r"Your numbers: .*", course.page(PS, student)) for student in ("ada", "hugo"))
    assert len(ada) == len(hugo) == 2 and ada != hugo
