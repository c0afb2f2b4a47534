"""nbgrader's own commands, from the source notebook to the exported grades, for three students."""

import csv
import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader import utils
from nbgrader.api import Gradebook

COURSE = Path(__file__).parents[2] / "autograder"
PS = "ps1_minimax"
POINTS = {
    "c1-key": 2, "c9-key": 2, "c10-key": 2, "c11-key": 2, "c12-key": 2,
    "step-prepare": 0, "step-generator": 2, "step-discriminator": 2, "step-losses": 1, "step-state": 1,
    "smooth-prepare": 0, "smooth-value": 2, "smooth-targets": 2, "smooth-fakes": 1,
    "clear-prepare": 0, "clear-none": 1, "clear-zeros": 2, "clear-graph": 1, "clear-rest": 1,
    "noise-prepare": 0, "noise-device": 2, "noise-dtype": 1, "noise-values": 1, "noise-modes": 1,
    "mean-type": 1, "mean-precision": 2, "mean-guards": 1,
}  # fmt: skip

# Hugo gets some right: two of three letters, a right with a wrong one, one of three, a list for a set ...
HUGO = {
    "c1-answer": 'answer_C1 = {"A", "B"}',
    "c9-answer": 'answer_C9 = {"A", "D"}',
    "c10-answer": 'answer_C10 = {"A"}',
    "c11-answer": 'answer_C11 = ["A"]',
    "c12-answer": 'answer_C12 = " Float "',
    # the factor 1/2 is missing
    "step": """
def gan_step(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    fake = netG(z)
    g_loss = F.softplus(-netD(fake)).mean()
    optG.zero_grad()
    g_loss.backward()
    optG.step()
    d_loss = F.softplus(-netD(x)).mean() + F.softplus(netD(fake.detach())).mean()
    optD.zero_grad()
    d_loss.backward()
    optD.step()
    return float(g_loss), float(d_loss)  # warns
""",
    # one target for the whole batch
    "smooth": """
def d_loss_smoothed(pred_real, pred_fake, low=0.8, high=1.0):
    target = low + (high - low) * torch.rand(())
    real = F.binary_cross_entropy_with_logits(pred_real, target.expand_as(pred_real))
    return 0.5 * (real + F.binary_cross_entropy_with_logits(pred_fake, torch.zeros_like(pred_fake)))
""",
    # zeros in other memory; and a page that should not run in anybody's browser
    "clear": """
from IPython.display import HTML, display
display(HTML("<script>alert('hello from Hugo')</script>"))
def clear_grads(optimizer, set_to_none=True):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None if set_to_none or p.grad is None else torch.zeros_like(p)
""",
    # no refusal of empty and complex tensors
    "mean": """
def mean_as_float(t):
    return t.detach().double().mean().item()
""",
}
HUGO_POINTS = POINTS | {
    "c1-key": 4 / 3, "c9-key": 4 / 3, "c10-key": 2 / 3, "c11-key": 0,
    "step-discriminator": 0, "step-losses": 0, "smooth-targets": 0, "clear-zeros": 0,
    "noise-device": 0, "noise-dtype": 0, "noise-values": 0, "noise-modes": 0, "mean-guards": 0,
}  # fmt: skip
EXPECTED = {"ada": POINTS, "bela": dict.fromkeys(POINTS, 0), "hugo": HUGO_POINTS}


def nbgrader(course, *arguments):
    """Runs a command in the course folder; returns what it printed."""
    command = [str(Path(sys.executable).with_name("nbgrader")), *arguments]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def filled_in(release, answers):
    notebook = nbformat.read(release, as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course folder, with the assignment released."""
    folder = tmp_path_factory.mktemp("course") / "autograder"
    folder.mkdir()
    shutil.copy(COURSE / "nbgrader_config.py", folder)
    shutil.copytree(COURSE / "source", folder / "source")
    nbgrader(folder, "generate_assignment", PS)
    return folder


@pytest.fixture(scope="module")
def release(course):
    return course / "release" / PS / f"{PS}.ipynb"


@pytest.fixture(scope="module")
def solutions(ps1):
    return {cell.id: cell.source for cell in ps1.notebook.cells if utils.is_solution(cell)}


@pytest.fixture(scope="module")
def graded(course, release, solutions):
    """The course folder after grading, feedback and export for three students."""
    for student, answers in (("ada", solutions), ("bela", {}), ("hugo", HUGO)):
        folder = course / "submitted" / student / PS
        folder.mkdir(parents=True)
        nbformat.write(filled_in(release, answers), folder / f"{PS}.ipynb")
    nbgrader(course, "autograde", PS)
    nbgrader(course, "generate_feedback", PS)
    nbgrader(course, "export", "--to", "grades.csv")
    return course


@pytest.fixture(scope="module")
def gradebook(graded):
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}", "gan") as book:
        yield book


@pytest.mark.parametrize("student", EXPECTED)
def test_every_cell_earns_its_points(gradebook, student):
    notebook = gradebook.find_submission_notebook(PS, PS, student)
    assert {grade.name: grade.score for grade in notebook.grades} == pytest.approx(EXPECTED[student])
    assert {grade.name: grade.max_score for grade in notebook.grades} == POINTS
    assert not any(grade.needs_manual_grade for grade in notebook.grades)


def test_exported_totals(graded):
    with (graded / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {student: float(row["score"]) for student, row in rows.items()} == pytest.approx(
        {"ada": 35, "bela": 0, "hugo": 52 / 3}
    )
    assert {row["max_score"] for row in rows.values()} == {"35.0"}


def test_feedback_names_the_property_and_hides_the_tests(graded, solutions):
    keys = [text.splitlines()[2] for name, text in solutions.items() if name.endswith("-answer")]
    assert 'answer_C1 = {"A", "B", "C"}' in keys and len(keys) == 5
    pages = {student: (graded / "feedback" / student / PS / f"{PS}.html").read_text() for student in EXPECTED}
    for message in (
        "weight of netD after the step: 0.75367 by hand",
        "loss 1.44019, by hand 0.72009",
        "targets uniform between 0.8 and 1.0: their distribution is",
        "set_to_none=False: the gradient of parameter 0 has moved to other memory",
        "answer_C11 must be a set of letters, not ['A']",
        "an empty tensor must raise ValueError",
    ):
        assert f"AssertionError: {message}" in html.unescape(pages["hugo"]), message
    assert "AssertionError: " not in pages["ada"]
    for student, page in pages.items():
        for secret in (
            "HIDDEN TESTS",
            "choice_score",
            "text_score",
            "step_expected",
            "clear_seen_of_the_graph",
            "key=",
        ):
            assert secret not in page, (student, secret)
        shown = html.unescape(re.sub("<[^>]*>", "", page))
        for answer in keys if student != "ada" else ():
            assert answer not in shown, (student, answer)
    assert "<script>alert" not in pages["hugo"]


def test_release_holds_no_solution_hidden_test_or_key(release, ps1):
    text = release.read_text()
    assert "BEGIN" not in text and "autograder" not in text
    released = {cell.id: cell.source for cell in nbformat.read(release, as_version=4).cells}
    assert list(released) == list(ps1.cells)
    for name, cell in ps1.cells.items():
        for region in re.findall(r"### BEGIN [A-Z ]+\n(.*?)### END", cell.source, re.DOTALL):
            for line in map(str.strip, region.splitlines()):
                assert not line or line not in released[name].splitlines(), (name, line)
        if "key" in cell.metadata or "answer" in cell.metadata:
            question = cell.metadata.get("key", cell.metadata.get("answer"))
            key = ps1.namespace(f"{question.lower()}-answer")[f"answer_{question}"]
            literals = [key] if isinstance(key, str) else [f'"{letter}"' for letter in key]
            assert not any(literal in released[name] for literal in literals), name


def test_blank_release_raises_only_not_implemented(release, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names, quiet = {"__name__": "__main__"}, []
    for cell in nbformat.read(release, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        try:
            exec(compile(cell.source, cell.id, "exec"), names)
        except NotImplementedError:
            continue
        quiet.append(cell.id)
    defining = {"step", "smooth", "clear", "noise", "mean"}
    prepared = {name for name in POINTS if name.endswith("prepare")}
    answers = {name for name in HUGO if name.endswith("-answer")}
    assert set(quiet) == {"setup"} | defining | prepared | answers


def test_released_answers_are_blanks_and_nothing_else(release):
    released = {cell.id: cell.source for cell in nbformat.read(release, as_version=4).cells}
    assert released["c1-answer"] == "answer_C1 = set()"
    assert released["c12-answer"] == 'answer_C12 = ""'


def test_validate_passes_a_solved_release(course, release, solutions, tmp_path):
    path = tmp_path / "solved.ipynb"
    nbformat.write(filled_in(release, solutions), path)
    assert "Success! Your notebook passes all the tests." in nbgrader(course, "validate", str(path))
