"""Leaves out of the theme's style sheets the rules for what no page has, and of its icons those not shown.

A rule stays if each class in its selector stands in a page or in a script, as a word or by its beginning:
what a script may yet add is not known otherwise. The icons are letters of a font; a font with the letters
that the remaining rules name is a hundredth of the whole.
"""

import logging
import re
from itertools import pairwise
from pathlib import Path

import tinycss2
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

THEME = (
    "basic.css",
    "sphinx-design.min.css",
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "mystnb.*.css",
)
GROUPS = "media", "supports", "layer"
CLASSES = re.compile(r'\bclass="([^"]*)"')
SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.S)
WORD = re.compile(r"[\w-]+")
ICON = re.compile(r"[\ue000-\uf8ff]")  # where Unicode leaves letters to whoever makes a font
FONT = re.compile(r'url\(([^()]*/fontawesome/webfonts/[\w-]+)\.woff2\) format\("woff2"\),[^;}]*')

logging.getLogger("fontTools").setLevel(logging.WARNING)  # else it tells of each table of a font


def clear(app):
    """The sheets of the last build go, so that Sphinx does not tell of each that it writes anew."""
    for name in THEME:
        for sheet in Path(app.outdir, "_static").glob(name):
            sheet.unlink()


def shorten(app, error):
    if error is not None or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    used = Used(Path(app.outdir))
    sheets = [path for name in THEME for path in sorted(static.glob(name))]
    for sheet in sheets:
        rules = tinycss2.parse_stylesheet(sheet.read_text(encoding="utf-8"), True, True)
        text = tinycss2.serialize(kept(rules, used))
        sheet.write_text(FONT.sub(r'url(\1.woff) format("woff")', text), encoding="utf-8")
    texts = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    letters = set(map(ord, ICON.findall(texts)))
    for font in (static / "vendor/fontawesome/webfonts").glob("*.ttf"):
        write_font(font, letters)


class Used:
    """The classes that pages have or that their scripts name."""

    def __init__(self, site):
        pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
        scripts = [path.read_text(encoding="utf-8") for path in site.glob("_static/**/*.js")]
        inline = [script for page in pages for script in SCRIPT.findall(page)]
        self.words = {word for page in pages for classes in CLASSES.findall(page) for word in classes.split()}
        spoken = {word for script in {*scripts, *inline} for word in WORD.findall(script)}
        self.words |= spoken
        self.beginnings = tuple(word for word in spoken if word.endswith("-") and len(word) > 3)

    def __contains__(self, name):
        return name in self.words or name.startswith(self.beginnings)


def kept(rules, used):
    """Of the rules of a style sheet those that may apply; a list of nodes for tinycss2.serialize."""
    found = []
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [part for part in split(rule.prelude) if applies(part, used)]
            rule.prelude = join(selectors)
            if not selectors:
                continue
        elif rule.type == "at-rule" and rule.lower_at_keyword in GROUPS and rule.content:
            rule.content = kept(tinycss2.parse_blocks_contents(rule.content, True, True), used)
            if not rule.content:
                continue
        found.append(rule)
    return found


def split(prelude):
    """The selectors of a list, each a list of tokens."""
    parts = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def join(selectors):
    comma = tinycss2.parse_component_value_list(",")
    return [token for k, part in enumerate(selectors) for token in (comma if k else []) + part]


def applies(selector, used):
    """Whether the page can have what a selector asks for; what stands in parentheses is not looked at."""
    return all(name.value in used for dot, name in pairwise(selector) if dot == "." and name.type == "ident")


def write_font(source, letters):
    """A font's letters in a file of their own; the whole ones are left out of the site."""
    font = TTFont(source)
    subsetter = Subsetter(Options(layout_features=[], name_IDs=[0, 13, 14], notdef_outline=True))
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(source.with_suffix(".woff"))
    source.unlink()
    source.with_suffix(".woff2").unlink(missing_ok=True)


def setup(app):
    app.connect("builder-inited", clear)
    app.connect("build-finished", shorten, priority=900)  # when the pages are done
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
