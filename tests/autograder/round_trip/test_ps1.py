"""What a student reads whose work is half right: the property that failed, in words."""

import html

import pytest


@pytest.mark.parametrize(
    "message",
    [
        "weight of netD after the step: 0.75367 by hand",
        "loss 1.44019, by hand 0.72009",
        "targets uniform between 0.8 and 1.0: their distribution is",
        "set_to_none=False: the gradient of ",
        "answer_C11 must be a set of letters, not list",
        "an empty tensor must raise ValueError",
    ],
)
def test_feedback_names_the_property(course, message):
    assert f"AssertionError: {message}" in html.unescape(course.page("ps1_minimax", "hugo"))
