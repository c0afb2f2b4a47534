"""Which paths of this machine a sandbox shows and hides."""

import sys
from pathlib import Path

import pytest

from autograder.sandbox import visible


def test_the_environment_and_its_interpreter_are_shown():
    shown = visible.shown_paths()
    for path in (sys.prefix, sys.base_prefix, Path(sys.executable).resolve()):
        assert any(Path(path).is_relative_to(place) for place in shown)


def test_an_environment_inside_the_course_does_not_show_the_course():
    root = visible.course_root()
    assert not any(root.is_relative_to(place) for place in visible.shown_paths())


def test_the_course_inside_a_shown_folder_is_hidden(tmp_path):
    course = tmp_path / "env" / "course"
    course.mkdir(parents=True)
    assert visible.hidden_paths([tmp_path / "env"], [course]) == [course]


def test_a_folder_is_hidden_under_every_name_that_shows_it(tmp_path):
    course = tmp_path / "env" / "course"
    course.mkdir(parents=True)
    (tmp_path / "link").symlink_to("env")
    hidden = visible.hidden_paths([tmp_path / "link", tmp_path / "env"], [tmp_path / "link" / "course"])
    assert hidden == [course, tmp_path / "link" / "course"]


def test_what_the_sandbox_needs_cannot_be_hidden():
    with pytest.raises(ValueError, match="so cannot hide it"):
        visible.hidden_paths(visible.shown_paths(), [sys.prefix])


def test_public_modules_hold_no_key():
    names = set(visible.public_modules())
    assert {"gan_lib", "autograder/checks.py"} <= names
    assert not {name for name in names if name.startswith(("questions", "autograder/course", "tests"))}
    for secret in (
        "autograder/plugins/answers.py",
        "autograder/plugins/feedback.py",
        "autograder/bank/sync.py",
    ):
        assert secret not in names
