"""What a reader can operate: question forms by themselves; sliders, animations, questions on built pages."""

import json

import pytest

from gan_lib.display import quiz

NOTEBOOK = "notebooks/01_minimax.html"
DESKTOP, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}

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


def test_numbers_are_read_as_people_write_them(ask):
    page = ask("numeric", answer=0.5, tolerance=0.01).page
    right = (
        "0.5",
        " 0,5 ",
        ".5",
        "1/2",
        "2 / 4",
        "5e-1",
        "+0.5",
        "0.505",
        "50%",
        "50 %",
        "50,0 %",
        "100/2 %",
    )
    wrong = ("0.52", "-0.5", "2", "1/3", "50", "0.5 %")
    none = ("", "half", "1/2/3", "1/0", "0x1", "0.5.1", "Infinity", "e5", "%", "50 %%", "%50")
    said = {given: check(page, field=given) for given in (*right, *wrong, *none)}
    assert [given for given in right if "✓ Right" not in said[given]] == []
    assert [given for given in wrong if "Not right" not in said[given]] == []
    assert [given for given in none if "Write a number" not in said[given]] == []


def test_no_verdict_outlives_its_answer(ask):
    page = ask("single", options=ONE_RIGHT).page
    for answer in ("Right too.", "Wrong."):
        assert check(page, answer)
        page.get_by_label("Right, ").check()
        assert page.get_by_role("status").inner_text() == ""
        assert page.locator(":is(.gan-reason, .gan-explanation, .gan-reveal):visible").count() == 0


def test_a_question_starts_over(ask):
    page = ask("multiple", options=OPTIONS).page
    again = page.get_by_role("button", name="Start over")
    assert not again.is_visible()
    check(page, "Wrong.")
    page.get_by_role("button", name="Show the answer").click()
    again.click()
    assert page.locator("input:checked").count() == 0
    assert page.get_by_role("status").inner_text() == ""
    assert page.locator(":is(.gan-reason, .gan-explanation, .gan-reveal, .gan-reset):visible").count() == 0
    assert page.evaluate("document.activeElement.type") == "checkbox"


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


@pytest.fixture(scope="module")
def chapter(open_page, address):
    """A chapter with an animation, a slider and a self-check, on a phone; its clock waits to be moved."""
    seen = open_page("about:blank", size=PHONE)
    seen.fetched = []
    seen.page.on("request", lambda request: seen.fetched.append(request.url))
    seen.page.clock.install()
    seen.page.goto(f"{address}/chapters/minimax.html")
    seen.page.clock.pause_at(seen.page.evaluate("Date.now() + 60000"))
    yield seen
    assert seen.errors == []
    seen.page.context.close()


def shown_frame(animation):
    """The frame that is seen, by its label, its place on the sheet, and what is told to a screen reader."""
    label = animation.locator(".gan-value").inner_text()
    assert animation.get_by_role("slider").get_attribute("aria-valuetext") == label
    place = animation.locator(".gan-frames").evaluate("film => film.style.backgroundPosition")
    return label, place


def test_animation_moves_when_asked_and_holds_where_it_stands(chapter):
    page, animation = chapter.page, chapter.page.locator(".gan-animation").first
    animation.scroll_into_view_if_needed()
    sheet = animation.get_attribute("data-sheet").split("/")[-1]
    frames = json.loads(animation.get_attribute("data-labels"))
    wait = 1000 / float(animation.get_attribute("data-fps"))
    page.clock.run_for(20 * wait)
    assert animation.locator(".gan-value").inner_text() == frames[-1]
    assert not any(sheet in url for url in chapter.fetched)
    assert animation.locator(".gan-frames").count() == 0

    animation.get_by_role("button", name="Play").click()
    animation.get_by_role("button", name="Pause").wait_for()
    assert sum(sheet in url for url in chapter.fetched) == 1
    places = {shown_frame(animation)}
    for k in range(1, 4):
        page.clock.run_for(wait)
        assert shown_frame(animation)[0] == frames[k]
        places.add(shown_frame(animation))
    assert len(places) == 4
    animation.get_by_role("button", name="Pause").click()
    page.clock.run_for(20 * wait)
    assert shown_frame(animation)[0] == frames[3]
    animation.get_by_label("Speed").select_option("2×")
    animation.get_by_role("button", name="Play").click()
    animation.get_by_role("button", name="Pause").wait_for()
    page.clock.run_for(2 * wait)
    assert shown_frame(animation)[0] == frames[7]
    page.clock.run_for(len(frames) * wait)
    assert animation.get_by_role("button", name="Play").is_visible()
    assert shown_frame(animation)[0] == frames[-1]


def test_animation_steps_and_scrubs(chapter):
    page, animation = chapter.page, chapter.page.locator(".gan-animation").first
    frames = json.loads(animation.get_attribute("data-labels"))
    animation.get_by_role("slider").press("Home")
    page.wait_for_function(
        "label => document.querySelector('.gan-value').textContent === label", arg=frames[0]
    )
    first = shown_frame(animation)
    animation.get_by_role("button", name="One frame on").click()
    animation.get_by_role("slider").press("ArrowRight")
    assert shown_frame(animation)[0] == frames[2] and shown_frame(animation)[1] != first[1]
    for _ in range(3):
        animation.get_by_role("button", name="One frame back").click()
    assert shown_frame(animation) == first


def test_slider_is_moved_by_keyboard(chapter):
    page, slider = chapter.page, chapter.page.locator(".gan-slider").first
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
    assert slider.locator(".gan-scroll").count() == 1


def test_sliders_of_one_page_are_independent_and_their_panels_stand_below_each_other(visit, address):
    page = visit(f"{address}/{NOTEBOOK}", size=PHONE).page
    sliders = page.locator(".gan-slider").all()
    values = [slider.locator(".gan-value").inner_text() for slider in sliders[1:]]
    sliders[0].get_by_role("slider").press("End")
    assert [slider.locator(".gan-value").inner_text() for slider in sliders[1:]] == values
    panels = sliders[0].locator(".gan-frame:visible img.gan-svg:visible").all()
    boxes = [panel.bounding_box() for panel in panels]
    assert len(boxes) == 2 and boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    page.set_viewport_size(DESKTOP)
    boxes = [panel.bounding_box() for panel in panels]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[1]["x"] >= boxes[0]["x"] + boxes[0]["width"]


def test_a_page_counts_and_keeps_its_answers_from_a_file_too(visit, site):
    page = visit((site / "questions/theory.html").as_uri()).page
    forms = page.locator(".gan-question").all()
    score = page.locator(".gan-score").first

    def answer(form, right):
        for option in form.locator(f".gan-option[data-correct={'yes' if right else 'no'}] input").all():
            option.check()
        form.get_by_role("button", name="Check").click()

    assert score.inner_text() == f"On this page: 0 of {len(forms)} answered right."
    choices = [form for form in forms if form.get_attribute("data-kind") in ("single", "multiple")]
    for form, right in zip(choices, (True, False, True), strict=False):
        answer(form, right)
    choices[1].get_by_role("button", name="Show the answer").click()
    choices[3].locator("input").first.check()
    (field,) = page.locator("[data-id=T12] input").all()
    field.fill("50 %")

    def look():
        said = [form.get_by_role("status").inner_text() for form in (*choices[:4], forms[-1])]
        return score.inner_text(), said, field.input_value(), page.locator("input:checked").count()

    before = look()
    assert before[0].startswith(f"On this page: 2 of {len(forms)} answered right.") and before[2] == "50 %"
    assert before[1] == ["✓ Right.", "The answer is shown below.", "✓ Right.", "", ""]
    page.reload()
    assert look() == before
    # An answer to what was asked in other words is not one to this.
    page.evaluate(
        """() => {
          const place = Object.keys(localStorage).find((key) => key.startsWith("gan-quiz"));
          const [first] = Object.values(JSON.parse(localStorage[place]));
          localStorage[place] = localStorage[place].replace(first.version, "another");
        }"""
    )
    page.reload()
    assert page.locator(".gan-question[data-state]").count() == 2
    score.get_by_role("button", name="Clear all answers of this page").click()
    assert page.locator("input:checked, .gan-question[data-state]").count() == 0 and field.input_value() == ""
    page.reload()
    assert page.locator("input:checked, .gan-question[data-state]").count() == 0
    assert score.inner_text() == f"On this page: 0 of {len(forms)} answered right."


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
