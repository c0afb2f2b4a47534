"""Print the whole book as one PDF: python book/pdf.py [pages ...] [--to book/_build/pdf/book.pdf]

The articles of the built pages are put one after the other into one page, in the order of the contents, and
Chromium prints it: title, contents, numbered pages, links within the book that lead within the file. What
moves on the site stands still: of a slider or an animation there is the frame that the page begins with.
Questions have their reasons beside them. All of it takes minutes, and three gigabytes of memory.
"""

import argparse
import html
import os
import re
import shutil
import sys
from pathlib import Path

import yaml
from playwright.sync_api import sync_playwright

BOOK = Path(__file__).resolve().parent
SITE = BOOK / "_build/html"
ARTICLE = re.compile(r'<article class="bd-article">(.*?)</article>', re.S)
# Scripts, what is to be pressed, and what formulas have for screen readers: half of all that is laid out.
DROPPED = re.compile(
    r'<(script|noscript|button|select|mjx-assistive-mml)\b.*?</\1>|<input type="range"[^>]*>', re.S
)
STYLES = re.compile(r'<link\b[^>]*\bhref="(?:\.\./)*(_static/[^"]+\.css)[^"]*"[^>]*>')
REFERENCE = re.compile(
    r'\b(?P<name>id|for|href|xlink:href|src|aria-labelledby|aria-describedby)="(?P<value>[^"]*)"'
    r"|url\(#(?P<place>[^)]+)\)"
)
ENTRY = re.compile(r'(<span data-page="([^"]+)">)[^<]*<')  # of the contents: its page's number
BROWSERS = os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"
PAPER = {
    "format": "A4",
    "margin": {"top": "18mm", "bottom": "18mm", "left": "17mm", "right": "17mm"},
    "print_background": True,
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": '<div class="pageNumber" style="width:100%;font:9px sans-serif;text-align:center">'
    "</div>",
    "outline": True,
    "tagged": True,  # without it there is no outline
}
STYLE = """
html { font-size: 11.5px; }
body { background: #fff; }
.bd-content { display: block !important; }
.bd-article { display: block; padding: 0 !important; }
.bd-article + .bd-article, .contents { break-before: page; }
.title { margin-top: 30vh; text-align: center; }
.title h1 { font-size: 3.2rem; font-weight: 400; }
.contents li { display: flex; list-style: none; }
.contents li::before { content: ""; order: 1; flex: 1; margin: 0 .4em .4em; border-bottom: 1px dotted; }
.contents span { order: 2; }
.contents li.below { padding-inline-start: 1.5em; }
"""


def main(arguments=None):
    """Print what the arguments ask for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="such as chapters/minimax; all when none is named")
    parser.add_argument("--to", type=Path, default=BOOK / "_build/pdf/book.pdf", help="default: %(default)s")
    options = parser.parse_args(arguments)
    parts = contents(options.pages)
    lost = [page for _, entries in parts for page, _ in entries if not (SITE / f"{page}.html").is_file()]
    if lost or not parts:
        print(f"error: no page {', '.join(lost or options.pages)}: run `make book` first", file=sys.stderr)
        return 1
    options.to.parent.mkdir(parents=True, exist_ok=True)
    whole = options.to.with_suffix(".html")
    whole.write_text(joined(parts, os.path.relpath(SITE, whole.parent)), encoding="utf-8")
    print_pdf(whole, options.to)
    print(options.to)
    return 0


def contents(wanted):
    """The parts of the book: [(caption, [(page, whether it stands below another), ...]), ...]."""
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
    parts = [("", [(toc["root"], False)])]
    for part in toc["parts"]:
        entries = []
        for chapter in part["chapters"]:
            entries.append((chapter["file"], False))
            entries += [(below["file"], True) for below in chapter.get("sections", [])]
        parts.append((part["caption"], entries))
    if wanted:
        parts = [(caption, [one for one in entries if one[0] in wanted]) for caption, entries in parts]
    return [part for part in parts if part[1]]


def joined(parts, site):
    """One page of all; site: the way from its folder to the built site's."""
    config = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))
    pages = [page for _, entries in parts for page, _ in entries]
    texts = {page: (SITE / f"{page}.html").read_text(encoding="utf-8") for page in pages}
    articles = {page: article(page, text, pages, site) for page, text in texts.items()}
    named_styles = dict.fromkeys(style for text in texts.values() for style in STYLES.findall(text))
    styles = "".join(f'<link rel="stylesheet" href="{site}/{style}">' for style in named_styles)
    listed = "".join(
        (f"<h2>{html.escape(caption)}</h2>" if caption else "")
        + "<ul>"
        + "".join(
            f'<li{" class=below" if below else ""}><a href="#{named(page)}">{heading(texts[page])}</a>'
            f'<span data-page="{named(page)}"></span></li>'
            for page, below in entries
        )
        + "</ul>"
        for caption, entries in parts
    )
    edition = config["sphinx"]["config"]["release"]
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{html.escape(config['title'])}</title>{styles}<style>{STYLE}</style></head><body>"
        f'<div class="title"><h1>{html.escape(config["title"])}</h1><p>{html.escape(config["author"])}</p>'
        f"<p>Edition {edition}, {config['copyright']}</p></div>"
        f'<div class="bd-content"><div class="bd-article contents"><h1>Contents</h1>{listed}</div>'
        f"{''.join(articles.values())}</div></body></html>"
    )


def heading(text):
    """The first heading of a page, as text."""
    return re.sub(r"<a class=\"headerlink.*?</a>|<[^>]*>", "", re.search(r"<h1>(.*?)</h1>", text, re.S)[1])


def named(page, place=""):
    """What a place of a page is called where all pages are one."""
    return f"{page.replace('/', '-')}--{place}"


def article(page, text, pages, site):
    """The article of a page, its places named apart from those of others and its links led to them."""
    folder = Path(page).parent

    def moved(found):
        if found["place"]:
            return f"url(#{named(page, found['place'])})"
        name, value = found["name"], found["value"]
        if name in ("id", "for") or name.startswith("aria-"):
            return f'{name}="{" ".join(named(page, one) for one in value.split())}"'
        if value.startswith("#"):
            return f'{name}="#{named(page, value[1:])}"'
        if re.match(r"\w+:", value):  # of the web, or a picture in the text
            return found[0]
        target, _, place = value.partition("#")
        target = os.path.normpath(folder / target)
        if (other := target.removesuffix(".html")) in pages:
            return f'{name}="#{named(other, place)}"'
        if name == "src":
            return f'{name}="{site}/{target}{"#" + place if place else ""}"'
        return ""  # to a page that is not printed

    inside = DROPPED.sub("", ARTICLE.search(text)[1]).replace(' loading="lazy"', "")
    inside = re.sub(r"<details(?! class=\"admonition hide)", "<details open", inside)
    inside = re.sub(r'(class="gan-(?:reason|explanation)") hidden', r"\1", inside)
    return f'<article class="bd-article" id="{named(page)}">{REFERENCE.sub(moved, inside)}</article>'


def print_pdf(whole, to):
    """Print a page twice: with the numbers in its contents that the first print has shown."""
    name = next(filter(None, map(shutil.which, BROWSERS)), None)
    if name is None:
        sys.exit("error: Chromium is missing: .ci/system chromium installs it, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=name, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(java_script_enabled=False)
        page.set_default_timeout(600_000)
        for _ in range(2):
            page.goto(whole.as_uri())
            page.pdf(path=to, **PAPER)
            whole.write_text(numbered(whole.read_text(encoding="utf-8"), to.read_bytes()), encoding="utf-8")
        browser.close()


def numbered(text, pdf):
    """The page of all, with the numbers in its contents that a PDF of it shows."""
    numbers = page_numbers(pdf)
    return ENTRY.sub(lambda found: f"{found[1]}{numbers[found[2]]}<", text)


def page_numbers(pdf):
    """On which page of a PDF, as Chromium writes it, each place lies that a link leads to: {name: number}."""
    objects = dict(re.findall(rb"^(\d+) 0 obj\s*<<(.*?)^endobj", pdf, re.S | re.M))
    root = re.search(rb"/Type /Catalog\s*/Pages (\d+) 0 R\s*/Dests (\d+) 0 R", pdf)
    order, waiting = {}, [root[1]]
    while waiting:
        number = waiting.pop(0)
        if kids := re.search(rb"/Kids \[([^]]*)\]", objects[number]):
            waiting = re.findall(rb"(\d+) 0 R", kids[1]) + waiting
        else:
            order[number] = len(order) + 1
    places = re.findall(rb"^/(\S+) \[(\d+) 0 R", objects[root[2]], re.M)
    return {name.decode(): order[page] for name, page in places}


if __name__ == "__main__":
    sys.exit(main())
