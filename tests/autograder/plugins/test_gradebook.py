"""The gradebook as nbgrader's commands open it with the course's settings."""

from small_course import POINTS, RIGHT, filled_in, grades, hand_in, make, nbgrader
from sqlalchemy import create_engine, text
from traitlets.config import Config

from autograder import isolate


def test_a_command_waits_a_minute_for_another_ones_lock(tmp_path):
    isolate(Config())
    with create_engine(f"sqlite:///{tmp_path / 'gradebook.db'}").connect() as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000


def test_nbgraders_upgrade_of_the_database_keeps_what_is_in_it(tmp_path):
    course = tmp_path / "course"
    hand_in(course, "ada", filled_in(make(course), RIGHT))
    nbgrader(course, "autograde", "ps")
    done = nbgrader(course, "db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert grades(course) == {"ada": POINTS}
