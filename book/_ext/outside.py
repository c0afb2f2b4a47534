"""What those see who come from outside: a description and a card of each page, and a page for lost ones."""

import re
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.addnodes import toctree

SHORT, LONG = 60, 200  # characters of a description
SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=[A-ZÀ-Þ*])")
MISSING = Path(__file__).with_name("missing.html")
CARD = "_static/card.png"


def add_tags(app, pagename, templatename, context, doctree):
    """Describe a page by its own first words. The picture's address has to be whole: it needs the site's."""
    if doctree is None:
        return
    said, site = description(doctree), site_of(app.config.html_theme_options.get("repository_url", ""))
    tags = {
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": app.config.html_title,
        "og:title": next((title.astext() for title in doctree.findall(nodes.title)), app.config.html_title),
    }
    if said:
        tags["og:description"] = said
        context["metatags"] += f'<meta name="description" content="{escape(said)}" />'
    if site:
        tags |= {"og:url": f"{site}{pagename}.html", "og:image": f"{site}{CARD}"}
    shown = "".join(f'\n<meta property="{name}" content="{escape(said)}" />' for name, said in tags.items())
    context["metatags"] += f"{shown}\n"


def description(doctree):
    """The first sentence of a page, or the first two or three where they are short."""
    said = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, (nodes.section, nodes.container, nodes.document)):
            for sentence in SENTENCE.split(plain(paragraph)):
                if len(said) > SHORT or (said and len(said) + len(sentence) > LONG):
                    return shortened(said)
                said = f"{said} {sentence}".strip()
    return shortened(said)


def plain(paragraph):
    """The text of a paragraph; a formula as it would be read in a line of text."""
    paragraph = paragraph.deepcopy()
    for formula in list(paragraph.findall(nodes.math)):
        text = re.sub(r"\\(?:math\w+|text|operatorname)\b|[{}$]", "", formula.astext())
        formula.replace_self(nodes.Text(text.replace("\\", "")))
    return " ".join(paragraph.astext().split())


def shortened(text):
    """A text of at most LONG characters, cut between words."""
    return text if len(text) <= LONG else f"{text[: LONG - 1].rpartition(' ')[0]}…"


def site_of(repository):
    """Where GitHub publishes the pages of a repository, or nothing."""
    address = urlsplit(repository)
    parts = address.path.strip("/").split("/")
    if address.netloc != "github.com" or len(parts) != 2:
        return ""
    owner, name = parts
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def write_missing(app, error):
    """404.html, which hosts of plain files show in the place of what is missing."""
    if error is not None or app.builder.format != "html":
        return
    root = app.env.get_doctree(app.config.root_doc)
    pages = [page for tree in root.findall(toctree) for _, page in tree["entries"] if page in app.env.titles]
    listed = "".join(
        f'<li><a href="{page}.html">{escape(app.env.titles[page].astext())}</a></li>\n' for page in pages
    )
    page = Template(MISSING.read_text(encoding="utf-8"))
    filled = page.substitute(title=escape(app.config.html_title), pages=listed)
    Path(app.outdir, "404.html").write_text(filled, encoding="utf-8")


def setup(app):
    app.connect("html-page-context", add_tags)
    app.connect("build-finished", write_missing)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
