"""The word of the term in released notebooks."""

import re

import nbformat
import pytest
import small_course

FORMS = 'TERM = "practice"  # another word each term\n'


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    forms = small_course.cell("forms", FORMS)
    forms.metadata["shared"] = "forms"
    small_course.make(folder, cells=[*small_course.SOURCE, forms])
    return folder


def term(course):
    """The word of the released notebook."""
    path = course / "release" / small_course.PS / f"{small_course.PS}.ipynb"
    (cell,) = [cell for cell in nbformat.read(path, as_version=4).cells if "shared" in cell.metadata]
    return re.fullmatch(r'TERM = "(\w+)"  # another word each term', cell.source.strip())[1]


def release(course):
    done = small_course.nbgrader(course, "generate_assignment", small_course.PS, "--force")
    assert done.returncode == 0, done.stderr
    return term(course)


def test_a_term_has_one_word_until_its_file_is_removed(course):
    word = term(course)
    assert len(word) == 16 and (course / "term.txt").read_text() == f"{word}\n"
    assert release(course) == word
    (course / "term.txt").unlink()
    assert release(course) != word
    (course / "term.txt").write_text("  autumn2026\n")
    assert release(course) == "autumn2026"
