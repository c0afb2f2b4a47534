"""The question cells of the assignments against the question bank."""

import dataclasses
import shutil

import nbformat
import pytest

from autograder import sync
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
    sources = [text for _, text in stale]
    assert 'answer_C1 = {"D"}' in sources[0]
    assert 'key={"D"}' in sources[1]


def test_a_new_wording_reaches_the_question_alone(notebook):
    stale = sync.out_of_date(notebook, changed(bank.load(), "C9", text="Another text."))
    assert [cell.id for cell, _ in stale] == ["c9-question"]
    assert "Another text." in stale[0][1]


def test_the_points_of_the_cell_are_the_points_of_the_score(notebook):
    for cell in notebook.cells:
        if cell.id == "c12-key":
            cell.metadata.nbgrader.points = 5
    ((cell, text),) = sync.out_of_date(notebook, bank.load())
    assert cell.id == "c12-key"
    assert 'text_score(answer_C12, expected="float", points=5)' in text


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


def test_an_essay_is_refused(notebook):
    questions = bank.load()
    with pytest.raises(ValueError, match="C1 is an essay"):
        sync.out_of_date(notebook, changed(questions, "C1", kind="essay"))


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
