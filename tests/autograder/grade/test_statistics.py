"""What the report says is what was graded, however strange the words in it are."""

import collections
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from batches import book_of
from hypothesis import given
from hypothesis import strategies as st
from nbformat import writes
from nbformat.v4 import new_code_cell, new_notebook, new_output
from small_course import HALF, HALF_POINTS, POINTS, PS, RIGHT, filled_in, hand_in

from autograder.engine.student_kernel import error_output
from autograder.grade import report, statistics
from autograder.grade.command import converter_of

TASKS = {"a": {("n", "a1"): 2.0, ("n", "a2"): 1.0}, "b": {("n", "b1"): 3.0}, "c": {("n", "c1"): 1.0}}


def batch(rows):
    """Scores of students from rows of four numbers (a1, a2, b1, c1)."""
    names = [cell for cells in TASKS.values() for cell in cells]
    return {f"s{place}": dict(zip(names, row, strict=True)) for place, row in enumerate(rows)}


def test_the_statistics_of_a_batch_that_can_be_done_by_hand():
    a, b, c = statistics.items(TASKS, batch([(2, 1, 3, None), (2, 0, 3, 1), (0, 0, 0, 1), (0, 0, 1, None)]))
    assert (a.name, a.points, a.mean, a.full, a.none, a.unscored) == ("a", 3, 5 / 4, 1, 2, 0)
    assert (b.mean, b.full, b.none) == (7 / 4, 2, 1)
    assert (c.mean, c.full, c.unscored, c.discrimination) == (1, 2, 2, None)  # two are too few
    assert a.discrimination == pytest.approx(np.corrcoef([3, 2, 0, 0], [3, 4, 1, 1])[0, 1])
    assert b.discrimination == pytest.approx(np.corrcoef([3, 3, 0, 1], [3, 3, 1, 0])[0, 1])


POINTS_OF_A_CELL = st.sampled_from([0, 0.5, 1, None])


@given(st.lists(st.tuples(*[POINTS_OF_A_CELL] * 4), min_size=1, max_size=12))
def test_statistics_stay_in_their_ranges_whatever_the_scores(rows):
    for item in statistics.items(TASKS, batch(rows)):
        assert item.unscored + item.full + item.none <= len(rows)
        assert item.mean is None or 0 <= item.mean <= item.points
        assert (item.mean is None) == (item.unscored == len(rows))
        assert item.discrimination is None or -1.000001 <= item.discrimination <= 1.000001


def test_a_batch_without_submissions_has_statistics():
    assert [item.mean for item in statistics.items(TASKS, {})] == [None] * 3


def notebook_with(tmp_path, **errors):
    """An executed notebook whose cells ended so: dict from cell to (kind, message)."""
    cells = []
    for name, (kind, message) in errors.items():
        cells.append(new_code_cell("", metadata={"nbgrader": {"grade_id": name}}))
        cells[-1].outputs = [new_output("stream", text="x"), error_output(kind, message)]
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.ipynb"
    path.write_text(writes(new_notebook(cells=[*cells, new_code_cell("1")])))
    return path


def test_failed_checks_are_counted_by_message_and_ends_by_student(tmp_path):
    paths = {
        "ada": [notebook_with(tmp_path, check=("AssertionError", "no"), work=("NameError", "x"))],
        "bob": [notebook_with(tmp_path, check=("AssertionError", "no"), work=("Timeout", "more than 9 s"))],
        "kim": [notebook_with(tmp_path, check=("Died", "the kernel died"))],
    }
    failed, ended = statistics.failures(paths, {"check"})
    messages = {"AssertionError: no": 2, "Died: the kernel died": 1}
    assert failed == {"check": collections.Counter(messages)}
    assert {key: list(who) for key, who in ended.items()} == {
        ("work", "Timeout"): ["bob"],
        ("check", "Died"): ["kim"],
    }


class Page(HTMLParser):
    """Text and tags of a page; every tag that is opened must be closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.tags, self.links = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_report_of_a_course(empty, monkeypatch):
    course, release = empty
    monkeypatch.chdir(course.parent)
    hostile = "<script>alert(1)</script> & so on"
    for student, answers in (("ada", RIGHT), ("o'neill, eve", HALF), ("kim", HALF)):
        hand_in(course, student, filled_in(release, answers))
    converter = converter_of(PS)
    for student in converter.submissions():
        notebook = filled_in(release, RIGHT)
        for cell in notebook.cells:
            if cell.id == "ranks-check" and student != "ada":
                cell.outputs = [error_output("AssertionError", hostile)]
            if cell.id == "letters-key" and student != "ada":
                cell.outputs = [new_output("execute_result", {"text/plain": "1.0"})]
            if cell.id == "ranks" and student == "kim":
                cell.outputs = [error_output("Timeout", "this cell took more than 12 s")]
        executed = {PS: writes(notebook)}
        assert converter.enter(student, executed, converter.take(student)[0])
    path = report.write(converter)
    assert path == course / f"report-{PS}.html"
    text = path.read_text()
    page = Page(text)
    said = re.sub(r"\s+", " ", " | ".join(filter(str.strip, page.text)))
    assert page.links == [] and "url(" not in text and "script" not in page.tags and "b" not in page.tags
    assert f"AssertionError: {hostile} (2)" in said and "2 (67%)" in said
    assert f"{PS}: 3 submissions" in said
    totals = [sum(POINTS.values()), sum(HALF_POINTS.values()), sum(HALF_POINTS.values())]
    assert f"{sum(totals) / 3:.1f} of 10" in said
    assert re.search(r"ranks \| took too long \| 1 \| kim", said)
    assert re.search(r"essay \| 2 \| – \| – \| 0 \| 0 \| 3", said)
    assert book_of(course)["kim", "submission"][2] == 4


def test_the_report_before_anything_is_graded_says_who_has_handed_in(small, monkeypatch):
    monkeypatch.chdir(small[0].parent)
    page = Page(report.write(converter_of(PS)).read_text())
    said = " | ".join(filter(str.strip, page.text))
    assert "Nothing is graded yet." in said and "ada | not graded" in said
    assert said.count("None.") == 3


def test_a_report_writes_no_name_that_turns_the_direction_of_writing():
    page = report.TEMPLATES.from_string("{{ name }}, {{ name|upper }}: <b>")
    assert (
        page.render(name="ab\u202e<b>\n\x1b") == "ab\\u202e&lt;b&gt;\n\\x1b, AB\\u202e&lt;B&gt;\n\\x1b: <b>"
    )
