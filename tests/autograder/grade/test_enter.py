"""Grades enter the gradebook once, whole, and for what was executed; an interruption leaves nothing half."""

import os
import time

import nbformat
import pytest
from batches import book_of
from nbformat.v4 import new_output
from small_course import HALF, PS, RIGHT, filled_in, hand_in

from autograder.engine.failures import Unreadable
from autograder.grade.command import converter_of
from autograder.grade.record import AnotherOne, Record, only_writer
from autograder.grade.walk import walk


@pytest.fixture
def course(small, monkeypatch):
    monkeypatch.chdir(small[0].parent)
    return small[0]


def executed(release, letters="1.0"):
    """A notebook as a worker would send it, made by hand."""
    notebook = filled_in(release, RIGHT)
    for cell in notebook.cells:
        if cell.id == "letters-key":
            cell.outputs = [new_output("execute_result", {"text/plain": letters})]
    return {PS: nbformat.writes(notebook)}


def enter(converter, release, **options):
    assert converter.submissions() == ["ada"]
    return converter.enter("ada", executed(release, **options), converter.take("ada")[0])


def is_graded(converter):
    return "ada" in converter.submissions() and converter.is_graded("ada")


def test_what_is_entered_is_in_the_gradebook_and_graded(course, small):
    converter = converter_of(PS)
    assert not is_graded(converter)
    assert enter(converter, small[1])
    assert book_of(course)["ada", "submission"][2] == 2 + 1 + 3 + 1
    assert is_graded(converter) and is_graded(converter_of(PS))


@pytest.mark.parametrize("place", ["init_assignment", "_second_half", "set_permissions", "rename"])
def test_what_is_interrupted_looks_graded_to_nobody(course, small, monkeypatch, place):
    converter, notebook = converter_of(PS), course / "autograded" / "ada" / PS
    enter(converter, small[1], letters="0.0")  # there is an older one, too
    hand_in(course, "ada", filled_in(small[1], HALF))

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "rename") if place == "rename" else (converter, place)), interrupted)
        with pytest.raises(KeyboardInterrupt):
            enter(converter, small[1])
    converter.close()
    assert not notebook.exists()
    again = converter_of(PS)
    assert not is_graded(again)
    assert enter(again, small[1]) and is_graded(again) and notebook.exists()
    assert book_of(course)["ada", "submission"][2] == 7
    again.close()
    left = sorted(path.name for path in again.own.rglob("*") if path.is_file())
    assert left == ["ada.json", f"{PS}.jsonl"], "nothing half written"


def test_a_submission_that_has_changed_meanwhile_is_not_entered(course, small):
    converter = converter_of(PS)
    converter.submissions()
    taken, *_ = converter.take("ada")
    hand_in(course, "ada", filled_in(small[1], HALF))
    assert not converter.enter("ada", executed(small[1]), taken)
    assert ("ada", "submission") not in book_of(course) and not is_graded(converter)


@pytest.mark.parametrize("change", ["notebook", "timestamp.txt", "more.txt"])
def test_a_change_of_any_file_is_a_change(course, small, change):
    converter = converter_of(PS)
    enter(converter, small[1])
    os.utime(course / "submitted" / "ada" / PS / f"{PS}.ipynb")  # this is none
    assert is_graded(converter)
    if change == "notebook":
        hand_in(course, "ada", filled_in(small[1], HALF))
    else:
        (course / "submitted" / "ada" / PS / change).write_text("2026-01-01 10:00:00 UTC")
    assert not is_graded(converter)


def test_what_nbgrader_left_half_done_is_graded(course, small):
    done = course / "autograded" / "ada" / PS
    enter(converter_of(PS), small[1])
    (course / "autograded" / ".grading" / f"{PS}.jsonl").unlink()  # nbgrader's own command has none
    assert is_graded(converter_of(PS))
    (done / f"{PS}.ipynb").chmod(0o644)
    assert not is_graded(converter_of(PS))  # its permissions are those of a file that is still written
    (done / f"{PS}.ipynb").chmod(0o444)
    assert is_graded(converter_of(PS))
    later = time.time() + 10
    os.utime(course / "submitted" / "ada" / PS / f"{PS}.ipynb", (later, later))
    assert not is_graded(converter_of(PS))


def test_links_are_not_followed_when_files_are_sent(course, small):
    (course / "submitted" / "ada" / PS / "data").symlink_to("/etc/passwd")
    converter = converter_of(PS)
    converter.submissions()
    with pytest.raises(Unreadable, match="data is a link"):
        converter.take("ada")


def test_the_record_survives_a_line_that_was_cut(tmp_path):
    record = Record(tmp_path / "record")
    record.add("ada", "1", {"checks": {}}, due="none")
    with open(tmp_path / "record", "a") as file:
        file.write('\n["bob", "2')
    record = Record(tmp_path / "record")
    record.add("kim", "3", {"checks": {}})
    record = Record(tmp_path / "record")
    assert record.graded == {"ada": "1", "kim": "3"}
    assert record.states[record.about["ada"].pop("state")] == {"checks": {}}
    assert record.about["ada"] == {"due": "none"}


def test_a_fingerprint_tells_folders_apart(tmp_path):
    def made(**texts):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text)
        handle = os.open(folder, os.O_RDONLY)
        try:
            return walk(handle, "it", ["ignored"]).fingerprint
        finally:
            os.close(handle)

    assert made(a="x", b="y") == made(b="y", a="x", ignored="z")
    different = [made(), made(a=""), made(a="x"), made(b="x"), made(a="xb"), made(a="x", b=""), made(ab="x")]
    assert len(set(different)) == len(different)


def test_there_is_one_writer(tmp_path):
    with only_writer(tmp_path), pytest.raises(AnotherOne), only_writer(tmp_path):
        pass
    with only_writer(tmp_path):
        pass
