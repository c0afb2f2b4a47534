"""The page, opened from a file: what a reader presses, and what a link brings back."""

import re
from types import SimpleNamespace
from urllib.parse import parse_qs

import playground
import pytest
from axe_playwright_python.sync_playwright import Axe
from sphinx.util.osutil import ensuredir

SMALL = "widthG=6&widthD=6&batch=16&seed=2"
BEGINNING = (
    '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
    "<title>Games</title></head><body><main>"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pages as the book has them, without the book around them."""
    folder = tmp_path_factory.mktemp("page")
    ensuredir(folder / "_static")
    playground.write_script(SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=folder))
    for name, small in (("full", False), ("small", True)):
        folder.joinpath(f"{name}.html").write_text(
            BEGINNING + playground.html(small=small) + "</main></body></html>", "utf-8"
        )
    return folder


class Reader:
    """Someone who looks at a page and presses its buttons."""

    def __init__(self, page, address):
        self.page, self.errors = page, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector(".numbers dd >> nth=0")
        self.rest()

    def rest(self):
        """Wait until distances are shown, the last thing after any move."""
        self.page.wait_for_function(
            "[...document.querySelectorAll('dt')].filter((name) => name.textContent.startsWith('W'))"
            ".every((name) => name.nextSibling.textContent !== '–')"
        )

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def number(self, name, lane=0):
        term = self.page.locator(".panel").nth(lane).locator("dt", has_text=re.compile(f"^{name}"))
        return term.locator("xpath=following-sibling::dd").text_content()

    def await_moves(self, count):
        self.page.wait_for_function(f"document.querySelector('.numbers dd')?.textContent === '{count}'")

    def picture(self, lane=0):
        """Of a run: its canvas, to the pixel, and all its numbers but the distance, which comes later."""
        panel = self.page.locator(".panel").nth(lane)
        numbers = panel.locator("dd").all_text_contents()
        chart = panel.locator("svg").inner_html()
        return panel.locator("canvas").evaluate("(canvas) => canvas.toDataURL()"), numbers, chart

    def scrub(self, position):
        self.page.evaluate(
            """(position) => {
              const range = document.querySelector("input[type=range]");
              range.value = position;
              range.dispatchEvent(new Event("input"));
            }""",
            position,
        )
        self.await_moves(position)


@pytest.fixture
def read(browser, folder):
    pages = []

    def read(fragment="", name="full", **options):
        pages.append(browser.new_page(**options))
        pages[-1].set_default_timeout(15_000)
        return Reader(pages[-1], f"{(folder / f'{name}.html').as_uri()}#{fragment}")

    yield read
    for page in pages:
        page.close()


def test_plays_and_pauses(read):
    reader = read(SMALL)
    reader.press("Play")
    reader.page.wait_for_function("Number(document.querySelector('.numbers dd').textContent) >= 20")
    reader.press("Pause")
    reader.page.wait_for_function("location.hash.includes('run=')")
    moves = reader.number("Moves")
    reader.page.wait_for_timeout(300)
    assert reader.number("Moves") == moves
    assert reader.page.url.endswith(f"run={moves}i")
    assert reader.errors == []


def test_a_link_reproduces_the_run(read):
    reader = read(f"{SMALL}&run=30i")
    for button, moves in (("Step D", 31), ("Step G", 32), ("Step", 33)):
        reader.press(button)
        reader.await_moves(moves)
    reader.page.wait_for_function("location.hash.endsWith('run=30i1d1g1i')")
    again = read(reader.page.url.partition("#")[2])
    for each in (reader, again):
        each.page.wait_for_timeout(200)
    assert again.picture() == reader.picture()
    assert again.errors == reader.errors == []


def test_scrubbing_back_and_forth(read):
    reader = read(f"{SMALL}&run=40i")
    before = reader.picture()[0]
    reader.scrub(7)
    assert reader.picture()[0] != before
    reader.scrub(40)
    assert reader.picture()[0] == before
    reader.scrub(12)
    reader.page.wait_for_function("location.hash.endsWith('run=12i')")


def test_settings_begin_anew_and_are_in_the_address(read):
    reader = read(f"{SMALL}&run=5i")
    reader.page.get_by_label("Objective").select_option("hinge")
    reader.await_moves(0)
    reader.page.wait_for_function("location.hash.includes('objective=hinge')")
    assert parse_qs(reader.page.url.partition("#")[2]) == parse_qs(f"{SMALL}&objective=hinge")
    reader.page.get_by_label("From the book").select_option(label="PacGAN2")
    reader.page.wait_for_function("location.hash.includes('packing=2')")
    assert reader.errors == []


def test_settings_that_cannot_be_are_named(read):
    reader = read(SMALL)
    field = reader.page.get_by_label("Spread σ")
    field.fill("wide")
    field.press("Tab")
    alert = reader.page.locator("form .problem")
    assert alert.text_content() == 'Spread σ must be a number from 0.005 to 1; got "wide"'
    field.fill("0,25")
    field.press("Tab")
    reader.page.wait_for_function("location.hash.includes('std=0.25')")
    assert alert.is_hidden()


@pytest.mark.parametrize(
    "fragment, problem",
    [
        ("objective=gan", "objective must be one of"),
        ("run=7", "run must be numbers of moves"),
        ("~~", "an address holds at most two runs; got 3"),
    ],
)
def test_links_that_cannot_be_are_named(browser, folder, fragment, problem):
    page = browser.new_page()
    page.goto(f"{(folder / 'full.html').as_uri()}#{fragment}")
    alert = page.locator(".gan-playground > .problem")
    alert.wait_for()
    assert problem in alert.text_content()
    page.close()


def test_two_runs_side_by_side(read):
    """From one seed; the second, without other settings, is the first."""
    reader = read(f"{SMALL}&run=3i~{SMALL}")
    left, right = reader.picture(0), reader.picture(1)
    assert left == right
    reader.page.get_by_label("settings of the").select_option("right")
    reader.page.get_by_label("Objective").select_option("wasserstein")
    reader.page.wait_for_function("location.hash.split('~')[1].includes('objective=wasserstein')")
    for _ in range(3):
        reader.press("Step")
    for lane in range(2):
        reader.page.locator(".panel").nth(lane).locator("dd").first.filter(has_text="3").wait_for()
    assert reader.picture(0)[0] == left[0]
    assert reader.picture(1)[0] != left[0]
    assert reader.errors == []


def test_data_drawn_by_the_reader(read):
    reader = read(SMALL)
    reader.page.get_by_label("Data", exact=True).select_option("drawn")
    reader.page.wait_for_function("location.hash.includes('points=')")
    reader.page.locator("canvas").click(position={"x": 60, "y": 60})
    reader.page.wait_for_function("location.hash.split('%3B').length === 4")
    assert reader.number("Modes").endswith("of 4")
    assert reader.errors == []


@pytest.mark.parametrize("ground", ["slope", "optimal"])
def test_what_is_shown(read, ground):
    reader = read(f"{SMALL}&run=5i")
    seen = {reader.picture()[0]}
    reader.page.get_by_label("Ground").select_option(ground)
    for control in ("gradient of G's loss", "noise as a mesh"):
        reader.page.wait_for_timeout(200)
        seen.add(reader.picture()[0])
        reader.page.get_by_label(control).check()
    reader.page.wait_for_timeout(200)
    assert len({*seen, reader.picture()[0]}) == 4
    assert reader.errors == []


def test_links_on_the_page_itself(read):
    """One to a game begins it in place of the game that is there; one to a section leaves that alone."""
    reader = read(f"{SMALL}&run=3i")
    reader.page.evaluate(
        """(links) => {
          document.body.insertAdjacentHTML("beforeend", `<h2 id="sizes">Sizes</h2>`);
          for (const link of links) {
            document.body.insertAdjacentHTML("beforeend", `<a href="#${link}">${link}</a>`);
          }
        }""",
        ["sizes", f"{SMALL}~{SMALL}&objective=hinge"],
    )
    reader.page.get_by_role("link", name="sizes").click()
    assert reader.page.locator(".problem:visible").count() == 0
    assert reader.number("Moves") == "3"
    reader.page.get_by_role("link", name="hinge").click()
    reader.page.locator(".panel").nth(1).wait_for()
    assert reader.number("Moves") == reader.number("Moves", lane=1) == "0"
    assert reader.page.get_by_label("two runs side by side").is_checked()
    assert reader.errors == []


def test_small_version_keeps_its_hands_off_the_address(read):
    reader = read("a-section", name="small")
    reader.press("Step")
    reader.await_moves(1)
    reader.page.wait_for_timeout(200)
    assert reader.page.url.endswith("#a-section")
    assert reader.page.locator("form").count() == 0
    assert reader.errors == []


@pytest.mark.parametrize("name", ["full", "small"])
def test_accessible_and_within_a_phones_screen(read, name):
    reader = read(name=name, viewport={"width": 390, "height": 844})
    if name == "full":
        reader.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        reader.page.get_by_label("two runs side by side").check()
        reader.page.locator(".panel").nth(1).wait_for()
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(reader.page).response["violations"]
    serious = [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]
               if rule["impact"] in ("serious", "critical")]  # fmt: skip
    assert serious == []
