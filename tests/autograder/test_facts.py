"""The record of what the book's first page says about grading is that of today's assignments and engine."""

import json
import shutil
from pathlib import Path

import pytest

from autograder import facts

SOURCE = Path(__file__).parents[2] / "autograder/course/source"


@pytest.fixture(scope="module")
def recorded():
    return json.loads(facts.RECORD.read_text(encoding="utf-8"))


def test_the_record_has_the_assignments_and_what_was_measured(recorded):
    assert facts.facts(SOURCE, sample=recorded["feedback"]) == recorded
    assert recorded["attacks"]["tried"] > 90 and len(recorded["assignments"]) == 6


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_the_feedback_on_the_page_is_what_the_engine_says(recorded):
    assert facts.feedback(SOURCE) == recorded["feedback"]
    lost = [check for check in recorded["feedback"]["checks"] if check["points"] < check["of"]]
    assert len(lost) == 1 and "without the factor 1/2" in lost[0]["message"]


def test_a_mistake_that_cannot_be_made_stops_the_recording(monkeypatch):
    monkeypatch.setitem(facts.SAMPLE, "task", "clear")
    with pytest.raises(ValueError, match="the solution of clear has no 'd_loss"):
        facts.feedback(SOURCE)
