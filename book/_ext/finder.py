"""The search: what stands where, in one file that is loaded when a reader searches, and no sooner.

Sphinx's own index knows pages and words; this one knows theorems, figures, terms and questions by their names
and numbers, and formulas as a reader would say them. It is read from the finished pages, and written as a
script, because from `file://` a page can load nothing else. What looks in it is finder.js.
"""

import json
import re
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

INDEX = "searchindex.js"  # where Sphinx's would be
SCRIPT = Path(__file__).with_suffix(".js")
# What Sphinx's search loads on every page, and the files of it.
SPHINX = re.compile(r'\s*<script src="[^"]*\b(?:searchtools|language_data|searchindex)\.js"></script>')
UNREAD = "_static/searchtools.js", "_static/language_data.js"
# How much a hit on a page counts: where a thing is explained before where it is listed.
WEIGHTS = {"chapters/": 1, "notebooks/": 0.6, "questions/": 0.45, "": 0.8}
REFERENCE = {"claims": 0.1, "statements": 0.1, "errata": 0.1, "bibliography": 0.15}
LEFT_OUT = "genindex", "search", "404", "prf-prf"
# Words for one thing, beside those that share an entry of the glossary.
SAME = (
    ("spectral normalisation", "spectral norm", "SNGAN"),
    ("TTUR", "two time scales", "two time-scale update rule", "two time-scales"),
    ("optimal transport", "earth mover's distance", "earth mover distance", "EMD"),
    ("automatic mixed precision", "mixed precision"),
    ("transposed convolution", "deconvolution"),
    ("label smoothing", "smoothed labels"),
    ("figure", "fig"),
)
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
SILENT = {"script", "style", "noscript", "pre", "nav", "button", "svg"}
# Neither code nor marks nor, before it was tried, what a question's answer is.
SILENT_CLASSES = {"headerlink", "cell_input", "gan-reason", "gan-explanation", "collapsed", "expanded"}
# What stands between the parts of a formula, read aloud in one line.
JOINTS = {"msup": "^", "msub": "_", "munder": "_", "msubsup": "_^", "munderover": "_^", "mfrac": "/"}
ENCLOSED = "mfrac", "msqrt"
TYPESET = re.compile(r"<mjx-math.*?</mjx-math>", re.S)
SPACES = re.compile(r"\s+")
SHARED = {"proof"}  # an id that all proofs of a page have
BLOCKS = {
    "p",
    "div",
    "li",
    "td",
    "th",
    "tr",
    "dd",
    "pre",
    "label",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "legend",
    "figure",
}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "legend"}


@dataclass
class Element:
    """An open element of a page, and where the text in it goes."""

    tag: str
    entry: dict | None = None
    begins: bool = False  # whether the entry begins here
    silent: bool = False
    place: str = "text"
    joints: list = field(default_factory=list)
    children: int = 0

    def joint(self):
        """What is written before the next child: between the parts of a fraction, a power or an index."""
        self.children += 1
        return self.joints.pop(0) if self.children > 1 and self.joints else ""

    def encloses(self, child):
        return self.tag in ENCLOSED and child == "mrow"


class Entries(HTMLParser):
    """The parts of a page that can be found: {"anchor", "title", "text"}, in the order of the page.

    A part is a section, a theorem or its like, an exercise, a figure, a term or a question. Text belongs to
    the innermost part that it stands in.
    """

    def __init__(self, html):
        super().__init__()
        self.entries, self.terms = [], []
        self._open = []
        self._term = None
        start, end = html.find("<article"), html.rfind("</article>")
        self.feed(TYPESET.sub("", html[start:end]))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        classes = {*(attributes.get("class") or "").split()}
        around = self._open[-1] if self._open else Element("article")
        self._write(around.joint() + ("√" if tag == "msqrt" else "") + ("(" if around.encloses(tag) else ""))
        if tag in VOID:
            self._write(" ")
            return
        entry = self._entry_of(tag, attributes, classes)
        titled = tag in HEADINGS or "caption-number" in classes or (tag == "dt" and entry)
        titled = titled or ("admonition-title" in classes and around.begins)
        element = Element(
            tag,
            entry or around.entry,
            begins=entry is not None,
            silent=around.silent or tag in SILENT or bool(classes & SILENT_CLASSES),
            place="title" if titled else "text" if entry else around.place,
            joints=list(JOINTS.get(tag, "")),
        )
        self._open.append(element)

    def _entry_of(self, tag, attributes, classes):
        """A new entry, where an element is a part that can be found."""
        id = attributes.get("id") or ""
        if tag == "dt" and id.startswith("term-"):
            if self._term is None:
                self._term = self._new(id)
                self.terms.append(self._term)
            else:
                self._term["title"] += " · "
            return self._term
        if tag == "dd":
            term, self._term = self._term, None
            return term
        if tag == "fieldset" and "aria-describedby" in attributes:
            return self._new(attributes["aria-describedby"])
        part = tag in ("section", "figure") or "admonition" in classes
        return self._new(id) if part and id and id not in SHARED and not id.endswith("-content") else None

    def _new(self, anchor):
        self.entries.append({"anchor": anchor, "title": "", "text": ""})
        return self.entries[-1]

    def handle_endtag(self, tag):
        if tag not in {element.tag for element in self._open}:
            return
        while (closed := self._open.pop()).tag != tag:
            pass
        if self._open and self._open[-1].encloses(tag):
            self._write(")")
        if tag in BLOCKS and not closed.begins:
            self._write(" ")

    def handle_data(self, data):
        named = self._open and self._open[-1].tag == "mi" and len(data) > 1  # "p log q", not "plog q"
        self._write(f" {data}" if named and self._last().isalnum() else data)

    def _last(self):
        around = self._open[-1]
        return around.entry[around.place][-1:] if around.entry else ""

    def _write(self, text):
        if self._open and not self._open[-1].silent and (entry := self._open[-1].entry):
            entry[self._open[-1].place] += text


def write_index(app, error):
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    pages, entries, same = [], [], [list(words) for words in SAME]
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).with_suffix("").as_posix()
        text = path.read_text(encoding="utf-8")
        if (without := SPHINX.sub("", text)) != text:
            path.write_text(without, encoding="utf-8")
        if name.startswith("_") or name in LEFT_OUT or "<article" not in text:
            continue
        found = Entries(text)
        parts = [entry for entry in found.entries if clean(entry)]
        if not parts:
            continue
        pages.append([f"{name}.html", parts[0]["title"], weight(name)])
        entries += [[len(pages) - 1, part["anchor"], part["title"], part["text"]] for part in parts]
        same += [words for term in found.terms if len(words := term["title"].split(" · ")) > 1]
    index = json.dumps({"pages": pages, "entries": entries, "same": same}, ensure_ascii=False)
    for name in UNREAD:
        (site / name).unlink(missing_ok=True)
    (site / "_static/finder").mkdir(exist_ok=True)
    shutil.copy(SCRIPT, site / "_static/finder/find.js")
    (site / INDEX).write_text(f"window.finderIndex = {index};\n", encoding="utf-8")


def clean(entry):
    """Make an entry's texts one line each; whether anything is left."""
    for place in ("title", "text"):
        text = SPACES.sub(" ", entry[place].replace("\u2061", " ")).strip()
        entry[place] = re.sub(r" ([.,;:!?)\]])", r"\1", text).removesuffix("#").strip()
    return entry["title"] or entry["text"]


def weight(name):
    return REFERENCE.get(name) or next(number for start, number in WEIGHTS.items() if name.startswith(start))


def without_sphinx_index(app):
    """The page stays, Sphinx's index and its script are not made."""
    if app.builder.format == "html":
        app.builder.search = False


def search_page(app):
    yield "search", {}, "search.html"


def setup(app):
    app.connect("builder-inited", without_sphinx_index)
    app.connect("html-collect-pages", search_page)
    app.connect("build-finished", write_index, priority=950)  # when the pages are done
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
