"""The question cells of the assignments against the question bank."""

import dataclasses
import shutil

import nbformat
import pytest

from autograder.bank import sync
from questions import bank


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
    assert "2 cells differ" in output.err
    assert path(source).read_text() == text


def test_sync_restores_the_file_to_the_byte(source, capsys):
    original = path(source).read_text()
    notebook = nbformat.read(path(source), as_version=4)
    for cell in notebook.cells:
        if cell.metadata.keys() & {"question", "answer", "key"}:
            cell.source = "gone"
    nbformat.write(notebook, path(source))
    assert sync.main(["--source", str(source)]) == 0
    assert path(source).read_text() == original
    assert len(capsys.readouterr().out.splitlines()) == 15
    assert sync.main(["--check", "--source", str(source)]) == 0


def changed(questions, name, **changes):
    return questions | {name: dataclasses.replace(questions[name], **changes)}


def test_a_new_key_reaches_the_solution_and_the_score_but_not_the_question(notebook):
    questions = bank.load()
    options = tuple(
        dataclasses.replace(option, correct=option.letter == "D") for option in questions["C1"].options
    )
    stale = sync.out_of_date(notebook, changed(questions, "C1", options=options))
    assert [cell.id for cell, _ in stale] == ["c1-answer", "c1-key"]
    sources = [current.source for _, current in stale]
    assert 'answer_C1 = {"D"}' in sources[0]
    assert 'key={"D"}' in sources[1]


def test_a_new_wording_reaches_the_question_alone(notebook):
    stale = sync.out_of_date(notebook, changed(bank.load(), "C9", text="Another text."))
    assert [cell.id for cell, _ in stale] == ["c9-question"]
    assert "Another text." in stale[0][1].source


def test_the_points_of_the_cell_are_the_points_of_the_score(notebook):
    for cell in notebook.cells:
        if cell.id == "c12-key":
            cell.metadata.nbgrader.points = 5
    ((cell, current),) = sync.out_of_date(notebook, bank.load())
    assert cell.id == "c12-key"
    assert 'text_score(answer_C12, expected="float", points=5)' in current.source


def test_question_cells_hold_no_reasons_and_no_explanation(notebook):
    questions = bank.load()
    for cell in notebook.cells:
        if name := cell.metadata.get("question"):
            question = questions[name]
            assert question.explanation not in cell.source
            for option in question.options:
                assert " ".join(option.text.split()) in cell.source
                assert " ".join(option.reason.split()) not in " ".join(cell.source.split())


def test_a_missing_cell_is_an_error(notebook):
    notebook.cells = [cell for cell in notebook.cells if cell.id != "c1-key"]
    with pytest.raises(
        ValueError, match=r"C1 needs one cell each of question, answer, key; found question, answer"
    ):
        sync.out_of_date(notebook, bank.load())


def test_an_unknown_question_is_an_error(notebook):
    questions = bank.load()
    del questions["C1"]
    with pytest.raises(KeyError, match="no question 'C1'"):
        sync.out_of_date(notebook, questions)


def test_a_question_of_another_kind_is_an_error(notebook):
    questions = bank.load()
    essay = changed(questions, "C1", kind="essay", rubric=questions["Q1"].rubric)
    with pytest.raises(
        ValueError, match=r"C1 is an essay, with the cells essay, criterion 1, .*; c1-question is"
    ):
        sync.out_of_date(notebook, essay)


@pytest.fixture
def theory(ps0):
    return nbformat.from_dict(ps0.notebook)


def test_an_essay_brings_its_criteria_points_and_model_answer(theory):
    questions = bank.load()
    first, *rest = questions["Q3"].rubric
    rubric = (dataclasses.replace(first, criterion="Says so.", points=5, half="Hints at it."), *rest)
    stale = dict_by_id(
        sync.out_of_date(theory, changed(questions, "Q3", rubric=rubric, explanation="Model."))
    )
    assert set(stale) == {"q3-question", "q3-criterion-1"}
    assert "1. What the discriminator learns. (5 points)" in stale["q3-question"].source
    scheme = stale["q3-criterion-1"]
    assert scheme.metadata.nbgrader.points == 5
    visible, hidden = scheme.source.split("### BEGIN MARK SCHEME")
    assert "Says so.\n\nHalf of the points: Hints at it.\n" in hidden and "Model." in hidden
    assert "What the discriminator learns." in visible and "Says so." not in visible


def test_a_criterion_that_is_missing_is_an_error(theory):
    theory.cells = [cell for cell in theory.cells if cell.id != "q3-criterion-6"]
    with pytest.raises(ValueError, match="Q3 needs one cell each of essay, criterion 1"):
        sync.out_of_date(theory, bank.load())


def test_a_variant_brings_its_numbers_answer_and_key(theory):
    questions = bank.load()
    variant = dataclasses.replace(questions["T12"].variant, numbers={"n": (3, 4)}, answer="n + math.pi")
    stale = dict_by_id(sync.out_of_date(theory, changed(questions, "T12", variant=variant)))
    assert set(stale) == {"t12v-numbers", "t12v-answer", "t12v-key"}
    assert stale["t12v-numbers"].source == 'numbers_T12v = own_numbers("T12v", n=[3, 4])'
    assert "(lambda n: n + math.pi)(**numbers_T12v)" in stale["t12v-answer"].source
    shown, hidden = stale["t12v-key"].source.split("### BEGIN HIDDEN TESTS")
    assert "n + math.pi" in hidden and "n + math.pi" not in shown and "check_id(my_id)" in shown


def dict_by_id(stale):
    return {cell.id: current for cell, current in stale}


@pytest.mark.parametrize("student", ["ada", "Ada ", "s1234567", "grace.hopper@example.org", "李"])
@pytest.mark.parametrize("question", ["t4v", "t12v"])
def test_a_variant_is_right_for_its_student_and_wrong_for_most_others(ps0, question, student):
    def earned(typed, owner, answer=None):
        names = {"__name__": "__main__"}
        exec(ps0.cells["setup"].source, names)
        names |= {"my_id": typed, "STUDENT": owner}
        for part in ("numbers", "answer"):
            exec(ps0.cells[f"{question}-{part}"].source, names)
        name = f"answer_{question.upper().replace('V', 'v')}"
        names[name] = names[name] if answer is None else answer
        *lines, score, _ = ps0.cells[f"{question}-key"].source.splitlines()
        exec("\n".join(lines), names)
        return eval(score, names), names[name]

    points, answer = earned(student, student)
    assert points == 1
    assert earned(student.upper(), student, answer)[0] == 1
    others = [earned(f"other{number}", f"other{number}", answer)[0] for number in range(40)]
    assert sum(others) < 15
    with pytest.raises(AssertionError, match="handed in by"):
        earned("somebody", student)
    with pytest.raises(NotImplementedError, match="my_id is still blank"):
        earned(" ", student)


@pytest.mark.parametrize("name", ["single", "multiple", "numeric", "text"])
def test_a_right_answer_of_every_kind_scores_in_full_and_a_blank_raises(name):
    question = next(question for question in bank.load().values() if question.kind == name)
    names = {}
    blank = sync.answer_cell(question).splitlines()[0]
    exec(blank, names)
    with pytest.raises(NotImplementedError, match=f"answer_{question.id} is still blank"):
        exec(sync.key_cell(question, 3), names)
    exec(sync.answer_cell(question), names)
    *lines, score, end = sync.key_cell(question, 3).splitlines()
    assert end == "### END HIDDEN TESTS"
    exec("\n".join(lines), names)
    assert eval(score, names) == 3


def test_a_folder_without_notebooks_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        sync.main(["--source", str(tmp_path)])
    assert "no notebooks" in capsys.readouterr().err
