"""Every page of the built book: nothing from elsewhere, no errors, legible to all, at every width."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

BOOK = Path(__file__).resolve().parents[2] / "book"


def toc_pages():
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))

    def files(entries):
        for entry in entries:
            yield entry["file"]
            yield from files(entry.get("sections", []))

    return [toc["root"], *(name for part in toc["parts"] for name in files(part["chapters"]))]


PAGES = toc_pages()
SCHEMES = ["light", "dark"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", [*PAGES, "search", "genindex"])
def test_page_is_self_contained_and_accessible(visit, address, name, scheme):
    seen = visit(f"{address}/{name}.html", scheme)
    assert seen.page.evaluate("document.documentElement.dataset.theme") == scheme
    assert seen.page.locator("h1:visible").count() == 1
    assert seen.external == []
    assert seen.errors == []
    # The dark page differs in colours alone.
    assert seen.violations(only=["color-contrast"] if scheme == "dark" else None) == []


@pytest.mark.parametrize("name", PAGES)
def test_formulas_are_typeset(visit, address, name):
    page = visit(f"{address}/{name}.html").page
    # What stands in code is shown as it is written.
    page.evaluate("document.querySelectorAll('pre, code').forEach((element) => element.remove())")
    # textContent also has what is folded away: answers, reasons.
    text = page.evaluate(
        """() => [...document.querySelectorAll("main *:not(script, style)")]
             .flatMap((element) => [...element.childNodes])
             .filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("\\n")"""
    )
    left = [
        line.strip() for line in text.splitlines() if re.search(r"\\[()\[\]]|\$|\\(frac|log|theta)\b", line)
    ]
    assert left == []
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(visit, address, phone, name):
    page = visit(f"{address}/{name}.html", size=phone).page
    assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"]


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_is_described(visit, address, name):
    page = visit(f"{address}/{name}.html").page
    silent = page.evaluate(
        """() => [...document.querySelectorAll("main img, main svg[role=img]:not([aria-hidden=true])")]
             .filter((picture) => !["alt", "aria-label", "aria-labelledby"]
               .some((name) => picture.getAttribute(name)?.trim()))
             .map((picture) => picture.outerHTML.slice(0, 200))"""
    )
    assert silent == []


class Links(HTMLParser):
    """The ids of a page and the addresses that it links to."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.targets = set(), []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "a" and attributes.get("href"):
            self.targets.append(attributes["href"])


def test_every_link_within_the_book_arrives(site):
    found = {site / f"{name}.html": Links(site / f"{name}.html") for name in PAGES}
    lost = []
    for page, links in found.items():
        for target in links.targets:
            url = urlsplit(target)
            if url.scheme:
                continue
            arrival = (page.parent / unquote(url.path)).resolve() if url.path else page
            known = arrival not in found or unquote(url.fragment) in found[arrival].ids | {""}
            if not arrival.exists() or not known:
                lost.append(f"{page.name}: {target}")
    assert lost == []


def test_every_claim_stands_in_the_table(visit, address, site):
    claims = json.loads((BOOK / "claims.json").read_text(encoding="utf-8"))
    page = visit(f"{address}/claims.html").page
    assert page.locator(".claims-table tbody tr").count() == len(claims) > 0
    assert f"{len(claims)} claims, {len(claims)} checked." in page.locator(".claims-table").inner_text()
