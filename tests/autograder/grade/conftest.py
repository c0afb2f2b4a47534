"""Courses of which each test has its own copy."""

import shutil

import pytest
from small_course import PS, RIGHT, filled_in, hand_in, make


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """The small course with its assignment released, and nothing handed in."""
    course = tmp_path_factory.mktemp("released") / "course"
    make(course)
    return course


@pytest.fixture
def empty(released, tmp_path):
    """A course without submissions, and the released notebook."""
    course = tmp_path / "course"
    shutil.copytree(released.parent, tmp_path, dirs_exist_ok=True)
    return course, course / "release" / PS / f"{PS}.ipynb"


@pytest.fixture
def small(empty):
    """A course with one right submission, and the released notebook."""
    course, release = empty
    hand_in(course, "ada", filled_in(release, RIGHT))
    return course, release
