"""What a student reads whose work is half right: the property that failed, in words."""

import html

import pytest


@pytest.mark.parametrize(
    "message",
    [
        "real 2, noise 1: v of netD 0.507347, by hand 0.75367",
        "different values among 4000 targets",
        "the memory of the gradient of a vector, the first of group 0, is not filled with zeros",
        "answer_C11 must be a set of letters, not list",
        "an empty tensor must raise ValueError",
    ],
)
def test_feedback_names_the_property(course, message):
    assert message in html.unescape(course.page("ps1_minimax", "hugo"))


def test_on_a_phone_messages_and_scores_are_read_without_scrolling(course, browser, tmp_path):
    (tmp_path / "page.html").write_text(course.page("ps1_minimax", "hugo"))
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((tmp_path / "page.html").as_uri())
    found = page.evaluate(
        """() => [...document.querySelectorAll(".output_html pre, .nbgrader_cell .panel-heading")].map(
             (one) => [one.scrollWidth <= one.clientWidth, one.scrollHeight <= one.clientHeight + 1,
              one.getBoundingClientRect().width > 250])"""
    )
    page.close()
    assert len(found) > 20 and all(map(all, found))
