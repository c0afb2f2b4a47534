"""The wrong edits: each still fits the code, and what notices one is told apart."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("sabotage", ROOT / "benchmarks/sabotage.py")
sabotage = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sabotage)


@pytest.mark.parametrize("edit", sabotage.EDITS, ids=lambda edit: f"{edit.file}: {edit.new[:40]}")
def test_an_edit_changes_one_place_of_what_its_tests_and_its_page_are_about(edit):
    source = (ROOT / edit.file).read_text()
    changed = sabotage.apply(edit, source)
    compile(changed, edit.file, "exec")
    assert changed != source
    assert (ROOT / edit.tests).is_file() and (ROOT / f"notebooks/{edit.notebook}.ipynb").is_file()


def test_an_edit_that_no_longer_fits_is_named():
    edit = sabotage.EDITS[0]
    with pytest.raises(ValueError, match="once, and has it 0 times"):
        sabotage.apply(edit, "")


def test_a_claim_that_fails_is_told_from_an_error_and_from_silence():
    def page(status, said):
        return sabotage.page_of(subprocess.CompletedProcess([], status, stderr=said))

    assert page(1, "cell 3 (In [2]): ClaimFailed: claim 'x' does not hold") == "claim"
    assert page(1, "ControlPassed: claim 'x' does not distinguish") == "claim"
    assert page(1, "NameError: name 'y' is not defined") == "error"
    assert page(0, "") == "nothing"


def test_the_table_counts_what_neither_has_caught():
    edits = [list(edit) for edit in sabotage.EDITS[:3]]
    lines = [
        {"edit": edits[0], "tests": True, "page": "claim"},
        {"edit": edits[1], "tests": True, "page": "nothing"},
        {"edit": edits[2], "tests": False, "page": "nothing"},
    ]
    assert sabotage.table(lines).endswith("3 edits: 2 caught by tests, 1 by the page, 1 by neither")
