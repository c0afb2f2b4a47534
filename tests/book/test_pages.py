"""Every page of the built book: nothing from elsewhere, no errors, legible to all, at every width."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pictures
import pytest
import yaml

from gan_lib.claims import kind
from questions import bank

BOOK = Path(__file__).resolve().parents[2] / "book"


def toc_pages():
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))

    def files(entries):
        for entry in entries:
            yield entry["file"]
            yield from files(entry.get("sections", []))

    return [toc["root"], *(name for part in toc["parts"] for name in files(part["chapters"]))]


PAGES = toc_pages()
# Of the pages with claims; the other one has controls for a part of its own.
CONTROLLED = [
    f"notebooks/{name}"
    for name in (
        "01_minimax",
        "02_wasserstein",
        "03_mode_collapse",
        "04_metrics",
        "05_dcgan_lab",
        "06_training_craft",
        "07_what_works_now",
    )
]


@pytest.fixture(scope="module", params=[*PAGES, "search", "genindex"])
def seen(request, open_page, address):
    """One page after the other, opened once for all tests that look at it."""
    seen = open_page(f"{address}/{request.param}.html")
    yield seen
    seen.page.context.close()


def test_page_loads_nothing_from_elsewhere_and_makes_no_errors(seen):
    assert seen.page.locator("h1:visible").count() == 1
    assert seen.external == []
    assert seen.errors == []


# The rules of accessibility look at pages without the strokes of formulas: what measures these comes first.
CUT = """() => [...document.querySelectorAll("main mjx-container")].filter((formula) => {
  const right = formula.getBoundingClientRect().right;
  for (let part = formula; part !== document.body; part = part.parentElement) {
    const scrolls = getComputedStyle(part).overflowX;
    if (/auto|scroll/.test(scrolls) && part.scrollWidth > part.clientWidth) return false;
    if (scrolls !== "visible" && right > part.getBoundingClientRect().right + 1) return true;
  }
  return right > document.documentElement.clientWidth;
}).map((formula) => formula.textContent)"""


def test_no_formula_is_cut_off(seen, phone, desktop):
    for size in (phone, {"width": 320, "height": 700}, {"width": 1440, "height": 900}):
        seen.page.set_viewport_size(size)
        assert seen.page.evaluate(CUT) == []
    seen.page.set_viewport_size(desktop)


# How many drawings are in sight; those whose smallest letters have less than 9 pixels, or that are cut and do
# not say so.
ILLEGIBLE = """async () => {
  const inSight = (one) => one.checkVisibility() && one.getBoundingClientRect().width > 0;
  const drawings = [...document.querySelectorAll("main img.gan-svg")].filter(inSight);
  const faults = [];
  for (const drawing of drawings) {
    const text = await (await fetch(drawing.src)).text();
    const file = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const scaled = [...file.querySelectorAll("g[transform*=scale]")];
    const words = scaled.filter((group) => group.querySelector("use"));
    const points = words.map((word) => 100 * word.getAttribute("transform").match(/scale\\(([\\d.]+)/)[1]);
    const width = file.getAttribute("viewBox").split(" ")[2];
    const pixels = Math.min(...points) * drawing.getBoundingClientRect().width / width;
    const scroller = drawing.closest(".gan-scroll");
    const cut = scroller.scrollWidth > scroller.clientWidth;
    const said = scroller.tabIndex === 0 && getComputedStyle(scroller).backgroundImage !== "none";
    const within = scroller.getBoundingClientRect().right <= document.documentElement.clientWidth;
    if (pixels < 9 || (cut && !said) || !within) faults.push(drawing.alt.slice(0, 80) || drawing.src);
  }
  return [drawings.length, faults];
}"""


def test_figures_are_legible_on_a_phone(seen, phone, desktop):
    seen.page.set_viewport_size(phone)
    drawings, faults = seen.page.evaluate(ILLEGIBLE)
    seen.page.set_viewport_size(desktop)
    assert faults == []
    assert drawings or "/chapters/" not in seen.page.url


def test_page_fits_a_phone(seen, phone, desktop):
    for size in (phone, {"width": 320, "height": 700}):
        seen.page.set_viewport_size(size)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    seen.page.set_viewport_size(desktop)


# A while after the page has got another width, the theme makes code that scrolls a tab stop, and only that.
SETTLED = """() => [...document.querySelectorAll('pre[tabindex="-1"]')]
  .every((code) => code.scrollWidth <= code.clientWidth)"""


def test_page_is_accessible(seen):
    seen.page.wait_for_function(SETTLED)
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "light"
    assert seen.violations() == []


def test_dark_page_is_legible(seen):
    # The dark page differs in colours alone, once they have stopped fading into one another.
    seen.page.add_style_tag(content="* { transition: none !important; }")
    seen.page.emulate_media(color_scheme="dark")
    seen.page.wait_for_selector("html[data-theme=dark]")
    assert seen.violations(only=["color-contrast"]) == []


def test_formulas_are_typeset(seen):
    # What stands in code is shown as it is written. Text nodes include what is folded away: answers, reasons.
    text = seen.page.evaluate(
        """() => {
          const main = document.querySelector("main").cloneNode(true);
          main.querySelectorAll("pre, code, script, style").forEach((element) => element.remove());
          return [main, ...main.querySelectorAll("*")].flatMap((element) => [...element.childNodes])
            .filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("\\n");
        }"""
    )
    left = [
        line.strip() for line in text.splitlines() if re.search(r"\\[()\[\]]|\$|\\(frac|log|theta)\b", line)
    ]
    assert left == []


def test_every_picture_is_described(seen):
    silent = seen.page.evaluate(
        """() => [...document.querySelectorAll("main :is(img, svg[role=img]):not([aria-hidden=true])")]
             .filter((picture) => !["alt", "aria-label", "aria-labelledby"]
               .some((name) => picture.getAttribute(name)?.trim()))
             .map((picture) => picture.outerHTML.slice(0, 200))"""
    )
    assert silent == []


# Last of all: the theme sets tab stops a while after a page has got another width, and paper has one.
PAPER = """() => {
  const shown = (one) => one.checkVisibility();
  const pressed = "button, input[type=range], .bd-sidebar-primary, .bd-header-article, .headerlink";
  return [
    [...document.querySelectorAll(pressed)].filter(shown).map((one) => one.outerHTML.slice(0, 100)),
    [...document.querySelectorAll("main .gan-slider")]
      .map((slider) => [...slider.querySelectorAll(".gan-frame")].filter(shown).length),
  ];
}"""


def test_on_paper_nothing_is_to_be_pressed_and_of_a_slider_one_frame_is_left(seen):
    seen.page.emulate_media(media="print")
    pressed, frames = seen.page.evaluate(PAPER)
    seen.page.emulate_media(media="screen")
    assert pressed == [] and set(frames) <= {1}
    assert frames or "chapters/minimax" not in seen.page.url


class Links(HTMLParser):
    """The ids of a page and the addresses that it links to."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.repeated, self.targets = set(), [], []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if id := attributes.get("id"):
            self.repeated += [id] if id in self.ids else []
            self.ids.add(id)
        if tag == "a" and attributes.get("href"):
            self.targets.append(attributes["href"])


def test_every_link_within_the_book_arrives_at_one_place(site):
    """A section of a page, or a game of the playground's."""
    found = {site / f"{name}.html": Links(site / f"{name}.html") for name in PAGES}
    assert {page.name: links.repeated for page, links in found.items() if links.repeated} == {}
    games = {unquote(address) for _, _, address in pictures.written()["presets"]}
    lost = []
    for page, links in found.items():
        for target in links.targets:
            url = urlsplit(target)
            if url.scheme:
                continue
            arrival = (page.parent / unquote(url.path)).resolve() if url.path else page
            fragment = unquote(url.fragment)
            known = arrival not in found or fragment in found[arrival].ids | {""}
            if arrival.name == "playground.html" and "=" in fragment:
                known = set(fragment.split("~")) <= games
            if not arrival.exists() or not known:
                lost.append(f"{page.name}: {target}")
    assert lost == []


def rows_of(text):
    return text.count("<tr") - text.count("<thead")


def test_every_claim_stands_in_the_tables(site):
    claims = json.loads((BOOK / "claims.json").read_text(encoding="utf-8"))
    page = (site / "claims.html").read_text(encoding="utf-8")
    assert rows_of(page) == len(claims) > 0
    assert f"{len(claims)} claims, {len(claims)} checked:" in page
    assert [claim["id"] for claim in claims if f'html#claim-{claim["id"]}"' not in page] == []


@pytest.mark.parametrize("page", CONTROLLED)
def test_every_claim_could_have_failed(site, page):
    """It stands beside a control or a proof, or is an identity to within rounding."""
    claims = [claim for claim in json.loads((BOOK / "claims.json").read_text()) if claim["page"] == page]
    assert claims and [claim["id"] for claim in claims if kind(claim) is None] == []


def test_every_statement_has_its_row_and_every_doubtful_one_its_correction(site):
    rows = bank.rows()
    assert rows_of((site / "statements.html").read_text(encoding="utf-8")) == len(rows)
    doubtful = [row for row in rows if row.verdict != "true"]
    assert rows_of((site / "errata.html").read_text(encoding="utf-8")) == len(doubtful)


CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]


def test_every_chapter_ends_with_its_self_check_its_exercises_and_what_to_read(site):
    assert len(CHAPTERS) >= 6
    for name in CHAPTERS:
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        sections = re.split(r"<h2>", page)
        titles = [re.match(r"[^<]*", section)[0] for section in sections[1:]]
        assert titles[-3:] == ["Self-check", "Exercises", "Further reading"], name
        assert sections[-3].count('<form class="gan-question"') >= 3, name


def test_what_widgets_share_stands_in_files_of_their_own(site):
    pages = [(site / f"{name}.html").read_text(encoding="utf-8") for name in PAGES]
    with_widgets = [page for page in pages if 'class="gan-question"' in page or 'class="gan-slider"' in page]
    assert len(with_widgets) > 8
    assert all(
        page.count("_static/widgets.js") == 1 == page.count("_static/widgets.css") for page in with_widgets
    )
    assert not any("lmSuppressShortcuts" in page or ".gan-question fieldset" in page for page in pages)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("theory", r"<legend>(\w+) ·"),
        ("essays", r'admonition-title">(\w+) ·'),
        ("coding", r"<td><p>(\w+)</p></td>"),
    ],
)
def test_every_question_of_a_set_is_on_its_page(site, name, pattern):
    shown = re.findall(pattern, (site / f"questions/{name}.html").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(question.id for question in bank.load().values() if question.set == name)
