"""What those who come from outside find: the first page, descriptions, and a way back for the lost."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from gan_lib.claims import kind
from questions import bank

ROOT = Path(__file__).resolve().parents[2]
PDF = runpy.run_path(ROOT / "book/pdf.py")


def test_the_edition_is_the_same_wherever_it_stands():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    book = yaml.safe_load((ROOT / "book/_config.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == book["sphinx"]["config"]["release"] == project["version"]
    assert citation["title"] == book["title"] and citation["license"] == project["license"]
    assert [one["name"] for one in citation["authors"]] == [book["author"]]


def test_the_first_page_has_the_points_of_all_assignments(open_page, address):
    record = json.loads((ROOT / "book/grading.json").read_text(encoding="utf-8"))
    page = open_page(f"{address}/intro.html").page
    rows = [row.split() for row in page.locator("table.syllabus-table tbody tr").all_inner_texts()]
    points = {one["name"]: one["by_checks"] + one["by_person"] for one in record["assignments"]}
    for name, number in points.items():
        (row,) = [row for row in rows if f"({name}," in row]
        assert f"{number}" in [word.strip(",") for word in row[row.index(f"({name},") + 3 :]]
    assert rows[-1][-1] == f"{sum(points.values())}"
    feedback = page.locator("table.feedback-table").inner_text()
    assert all(check["message"] in feedback for check in record["feedback"]["checks"])
    assert page.locator("main a[href='playground.html']").first.is_visible()
    page.context.close()


def test_every_page_is_described_in_words_of_its_own(site):
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    said = {}
    for page in pages:
        found = re.findall(r'<meta name="description" content="([^"]*)"', page.read_text(encoding="utf-8"))
        if page.stem not in ("index", "search", "genindex", "404"):  # which nobody looks for
            said[page.stem] = found
    assert len(said) > 20
    assert all(len(found) == 1 and 20 < len(found[0]) <= 200 for found in said.values()), said
    assert len({found[0] for found in said.values()}) == len(said)


@pytest.fixture
def lost(site, browser):
    """lost(way) -> a page that a host of plain files shows there; the book lies in a folder of it."""
    made = []

    def host(route):
        name = urlsplit(route.request.url).path.removeprefix("/gan-book/")
        missing = not (site / name).is_file()
        route.fulfill(path=site / ("404.html" if missing else name), status=404 if missing else 200)

    def lost(way):
        page = browser.new_page()
        made.append(page)
        page.route("**/*", host)
        page.goto(f"http://pages.example/gan-book/{way}", wait_until="networkidle")
        return page

    yield lost
    for page in made:
        page.close()


def test_who_is_lost_finds_back_from_any_depth(lost):
    for way in ("no-such.html", "chapters/minimx.html", "chapters/old/folder/page/"):
        page = lost(way)
        assert page.locator("h1").inner_text() == "There is no such page"
        link = page.get_by_role("link", name="The minimax game")
        assert link.evaluate("link => link.href") == "http://pages.example/gan-book/chapters/minimax.html"
    page.set_viewport_size({"width": 320, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("searchbox").fill("critic")
    page.get_by_role("button", name="Search").click()
    assert page.url == "http://pages.example/gan-book/search.html?q=critic"


def test_claims_are_chosen_by_page_control_and_verdict_and_the_address_keeps_it(open_page, address):
    claims = json.loads((ROOT / "book/claims.json").read_text(encoding="utf-8"))
    verdicts = {row.id: row.verdict for row in bank.rows()}
    visit = open_page(f"{address}/claims.html")
    page, rows = visit.page, visit.page.locator("table.claims-table tbody tr:visible")
    assert rows.count() == len(claims)
    page.get_by_label("Control").select_option(label="identity")
    identities = [claim for claim in claims if kind(claim) == "identity"]
    assert rows.count() == len(identities) > 0
    page.get_by_label("Verdict on the source").select_option(label="true")
    page.locator(".claims-filter").get_by_label("Page").select_option(label="Metrics, measured")
    wanted = [
        claim
        for claim in identities
        if claim["page"] == "notebooks/04_metrics" and verdicts.get(claim.get("seed")) == "true"
    ]
    assert rows.count() == len(wanted) > 0
    assert page.get_by_text(f"{len(wanted)} of {len(claims)} claims").is_visible()
    assert page.locator("main h2:visible").count() == 1
    page.reload()
    assert rows.count() == len(wanted)
    page.evaluate("location.hash = '#claims-02_wasserstein'")  # as a link of the page does
    page.wait_for_function("document.querySelectorAll('table.claims-table tr[hidden]').length === 0")
    page.get_by_label("Control").select_option(label="bound with a proof")
    page.get_by_role("button", name="Show all").click()
    assert rows.count() == len(claims) and visit.errors == []
    page.context.close()


def test_without_scripts_all_claims_are_there(open_page, address):
    page = open_page(f"{address}/claims.html", java_script_enabled=False).page
    assert page.locator("table.claims-table tbody tr:visible").count() > 500
    assert not page.locator(".claims-filter").is_visible()
    page.context.close()


def test_a_link_to_a_claim_arrives_at_its_line_with_its_code_open(open_page, address):
    page = open_page(f"{address}/notebooks/01_minimax.html").page
    cell = page.locator("div.cell:has(details.hide):has(.gan-claim)").first
    claim, code = cell.locator(".gan-claim").first, cell.locator("details.hide pre").first
    assert not code.is_visible()
    plain = claim.evaluate("line => getComputedStyle(line).backgroundColor")
    page.evaluate("id => { location.hash = id }", claim.get_attribute("id"))
    code.wait_for(state="visible")
    assert claim.evaluate("line => getComputedStyle(line).backgroundColor") != plain
    for part in (claim, code):
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]
    page.context.close()


def test_the_book_is_printed_with_numbers_and_links_within(site, browser, tmp_path):
    pages = "notation", "questions/theory"
    command = [sys.executable, ROOT / "book/pdf.py", *pages, "--to", tmp_path / "some.pdf"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    data, whole = (tmp_path / "some.pdf").read_bytes(), (tmp_path / "some.html").read_text(encoding="utf-8")
    places = PDF["page_numbers"](data)
    listed = dict(re.findall(r'data-page="([^"]+)">(\d+)<', whole))
    assert {name: int(number) for name, number in listed.items()} == {
        name: places[name] for name in ("notation--", "questions-theory--")
    }
    assert 2 < places["notation--"] < places["questions-theory--"]
    assert whole.count('class="gan-reason">') > 30  # of the questions the reasons, too
    assert b"/URI (file:" not in data  # links lead within the book, or to the web
    for place in re.findall(r'href="#([^"]+)"', whole):
        assert f'id="{place}"' in whole
    assert "<script" not in whole and "<button" not in whole


def test_what_is_not_built_cannot_be_printed(capsys):
    assert PDF["main"](["no-such-page"]) == 1
    assert "no page no-such-page" in capsys.readouterr().err


PRINTED = """() => {
  const details = [...document.querySelectorAll("main details:not(.hide)")];
  const solutions = [...document.querySelectorAll(".solution.dropdown section")];
  window.printed = [
    document.documentElement.dataset.theme,
    details.every((one) => one.open),
    solutions.filter((one) => one.checkVisibility({ visibilityProperty: true })).length,
  ];
}"""


def test_a_page_is_printed_light_and_open(open_page, address):
    page = open_page(f"{address}/prerequisites.html", scheme="dark").page
    page.wait_for_selector("html[data-theme=dark]")
    page.evaluate(f"addEventListener('beforeprint', {PRINTED})")
    page.pdf()
    theme, open_all, solutions = page.evaluate("window.printed")
    assert theme == "light" and open_all and solutions > 5
    page.evaluate(f"({PRINTED})()")
    assert page.evaluate("window.printed")[::2] == ["dark", 0]  # as it was before
    page.context.close()
