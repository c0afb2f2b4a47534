"""What the feedback page shows of a cell; whole pages are tested in round_trip."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder.bank.cells import form_cell
from autograder.plugins.feedback import WithoutHiddenTests
from autograder.plugins.reasons import WithReasons
from questions import pools

CHECKS = """assert f(1) == 1
### BEGIN HIDDEN TESTS
assert f(2) == 4, "f squares"
### END HIDDEN TESTS"""


def cell(source, *, grade, solution, outputs=()):
    nbgrader = {"grade": grade, "solution": solution, "grade_id": "f", "schema_version": 3, "task": False}
    return new_code_cell(source, metadata={"nbgrader": nbgrader}, outputs=list(outputs))


def shown(cell):
    return WithoutHiddenTests().preprocess_cell(cell, {}, 0)[0]


def test_hidden_lines_and_the_code_of_a_traceback_go_and_the_message_stays():
    error = new_output("error", ename="AssertionError", evalue="f squares", traceback=["3 assert f(2) == 4"])
    page = shown(cell(CHECKS, grade=True, solution=False, outputs=[error]))
    assert page.source == "assert f(1) == 1"
    assert page.outputs[0].traceback == ["f squares"]


def test_an_error_without_a_message_keeps_its_name():
    error = new_output("error", ename="NotImplementedError", evalue="", traceback=["secret"])
    page = shown(cell(CHECKS, grade=True, solution=False, outputs=[error]))
    assert page.outputs[0].traceback == ["NotImplementedError"]


def test_other_output_stays():
    printed = new_output("stream", name="stdout", text="hello")
    assert shown(cell(CHECKS, grade=True, solution=False, outputs=[printed])).outputs == [printed]


def test_a_student_may_write_the_marks_of_hidden_tests():
    source = "### BEGIN HIDDEN TESTS\nf = abs"
    error = new_output("error", ename="NameError", evalue="g", traceback=["g = h"])
    page = shown(cell(source, grade=False, solution=True, outputs=[error]))
    assert (page.source, page.outputs) == (source, [error])


def reasons_shown(source, printed, *, show=True):
    outputs = [new_output("stream", name="stdout", text=printed)]
    checks = cell(source, grade=True, solution=False, outputs=outputs)
    return WithReasons(show=show).preprocess_cell(checks, {}, 0)[0].outputs


ASKED = 'look_again("T1", {letter: statements[form[letter]] for letter in answer_T1 ^ key})'


def test_reasons_take_the_place_of_the_line_that_asks_for_them():
    one, other, *_ = pools.families()["T1"].statements
    (output,) = reasons_shown(ASKED, f"T1: look again at B ({one.id}), D ({other.id})\n")
    verdicts = ["true" if statement.correct else "false" for statement in (one, other)]
    wanted = f"- **B** is {verdicts[0]}. {one.reason}\n- **D** is {verdicts[1]}. {other.reason}"
    assert output.data["text/markdown"] == wanted
    (output,) = reasons_shown('look_again("T12v", True)', "T12v: look again\n")
    assert output.data["text/markdown"].startswith("The loss weighs")


def test_until_the_instructor_shows_reasons_the_line_is_gone():
    one, *_ = pools.families()["T1"].statements
    assert reasons_shown(ASKED, f"T1: look again at B ({one.id})\n", show=False) == []


def test_a_statement_that_has_left_the_pool_has_no_reason():
    (output,) = reasons_shown(ASKED, "T1: look again at B (01234567)\n")
    assert output.data["text/markdown"] == ""


@pytest.mark.parametrize("source", ['print("T1: look again")', ASKED.replace("T1", "C1")])
def test_a_line_that_the_cell_did_not_ask_for_stays_a_line(source):
    for printed in ("T1: look again at A (01234567)\n", "T1: look again at A\n"):
        (output,) = reasons_shown(source, printed)
        assert output.text == printed


def test_of_a_pool_a_page_shows_the_student_s_form_alone():
    family = pools.families()["T1"]
    printed = [new_output("display_data", {"text/markdown": "- **A.** Five of them."})]
    form = cell(form_cell(family), grade=False, solution=False, outputs=printed)
    form.metadata.nbgrader["locked"] = True
    shown, _ = WithReasons().preprocess_cell(form, {}, 0)
    assert shown.source == 'form_T1 = own_form("T1", ...)' and shown.outputs == printed
    own = cell(form_cell(family), grade=False, solution=True)
    assert WithReasons().preprocess_cell(own, {}, 0)[0].source == form_cell(family)


def test_the_mark_scheme_of_a_task_goes():
    task = new_markdown_cell("Asks.\n\n### BEGIN MARK SCHEME\nHolds.\n### END MARK SCHEME")
    task.metadata.nbgrader = {"task": True, "grade": False, "solution": False, "grade_id": "q"}
    assert shown(task).source == "Asks.\n"
