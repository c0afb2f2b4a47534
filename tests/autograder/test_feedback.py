"""What the feedback page shows of a cell; the whole page is tested in test_round_trip.py."""

from nbformat.v4 import new_code_cell, new_output

from autograder.feedback import WithoutHiddenTests

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
    assert page.outputs[0].traceback == ["AssertionError: f squares"]


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
