"""What a reader can operate: question forms by themselves; sliders, animations, questions on a built page."""

import pytest

from gan_lib.display import quiz

NOTEBOOK = "notebooks/01_minimax.html"

OPTIONS = [
    {"letter": "A", "text": "Right, $a$.", "correct": True, "reason": "Reason A."},
    {"letter": "B", "text": "Wrong.", "correct": False, "reason": "Reason B."},
    {"letter": "C", "text": "Right too.", "correct": True, "reason": "Reason C."},
]
ONE_RIGHT = [option | {"correct": option["letter"] == "B"} for option in OPTIONS]


def question(kind, **fields):
    return {
        "id": "X1",
        "title": "A title",
        "text": "A text.",
        "kind": kind,
        "explanation": "Because.",
    } | fields


@pytest.fixture
def ask(visit, monkeypatch):
    """Open a bare page that holds one question."""

    def open_question(kind, **fields):
        shown = []
        monkeypatch.setattr("gan_lib.display.quizzes.show", lambda html, plain: shown.append(html))
        quiz([question(kind, **fields)])
        head = '<!doctype html><html lang="en"><title>A question</title><main><h1>A question</h1>'
        seen = visit(f"{head}{shown[0]}</main></html>")
        assert seen.errors == []
        return seen

    return open_question


def check(page, *labels, field=None):
    for box in page.locator("input[type=checkbox]").all():
        box.set_checked(False)
    for label in labels:
        page.get_by_label(label).check()
    if field is not None:
        page.locator("input[type=text]").fill(field)
    page.get_by_role("button", name="Check").click()
    return page.get_by_role("status").inner_text()


def reasons(page):
    return [text for text in page.locator(".gan-reason p").all_inner_texts() if text]


def test_single_choice(ask):
    page = ask("single", options=ONE_RIGHT).page
    assert "Choose an option first" in check(page)
    assert "Not right" in check(page, "Right too.")
    assert page.locator(".gan-reason:visible").count() == 1
    assert not page.locator(".gan-explanation").is_visible()
    assert "✓ Right" in check(page, "Wrong.")
    assert page.locator(".gan-reason:visible").count() == 3
    assert page.get_by_text("Because.").is_visible()


def test_multiple_choice_counts_what_is_wrong_and_what_is_missing(ask):
    page = ask("multiple", options=OPTIONS).page
    status = check(page, "Wrong.")
    assert "1 of your choices does not belong" in status and "2 options are missing" in status
    assert page.locator(".gan-reason:visible").all_inner_texts() == ["✗ Not part of the answer.\n\nReason B."]
    assert "1 option is missing" in check(page, "Right too.")
    assert "✓ Right" in check(page, "Right, ", "Right too.")


def test_the_answer_is_shown_on_request_after_a_wrong_one(ask):
    page = ask("single", options=ONE_RIGHT).page
    reveal = page.get_by_role("button", name="Show the answer")
    assert not reveal.is_visible()
    check(page, "Right too.")
    reveal.click()
    assert page.locator(".gan-reason:visible").count() == 3
    assert page.get_by_text("✓ Part of the answer.").is_visible()
    assert page.get_by_text("Because.").is_visible()


@pytest.mark.parametrize("given", ["0.5", " 0,5 ", ".5", "1/2", "2 / 4", "5e-1", "+0.5", "0.505"])
def test_numbers_that_are_right(ask, given):
    page = ask("numeric", answer=0.5, tolerance=0.01).page
    assert "✓ Right" in check(page, field=given)


@pytest.mark.parametrize("given", ["0.52", "-0.5", "2", "1/3"])
def test_numbers_that_are_wrong(ask, given):
    page = ask("numeric", answer=0.5, tolerance=0.01).page
    assert "Not right" in check(page, field=given)


@pytest.mark.parametrize("given", ["", "half", "1/2/3", "1/0", "0x1", "0.5.1", "Infinity", "e5"])
def test_what_is_no_number_is_not_judged(ask, given):
    page = ask("numeric", answer=0.5, tolerance=0.01).page
    assert "Write a number" in check(page, field=given)


def test_a_negative_answer_takes_a_typographic_minus(ask):
    page = ask("numeric", answer=-1.386, tolerance=0.001).page
    assert "✓ Right" in check(page, field="−1.386")


def test_without_tolerance_only_rounding_is_forgiven(ask):
    page = ask("numeric", answer=1 / 3, tolerance=None).page
    assert "✓ Right" in check(page, field="1/3")
    assert "Not right" in check(page, field="0.333")


def test_words_are_compared_without_case_spaces_and_hyphens(ask):
    page = ask("text", answer="Jensen-Shannon divergence").page
    assert "✓ Right" in check(page, field="  jensen–shannon  Divergence ")
    assert "Not right" in check(page, field="KL divergence")
    assert "Write your answer first" in check(page, field="  ")


def test_an_essay_shows_an_answer_to_compare_with(ask):
    page = ask("essay").page
    assert page.get_by_label("Your answer, for yourself").is_visible()
    page.get_by_role("button", name="Show an answer").click()
    assert page.get_by_text("Because.").is_visible()


def test_a_question_is_answered_by_keyboard_alone(ask):
    page = ask("single", options=ONE_RIGHT).page
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "✓ Right" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize("kind", ["single", "multiple", "numeric", "text", "essay"])
def test_forms_are_accessible_before_and_after_the_answer(ask, kind):
    fields = (
        {"options": ONE_RIGHT} if kind in ("single", "multiple") else {"answer": "x" if kind == "text" else 1}
    )
    seen = ask(kind, code="x = 1", **fields)
    assert seen.violations() == []
    if kind != "essay":
        check(
            seen.page,
            *(["Right too."] if "options" in fields else []),
            field=None if "options" in fields else "2",
        )
    seen.page.locator(".gan-reveal").click()
    assert seen.violations() == []


def test_slider_is_moved_by_keyboard(visit, address):
    page = visit(f"{address}/{NOTEBOOK}").page
    slider = page.locator(".gan-slider").first
    slider.get_by_role("slider").focus()
    before = slider.locator(".gan-frame:visible")
    assert before.count() == 1
    first = before.get_attribute("data-value")
    page.keyboard.press("ArrowRight")
    after = slider.locator(".gan-frame:visible")
    assert after.count() == 1
    assert after.get_attribute("data-value") != first
    assert slider.locator(".gan-value").inner_text() == after.get_attribute("data-value")
    assert slider.get_by_role("slider").get_attribute("aria-valuetext") == after.get_attribute("data-value")


def test_sliders_of_one_page_are_independent(visit, address):
    page = visit(f"{address}/{NOTEBOOK}").page
    sliders = page.locator(".gan-slider").all()
    values = [slider.locator(".gan-value").inner_text() for slider in sliders[1:]]
    sliders[0].get_by_role("slider").press("End")
    assert [slider.locator(".gan-value").inner_text() for slider in sliders[1:]] == values


def test_animation_can_be_stopped(visit, address):
    page = visit(f"{address}/{NOTEBOOK}").page
    animation = page.locator(".gan-animation").first
    image = animation.locator("img")
    assert image.get_attribute("alt").strip()
    moving = image.get_attribute("src")
    animation.get_by_role("button", name="Pause").click()
    assert image.get_attribute("src") != moving
    animation.get_by_role("button", name="Play").click()
    assert image.get_attribute("src") == moving


def test_animation_stands_still_for_a_reader_who_asks_for_less_motion(visit, address):
    page = visit(f"{address}/{NOTEBOOK}", reduced_motion="reduce").page
    animation = page.locator(".gan-animation").first
    assert animation.locator("img").get_attribute("src") == animation.get_attribute("data-still")
    assert animation.get_by_role("button", name="Play").is_visible()


def test_the_first_picture_moves_until_it_is_held_still(visit, address):
    page = visit(f"{address}/intro.html").page
    state = "getComputedStyle(document.querySelector('.gan-front .dot')).animationPlayState"
    assert page.evaluate(state) == "running"
    page.get_by_label("Hold still").check()
    assert page.evaluate(state) == "paused"


def test_the_first_picture_shows_its_end_to_a_reader_who_asks_for_less_motion(visit, address):
    page = visit(f"{address}/intro.html", reduced_motion="reduce").page
    moving = "document.querySelector('.gan-front').getAnimations({subtree: true}).length"
    assert page.evaluate(moving) == 0
    places = page.eval_on_selector_all(".gan-front .dot", "dots => dots.map((dot) => dot.style.translate)")
    assert len(set(places)) > len(places) / 2


@pytest.mark.parametrize("name", [NOTEBOOK, "questions/theory.html"])
def test_every_question_of_a_page_knows_its_answer(visit, address, name):
    seen = visit(f"{address}/{name}")
    forms = seen.page.locator(".gan-question").all()
    assert forms
    for form in forms:
        for option in form.locator(".gan-option[data-correct=yes] input").all():
            option.check()
        if form.get_attribute("data-kind") in ("numeric", "text"):
            form.locator("input[type=text]").fill(form.get_attribute("data-answer"))
        if form.get_attribute("data-kind") == "essay":
            continue
        form.get_by_role("button", name="Check").click()
        assert "✓ Right" in form.get_by_role("status").inner_text()
        assert form.locator(".gan-reason:visible").count() == form.locator(".gan-option").count()
    assert seen.violations(within=".gan-quiz") == []
    assert seen.errors == []


def test_keys_reach_the_controls_in_jupyterlab_too(visit, address):
    # JupyterLab takes arrow keys and Enter for itself unless the control in focus has this mark.
    page = visit(f"{address}/{NOTEBOOK}").page
    controls = page.locator(":is(.gan-slider, .gan-animation, .gan-quiz) :is(input, button, textarea)").all()
    assert controls
    assert {control.get_attribute("data-lm-suppress-shortcuts") for control in controls} == {"true"}
