"""What a page of the book costs to load: counted from the files that it names, and once in a browser."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [f"chapters/{path.stem}" for path in sorted((ROOT / "book/chapters").glob("*.md"))]
TAG = re.compile(r"<(?:img|script|link|source)\b[^>]*>")
SOURCE = re.compile(r'\b(?:src|href|srcset)="([^"#?]+)')
STYLED = re.compile(r"(?:url\(\s*[\"']?|@import [\"'])([^\"')#?]+)")
FONT = re.compile(r'font-family: (MJX[\w-]+);\s+src: url\("([^"]+)"')
FIRST, WHOLE = 1_500_000, 3_000_000  # bytes
SHARED = 700_000  # what all pages share: style sheets, scripts, and fonts, of which each page loads a few


def local(found, folder):
    """The files among the addresses that were found, as they are seen from a folder."""
    paths = {folder / urlsplit(address).path for address in found if not address.startswith("data:")}
    return {path.resolve() for path in paths if path.is_file()}


def files_of(page):
    """(files that a page loads at once, those it loads when they are nearly seen), not those on request."""
    html = page.read_text(encoding="utf-8")
    at_once, later = set(), set()
    for tag in TAG.findall(html):
        wanted = re.search(r'rel="(?:stylesheet|icon|preload)"', tag) or not tag.startswith("<link")
        if wanted:
            (later if 'loading="lazy"' in tag else at_once).update(SOURCE.findall(tag))
    at_once = local(at_once, page.parent) | {page}
    for sheet in [path for path in at_once if path.suffix == ".css"]:
        rules = sheet.read_text(encoding="utf-8")
        unused = {font for family, font in FONT.findall(rules) if not speaks(html, family)}
        named = local(set(STYLED.findall(rules)) - unused, sheet.parent)
        at_once |= {path for path in named if path.suffix in (".css", ".woff")}
    return at_once, local(later, page.parent)


def speaks(html, family):
    """Whether a page may have letters of a font for formulas, by its classes; some letters may stretch."""
    name = family.removeprefix("MJX")
    return name in ("ZERO", "TEX", "TEX-S1", "TEX-S4", "TEX-A") or re.search(rf'[" ]{name}[" ]', html)


def size(files):
    return sum(path.stat().st_size for path in files)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_light(site, name):
    page = site / f"{name}.html"
    at_once, later = files_of(page)
    assert len(at_once) > 15 and len(later) >= 1
    assert size(at_once) < FIRST
    assert size(at_once | later) < WHOLE
    assert size(at_once - {page}) < SHARED
    assert not any(path.name in ("searchindex.js", "fontawesome.js") for path in at_once)


def test_a_picture_has_its_place_before_it_is_there(site):
    tags = [tag for name in CHAPTERS for tag in TAG.findall((site / f"{name}.html").read_text())]
    pictures = [tag for tag in tags if tag.startswith("<img")]
    assert len(pictures) > 50
    assert [tag[:200] for tag in pictures if not re.search(r'width="\d+" height="\d+"', tag)] == []


def test_drawings_lie_in_files_of_their_own_with_both_inks(site):
    page = (site / "chapters/minimax.html").read_text(encoding="utf-8")
    assert '<svg class="gan-svg' not in page and "DejaVuSans" not in page
    names = re.findall(r'class="gan-svg only-(light|dark)" src="\.\./_images/(\w+\.svg)(#dark)?"', page)
    light, dark = (
        [(name, part) for theme, name, part in names if theme == wanted] for wanted in ("light", "dark")
    )
    assert [name for name, _ in light] == [name for name, _ in dark] and len(light) > 5
    assert {part for _, part in light} == {""} and {part for _, part in dark} == {"#dark"}
    theme = (site / "_static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    inks = re.findall(r"--pst-color-text-base:\s*(#\w+)", theme)
    drawing = (site / "_images" / light[0][0]).read_text(encoding="utf-8")
    assert f"svg{{color:{inks[0]}}}svg:target{{color:{inks[-1]}}}" in drawing and inks[0] != inks[-1]


@pytest.fixture(scope="module")
def pages():
    """The benchmark of pages."""
    spec = spec_from_file_location("pages", ROOT / "benchmarks/pages.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_browser_loads_what_was_counted_and_nothing_jumps(pages, browser, site):
    name = "chapters/wasserstein"
    with pages.served(site) as (address, sent):
        seen = pages.visit(browser, address, sent, name, 390)
    loaded = {(site / path.removeprefix("/")).resolve() for path in seen["whole"]}
    at_once, later = files_of(site / f"{name}.html")
    assert later <= loaded
    assert loaded - at_once - later == set()
    first = sum(seen["before"].values())
    assert size([site / f"{name}.html"]) < first < FIRST
    assert first < sum(seen["whole"].values()) < WHOLE
    assert seen["shift"] < 0.05


def test_a_drawing_follows_the_theme_and_is_fetched_once(visit, address):
    seen = visit(f"{address}/chapters/what_works_now.html", scheme="dark")
    page = seen.page
    shown = (
        "[...document.querySelectorAll('img.gan-svg')].map((image) => [image.checkVisibility(), image.src])"
    )
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        pictures = page.evaluate(shown)
        assert len(pictures) > 2
        assert all(visible == (source.endswith("#dark") == (theme == "dark")) for visible, source in pictures)
    page.emulate_media(media="print")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert all(visible != source.endswith("#dark") for visible, source in page.evaluate(shown))
