"""The course that a command of this package works on."""

import os
import sys
from pathlib import Path

from nbgrader.apps import AutogradeApp

OWN = ".grading"  # in autograded/: nbgrader's globs pass over it


def open_course(folder, assignment=""):
    """Make a course's folder the working folder, and read its settings.

    Args:
        folder: with `nbgrader_config.py`; its settings may say where they are by the working folder.
        assignment: name, or nothing.

    Returns: nbgrader.apps.AutogradeApp.
    """
    os.chdir(folder)
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # for alembic
    app = AutogradeApp()
    app.initialize(["--Application.log_level=ERROR"])
    if assignment:
        app.coursedir.assignment_id = assignment
    return app


def own_folder(coursedir):
    """Where is kept what this package knows of submissions. Returns: Path, of nothing yet, perhaps."""
    own = coursedir.format_path(os.path.join(coursedir.autograded_directory, OWN), ".", ".")
    return Path(os.path.normpath(own))
