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
    assert {"autograder/checks.py", "autograder/engine"} <= names
    assert not {
        name for name in names if name.startswith(("gan_lib", "questions", "autograder/course", "tests"))
    }
    for secret in (
        "autograder/plugins/answers.py",
        "autograder/plugins/feedback.py",
        "autograder/bank/sync.py",
    ):
        assert secret not in names


def test_a_course_shows_packages_and_modules_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "pottery").mkdir()
    (tmp_path / "pottery" / "__init__.py").write_text("")
    (tmp_path / "glaze.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = visible.packages(["pottery", "glaze"])
    assert found == {"pottery": tmp_path / "pottery", "glaze.py": tmp_path / "glaze.py"}


@pytest.mark.parametrize("name", ["no_such_package", "os.path", "../etc", "", "sys", "spread"])
def test_a_package_that_is_not_in_one_place_is_named(name, tmp_path, monkeypatch):
    for folder in "one", "two":  # of a namespace
        (tmp_path / folder / "spread").mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / folder)
    with pytest.raises(ValueError, match=f"'{name}' must be a package or a module"):
        visible.packages([name])
