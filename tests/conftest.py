"""Shared by all rooms: hypothesis without deadlines (machines differ), reproducible in CI."""

from hypothesis import settings

settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")


def pytest_addoption(parser):
    parser.addoption(
        "--attacks",
        default="some",
        help="of the hostile notebooks in tests/autograder/attacks: some (one of each kind), all, or names "
        "separated by commas",
    )
    parser.addoption(
        "--matrix",
        default="some",
        help="of the solutions in tests/autograder/solutions, nbgrader judges: some (of every task one "
        "right and three wrong), all, or those of the assignments with these numbers, separated by commas",
    )
    parser.addoption("--matrix-json", metavar="FILE", help="where the verdicts on them are written")
