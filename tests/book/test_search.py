"""The search, as a reader types: from the disk, in a browser, in the field of the page and in the dialog."""

import json

import pytest

FIRST = 5
CHAPTER = "chapters/{}.html".format
# What is typed: pages that must be among the first five.
FOUND = {
    "Theorem 2": {CHAPTER("minimax")},
    "theorem 15": {CHAPTER("metrics")},
    "definition 4": {CHAPTER("minimax")},
    "Figure 3": {CHAPTER("minimax")},
    "optimal discriminator": {CHAPTER("minimax")},
    "optimal discrim": {CHAPTER("minimax")},
    "value of the game": {CHAPTER("minimax")},
    "spectral normalization": {CHAPTER("wasserstein"), "glossary.html"},
    "spectral norm": {CHAPTER("wasserstein"), "glossary.html"},
    "Frechet": {CHAPTER("metrics"), "glossary.html", "notebooks/04_metrics.html"},
    "Fréchet": {CHAPTER("metrics"), "glossary.html", "notebooks/04_metrics.html"},
    "TTUR": {CHAPTER("mode_collapse"), CHAPTER("metrics")},
    "two time scales": {CHAPTER("mode_collapse"), CHAPTER("metrics")},
    "1-Lipschitz": {CHAPTER("wasserstein"), "glossary.html"},
    "FID": {CHAPTER("metrics"), "glossary.html"},
    "earth mover's distance": {CHAPTER("wasserstein"), "glossary.html"},
    "moving averages": {"glossary.html", "notebooks/06_training_craft.html"},
    "R1": {CHAPTER("minimax"), "glossary.html"},
    "checkerboard": {CHAPTER("dcgan_lab"), "glossary.html"},
    "errata": {"errata.html"},
}
REFERENCE = {"claims.html", "statements.html", "errata.html", "bibliography.html"}


@pytest.fixture(scope="module")
def searching(open_page, site):
    """The search page, opened from the disk."""
    seen = open_page((site / "search.html").as_uri())
    yield seen
    assert seen.errors == [] == seen.external
    seen.page.context.close()


def typed(page, query, within="main"):
    """Addresses of the pages found, the best first."""
    page.fill(f"{within} form.bd-search input", query)
    page.wait_for_selector(f"{within} .finder-results li, {within} .finder-status:has-text('Nothing')")
    root = page.evaluate("new URL(document.documentElement.dataset.content_root, location.href).href")
    links = page.eval_on_selector_all(f"{within} .finder-page", "links => links.map((link) => link.href)")
    return [link.removeprefix(root) for link in links]


@pytest.mark.parametrize("query", FOUND)
def test_what_is_typed_finds_its_pages(searching, query):
    assert FOUND[query] <= set(typed(searching.page, query)[:FIRST])


@pytest.mark.parametrize("topic", ["mode collapse", "label smoothing", "vanishing gradient", "batch norm"])
def test_pages_of_reference_rank_below_chapters(searching, topic):
    found = typed(searching.page, topic)
    chapters = [k for k, page in enumerate(found) if page.startswith("chapters/")]
    reference = [k for k, page in enumerate(found) if page in REFERENCE]
    assert len(chapters) >= 2
    assert not reference or min(reference) > chapters[1]
    assert found[0] not in REFERENCE


def test_a_theorem_is_reached_by_its_number(searching):
    typed(searching.page, "Theorem 2")
    first = searching.page.locator("main .finder-results ul a").first
    assert first.inner_text() == "Theorem 2 (Value of the game)"
    assert first.get_attribute("href").endswith("minimax.html#thm-value")


def test_only_whole_words_are_marked(searching):
    page = searching.page
    for query, wanted in (("FID", "fid"), ("frechet distance", "fréchet")):
        typed(page, query)
        marks = page.eval_on_selector_all("main mark", "marks => marks.map((mark) => mark.textContent)")
        assert wanted in {mark.lower() for mark in marks}
        assert not any("confident" in mark.lower() for mark in marks)
    typed(page, "confid")  # a beginning marks the word that it begins
    assert page.locator("main mark").first.inner_text().lower().startswith("confid")


def test_results_change_while_one_types_and_say_what_they_are(searching):
    page = searching.page
    field = page.locator("main form.bd-search input")
    field.fill("")
    status = page.locator("main .finder-status")
    seen = []
    for letter in "gradient penalties":
        field.press_sequentially(letter)
        page.wait_for_function("document.querySelector('main .finder-status').textContent")
        seen.append(page.locator("main .finder-results").inner_text())
    assert len(set(seen)) > 5 and "gradient penalty" in seen[-1].lower()
    assert status.get_attribute("role") == "status" and "pages" in status.inner_text()
    assert typed(page, "qzxv") == [] and "Nothing found for “qzxv”." in status.inner_text()
    field.fill("")
    page.wait_for_function("!document.querySelector('main .finder-status').textContent")
    assert page.locator("main .finder-results a").count() == 0


def test_what_is_shown_reads_as_text(searching, site):
    typed(searching.page, "discriminator")
    assert "\\" not in searching.page.locator("main .finder-results").inner_text()
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("window.finderIndex = ").removesuffix(";\n"))
    assert len(index["entries"]) > 300
    raw = [entry[2:] for entry in index["entries"] if r"\(" in "".join(entry[2:]) or "\\frac" in entry[3]]
    assert raw == []
    by_anchor = {entry[1]: entry[3] for entry in index["entries"]}
    assert "(p(x))/(p(x)+q(x))" in by_anchor["thm-optimal-discriminator"]


def test_the_dialog_searches_by_keyboard_alone(visit, site, phone):
    seen = visit((site / "chapters/wasserstein.html").as_uri(), scheme="dark", size=phone)
    page = seen.page
    scripts = "[...document.scripts].filter((script) => /finder\\/|searchindex/.test(script.src)).length"
    assert page.evaluate(scripts) == 0  # not before one searches
    page.keyboard.press("Control+k")
    page.keyboard.type("non-saturating loss")
    page.wait_for_selector("dialog .finder-results li")
    assert page.evaluate(scripts) == 2
    page.add_style_tag(content="* { transition: none !important; }")
    assert seen.violations(within="dialog") == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    link = page.evaluate("document.activeElement.href")
    assert page.evaluate("document.activeElement.closest('.finder-results')") is not None
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=non-saturating+loss")
    page.wait_for_selector("main .finder-results li")
    assert page.locator("main .finder-results ul a").first.evaluate("link => link.href") == link
    assert seen.errors == []
