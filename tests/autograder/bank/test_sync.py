"""The question cells of the assignments against the question bank."""

import collections
import dataclasses
import itertools
import math
import re
import shutil

import nbformat
import pytest

from autograder import notes
from autograder.bank import cells, forms, sync
from autograder.checks import look_again
from autograder.drawn import drawn_for
from questions import pools


@pytest.fixture
def source(tmp_path):
    shutil.copytree(sync.SOURCE, tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def notebook(ps1):
    return nbformat.from_dict(ps1.notebook)


def path(source):
    return source / "ps1_minimax" / "ps1_minimax.ipynb"


def test_the_assignments_agree_with_the_bank():
    assert sync.main(["--check"]) == 0


def test_check_names_each_cell_that_differs_and_changes_nothing(source, capsys):
    notebook = nbformat.read(path(source), as_version=4)
    for cell in notebook.cells:
        if cell.id in ("c1-key", "c9-question"):
            cell.source += "\n"
    nbformat.write(notebook, path(source))
    text = path(source).read_text()
    assert sync.main(["--check", "--source", str(source)]) == 1
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "ps1_minimax/ps1_minimax.ipynb: cell c1-key differs",
        "ps1_minimax/ps1_minimax.ipynb: cell c9-question differs",
    ]
    assert "2 cells or files differ" in output.err
    assert path(source).read_text() == text


def test_what_students_install_lies_beside_each_notebook(source, capsys):
    path = source / "ps3_mode_collapse" / "requirements.txt"
    text = path.read_text()
    path.write_text("torch\n")
    assert sync.main(["--check", "--source", str(source)]) == 1
    assert capsys.readouterr().out == "ps3_mode_collapse/requirements.txt differs\n"
    path.unlink()
    assert sync.main(["--source", str(source)]) == 0
    assert path.read_text() == text == sync.STUDENTS.read_text()


def test_sync_restores_the_file_to_the_byte(source, capsys):
    original = path(source).read_text()
    notebook = nbformat.read(path(source), as_version=4)
    for cell in notebook.cells:
        if cell.metadata.keys() & {"shared", "question", "form", "numbers", "answer", "key"}:
            cell.source = "gone"
    nbformat.write(notebook, path(source))
    assert sync.main(["--source", str(source)]) == 0
    assert path(source).read_text() == original
    assert len(capsys.readouterr().out.splitlines()) == 1 + 5 * 4
    assert sync.main(["--check", "--source", str(source)]) == 0


def changed(questions, name, **changes):
    return questions | {name: dataclasses.replace(questions[name], **changes)}


def test_a_new_key_reaches_the_solution_and_the_score_and_nothing_that_students_see(notebook):
    family = pools.families()["C1"]
    turned = [dataclasses.replace(one, correct=not one.correct) for one in family.statements]
    changes = changed(sync.sources(), "C1", statements=tuple(turned))
    stale = dict_by_id(sync.out_of_date(notebook, changes))
    assert set(stale) == {"c1-answer", "c1-key"}
    # The pairs are the same, and which of a pair is true has no place in what is shown.
    numbers = [set(re.findall(r"\d+", re.search(r"in {(.*)}", one.source)[1])) for one in stale.values()]
    old = re.search(r"in {(.*)}", dict_by_id((cell, cell) for cell in notebook.cells)["c1-key"].source)[1]
    assert numbers[0] == numbers[1] == {str(n) for n in range(12)} - set(re.findall(r"\d+", old))


def test_a_new_wording_reaches_the_question_alone(notebook):
    stale = sync.out_of_date(notebook, changed(sync.sources(), "C9", text="Another text."))
    assert [cell.id for cell, _ in stale] == ["c9-question"]
    assert "Another text." in stale[0][1].source


def test_the_points_of_the_cell_are_the_points_of_the_score(notebook):
    for cell in notebook.cells:
        if cell.id in ("c12v-key", "c9-key"):
            cell.metadata.nbgrader.points = 5
    stale = sync.out_of_date(notebook, sync.sources())
    assert [cell.id for cell, _ in stale] == ["c9-key", "c12v-key"]
    assert all("points=5)\n### END HIDDEN TESTS" in current.source for _, current in stale)


def test_what_students_see_of_a_question_holds_no_key_and_no_reason(notebook):
    for cell in notebook.cells:
        if name := cell.metadata.get("form"):
            family, shown = pools.families()[name], " ".join(cell.source.split())
            names = {"own_form": lambda question, pool: pool}
            exec(cell.source, names)
            shown_statements = [one for group in names[f"form_{name}"] for one in group]
            assert sorted(shown_statements) == sorted(one.text for one in family.statements)
            assert not any(one.reason in shown for one in family.statements)
            assert not re.search(r"True|False|correct", cell.source.replace(str(shown_statements), ""))


def test_a_missing_cell_is_an_error(notebook):
    notebook.cells = [cell for cell in notebook.cells if cell.id != "c1-key"]
    with pytest.raises(
        ValueError,
        match=r"C1 needs one cell each of question, form, answer, key; found question, form, answer",
    ):
        sync.out_of_date(notebook, sync.sources())


def test_an_unknown_question_is_an_error(notebook):
    questions = sync.sources()
    del questions["C1"]
    with pytest.raises(KeyError, match="no question 'C1'"):
        sync.out_of_date(notebook, questions)


def test_a_question_of_another_kind_is_an_error(notebook):
    questions = sync.sources()
    with pytest.raises(ValueError, match=r"C1 has the cells essay, criterion 1, .*; c1-question is"):
        sync.out_of_date(notebook, questions | {"C1": questions["Q1a"]})


@pytest.fixture
def theory(ps0):
    return nbformat.from_dict(ps0.notebook)


def test_an_essay_brings_its_criteria_points_and_model_answer(theory):
    questions = sync.sources()
    first, *rest = questions["Q3a"].rubric
    rubric = (dataclasses.replace(first, criterion="Says so.", points=5, half="Hints at it."), *rest)
    stale = dict_by_id(
        sync.out_of_date(theory, changed(questions, "Q3a", rubric=rubric, explanation="Model."))
    )
    assert set(stale) == {"q3-question", "q3-criterion-1"}
    assert f"1. {first.asks} (5 points)" in stale["q3-question"].source
    scheme = stale["q3-criterion-1"]
    assert scheme.metadata.nbgrader.points == 5
    visible, hidden = scheme.source.split("### BEGIN MARK SCHEME")
    assert "Says so.\n\nHalf of the points: Hints at it.\n" in hidden and "Model." in hidden
    assert first.asks in visible and "Says so." not in visible


def test_a_criterion_that_is_missing_is_an_error(theory):
    theory.cells = [cell for cell in theory.cells if cell.id != "q3-criterion-6"]
    with pytest.raises(ValueError, match="Q3a needs one cell each of essay, criterion 1"):
        sync.out_of_date(theory, sync.sources())


@pytest.mark.parametrize("essay", sorted(pools.essays()))
def test_another_essay_of_the_same_number_takes_the_place(source, essay, capsys):
    path = source / "ps0_theory" / "ps0_theory.ipynb"
    before = nbformat.read(path, as_version=4)
    assert sync.main(["--source", str(source), "--essay", essay]) == 0
    after, question = nbformat.read(path, as_version=4), pools.essays()[essay]
    assert sync.main(["--source", str(source), "--check"]) == 0
    own = [cell for cell in after.cells if cell.metadata.get("criterion", "").startswith(f"{essay}.")]
    assert [cell.metadata.nbgrader.points for cell in own] == [one.points for one in question.rubric]
    assert len({cell.id for cell in after.cells}) == len(after.cells)
    number = essay[:2].lower()
    others = [
        [cell.source for cell in one.cells if not cell.id.startswith(number)] for one in (before, after)
    ]
    assert others[0] == others[1]


def test_an_essay_that_is_not_there_is_an_error(source, capsys):
    with pytest.raises(SystemExit):
        sync.main(["--source", str(source), "--essay", "Q9"])
    assert "no such essay; there are Q1a, Q1b" in capsys.readouterr().err


def test_a_variant_brings_its_numbers_answer_and_key(theory):
    questions = sync.sources()
    variant = dataclasses.replace(questions["T12v"].variant, numbers={"n": (3, 4)}, answer="n + math.pi")
    stale = dict_by_id(sync.out_of_date(theory, changed(questions, "T12v", variant=variant)))
    assert set(stale) == {"t12v-numbers", "t12v-answer", "t12v-key"}
    assert stale["t12v-numbers"].source == 'numbers_T12v = own_numbers("T12v", n=[3, 4])'
    assert "(lambda n: n + math.pi)(**numbers_T12v)" in stale["t12v-answer"].source
    shown, hidden = stale["t12v-key"].source.split("### BEGIN HIDDEN TESTS")
    assert "n + math.pi" in hidden and "n + math.pi" not in shown


def dict_by_id(stale):
    return {cell.id: current for cell, current in stale}


STUDENTS = ["ada", "Ada ", "s1234567", "grace.hopper@example.org", "李"]


class Asked:
    """A question's cells, as a student with this id runs them and the checks judge them."""

    def __init__(self, assignment, question):
        self.assignment, self.question, self.name = assignment, question, question.lower()

    def names(self, typed, owner, classmates=()):
        names = {"__name__": "__main__", "my_id": typed, "STUDENT": owner, "CLASSMATES": classmates}
        for cell in ("setup", "forms"):
            exec(self.assignment.cells[cell].source, names)
        return names

    def answer(self, student):
        """The right one."""
        names = self.names(student, student)
        second = "numbers" if self.question.endswith("v") else "form"
        for part in (second, "answer"):
            exec(self.assignment.cells[f"{self.name}-{part}"].source, names)
        return names[f"answer_{self.question}"]

    def earned(self, answer, typed, owner, classmates=()):
        names = self.names(typed, owner, classmates)
        second = "numbers" if self.question.endswith("v") else "form"
        exec(self.assignment.cells[f"{self.name}-{second}"].source, names)
        names[f"answer_{self.question}"] = answer
        *lines, score, end = self.assignment.cells[f"{self.name}-key"].source.splitlines()
        assert end == "### END HIDDEN TESTS"
        exec("\n".join(lines), names)
        return eval(score, names)


@pytest.fixture(params=["t4v", "t12v", "t1", "t9"])
def asked(ps0, request):
    return Asked(ps0, request.param.upper().replace("V", "v"))


@pytest.mark.parametrize("student", STUDENTS)
def test_an_answer_is_right_for_its_student_and_wrong_for_most_others(asked, student):
    answer, points = asked.answer(student), asked.earned(asked.answer(student), student, student)
    assert points == asked.assignment.cells[f"{asked.name}-key"].metadata.nbgrader.points
    assert asked.earned(answer, student.upper(), student) == points
    others = [asked.earned(answer, f"other{number}", f"other{number}") for number in range(40)]
    assert sum(score == points for score in others) < 15


def test_a_slip_in_the_id_costs_nothing_and_is_noted(asked):
    points = asked.earned(asked.answer("ada"), "ada", "ada")
    notes.said()
    assert asked.earned(asked.answer("adda"), "adda", "ada", ("bela", "carl")) == points
    assert [line.partition(",")[0] for line in notes.said()] == ["my_id is nobody's"]
    for typed in ("", "  "):
        assert asked.earned(asked.answer("ada"), typed, "ada") == points
        assert [line.partition(";")[0] for line in notes.said()] == ["my_id is blank or missing"]
    assert asked.earned(asked.answer("12345"), 12345, "12345") == points and not notes.said()


@pytest.mark.parametrize("typed", ["bela", " BELA", None, ["ada"], 1.5])
def test_a_classmates_id_or_none_at_all_waits_for_a_person(asked, typed):
    with pytest.raises(notes.Waits):
        asked.earned(asked.answer("bela"), typed, "ada", ("bela", "carl"))


def test_an_id_that_is_gone_is_that_of_who_hands_in():
    def gone():
        raise NameError("my_id")

    assert drawn_for(gone, "ada", ("bela",)) == "ada"
    assert len(notes.said()) == 1


@pytest.mark.parametrize("question", ["T1", "T12v"])
def test_a_blank_raises_for_a_student_and_for_the_checks(ps0, question):
    asked = Asked(ps0, question)
    blank = set() if question == "T1" else None
    with pytest.raises(NotImplementedError, match=f"answer_{question} is still blank"):
        asked.earned(blank, "ada", "ada")
    with pytest.raises(NotImplementedError, match="my_id is still blank"):
        asked.answer("")


@pytest.mark.parametrize("family", pools.families().values(), ids=lambda family: family.id)
def test_every_form_has_two_or_three_true_statements_of_five_that_differ(family):
    flat = [one for group in family.pool() for one in group]
    pool = [[one.text for one in group] for group in family.pool()]
    seen = collections.Counter()
    for number in range(400):
        form = forms.form_of(f"s{number}", family.id, pool)
        assert list(form) == list("ABCDE") and len(set(form.values())) == 5
        assert sum(flat[place].correct for place in form.values()) in (2, 3)
        seen.update(form.values())
        seen.update((letter, place) for letter, place in form.items())
    # Each statement comes at each letter, about equally often: 5 of 12 forms, a fifth of them at a letter.
    for place in range(len(flat)):
        share = seen[place] / 400
        assert abs(share - 5 / len(flat)) < 0.13, (place, share)
        for letter in "ABCDE":
            assert 0.3 * share / 5 < seen[letter, place] / 400 < 2.2 * share / 5


def test_another_term_asks_something_else(monkeypatch):
    pool = [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"], ["i", "j"], ["k", "l"]]
    before = [forms.form_of(f"s{number}", "T1", pool) for number in range(40)]
    monkeypatch.setattr(forms, "TERM", "0123456789abcdef")
    after = [forms.form_of(f"s{number}", "T1", pool) for number in range(40)]
    assert sum(one == other for one, other in zip(before, after, strict=True)) < 4


def test_statements_are_known_on_pages_by_the_same_ids(capsys):
    (one, *_) = pools.families()["T1"].statements
    look_again("T1", {"C": one.text})
    assert capsys.readouterr().out == f"T1: look again at C ({one.id})\n"


@pytest.mark.parametrize("name", ["T4v", "T12v", "C4v", "C12v"])
def test_numbers_lead_to_answers_that_differ(name):
    variant = sync.sources()[name].variant
    draws = [
        dict(zip(variant.numbers, values, strict=True))
        for values in itertools.product(*variant.numbers.values())
    ]
    answers = {eval(variant.answer, {"math": math, **draw}) for draw in draws}
    assert len(draws) >= 10 and len(answers) >= 10


def test_long_calls_and_statements_stay_within_the_width():
    texts = [cells.form_cell(one) for one in pools.families().values()]
    numbers = [one for one in sync.sources().values() if isinstance(one, cells.Numbers)]
    texts += [cells.numbers_cell(one) for one in numbers] + [cells.key_cell(one, 2) for one in numbers]
    assert max(len(line) for text in texts for line in text.splitlines()) <= cells.LINE


def test_a_folder_without_notebooks_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        sync.main(["--source", str(tmp_path)])
    assert "no notebooks" in capsys.readouterr().err
