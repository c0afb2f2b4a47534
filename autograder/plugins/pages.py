"""What students write, as HTML that runs nothing, loads nothing and stays in its place.

Feedback pages and formgrader show it in their readers' browsers. nbgrader's templates show Markdown cells as
they are, scripts included, and change addresses after nbconvert's own cleaning. So the filters of this module
take the places of all that a template may call for a cell, by `c.HTMLExporter.filters`: what comes from one
of them is `Markup` and clean, and none changes it again.
"""

import base64
import binascii
import html
import re
from copy import copy
from itertools import accumulate

import nh3
from jinja2 import pass_context
from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import strip_ansi
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.token import STANDARD_TYPES

TEXT = "abbr", "b", "br", "code", "del", "em", "i", "kbd", "s", "span", "strong", "sub", "sup", "u"
BLOCKS = "blockquote", "dd", "details", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "summary", "ul"
TABLES = "caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"
TAGS = {*TEXT, *BLOCKS, *TABLES, "a", "img", "h1", "h2", "h3", "h4", "h5", "h6"}
PICTURES = "image/png", "image/jpeg", "image/gif", "image/webp"  # none that is a document, as SVG is

MATHJAX = "https://cdnjs.cloudflare.com/ajax/libs/mathjax/"  # from where nbgrader's templates load it

# Formatting that a block leaves open is opened again in all that follow, and a page may become a thousand
# times as long as its text. Under a name that no parser knows, it ends with its block.
FORMATTING = {"a", "b", "code", "em", "i", "s", "strong", "u"}
RENAMED = "x-"

# Attributes and the whole of what they may say. No ids, and no classes but those that colour code: the page
# finds its own elements, buttons included, by them.
SPAN = re.compile(r"[1-9]\d?", re.ASCII)
PIXELS = re.compile(r"\d{1,3}|1\d{3}", re.ASCII)
ANY = re.compile(r".*", re.DOTALL)
ATTRIBUTES = {
    "*": {
        "title": ANY,
        "class": re.compile("|".join(map(re.escape, {"highlight", *filter(None, STANDARD_TYPES.values())}))),
        "style": re.compile(r"\s*text-align\s*:\s*(left|right|center|justify)\s*;?\s*"),
    },
    f"{RENAMED}a": {
        "href": re.compile(r"(https?://[^\s\\]+|mailto:[^\s\\]+|#[^\s\\]*)", re.ASCII | re.IGNORECASE),
    },
    "img": {
        "src": re.compile(rf"data:({'|'.join(PICTURES)});base64,[A-Za-z0-9+/]+={{0,2}}"),
        "alt": ANY,
        "width": PIXELS,
        "height": PIXELS,
    },
    "td": {"colspan": SPAN, "rowspan": SPAN},
    "th": {"colspan": SPAN, "rowspan": SPAN},
}
CLEANER = {
    "tags": TAGS - FORMATTING | {RENAMED + name for name in FORMATTING},
    "attributes": {tag: set(rules) for tag, rules in ATTRIBUTES.items()},
    "url_schemes": {"http", "https", "mailto", "data"},
    "link_rel": None,
}

# What makes a page cost more than it is long: a parser looks through all open elements at a tag, through all
# attributes before it at an attribute, and copies the rest of the text at an entity. A browser takes most of
# its time for what stands deep.
LONG, MARKS = 20_000, 500  # characters of Markdown; brackets in it that are read as such
LARGE, BRACKETS, COPIED = 16 << 20, 15_000, 5e10  # characters of HTML; "<" in it; characters copied
NAMED, DEEP = 20, 100  # attributes of a tag; elements, each in another
# No group here is possessive: before Python 3.11.5 one that fails may leave the search in its middle.
_SPACE = r" \t\n\f\r"
_VALUE = rf"""[{_SPACE}]*+=[{_SPACE}]*+(?:"[^"]*+"|'[^']*+'|[^{_SPACE}"'=<>`]++)"""
_ATTRIBUTE = rf"""[{_SPACE}/]*+[^{_SPACE}"'<>/=]++(?:{_VALUE})?"""
_REST = rf"(?=[{_SPACE}/>])(?:{_ATTRIBUTE}){{0,{NAMED}}}[{_SPACE}/]*+>"
_TAG = re.compile(
    rf"<(?:(?P<end>/?)(?P<name>{'|'.join(TAGS)})(?P<rest>{_REST})"
    rf"|(?P<unseen>!--(?:-?>|.*?(?:--!?>|\Z))|style{_REST}[^<]*+</style>))?",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_STEP = re.compile(r"<(/?)(?!(?:br|hr|img)\b)")  # of clean HTML, into an element or out of it
_RENAMED = re.compile(f"(</?){RENAMED}")

# Nothing that a student makes is painted outside of the cell, or makes the page endless.
BOX = '<div style="contain: paint; overflow: auto; max-height: 10000px">{}</div>'

# Macros by which a formula has a link, a style, an id, a class or code of its own, or other names for these.
MACROS = (
    "bbox|class|cssId|csname|data|def|gdef|edef|xdef|futurelet|href|html\\w*|includegraphics|let|mathtip|"
    "mmlToken|require|setOptions|style|texttip|toggle|tooltip|unicode|url"
)
_CODE = re.compile("(<pre.*?</pre>|<code.*?</code>)", re.DOTALL)  # where no formula is looked for
_MACRO = re.compile(rf"\\(?=(?:{MACROS})(?![A-Za-z]))")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def clean_html(element):
    """HTML without scripts, forms, frames and handlers, and without what a page would load by itself.

    Links lead to web pages, mail addresses or places of the page. What else a link or a picture names is gone
    and its text stays: files that were handed in are no part of a page.

    Args:
        element: str or bytes; Markup is clean already.

    Returns: Markup; the text itself, to be read as such, where a page of it would take minutes or memory.
    """
    if isinstance(element, Markup):
        return element
    text = _text(element.decode("utf-8", "replace") if isinstance(element, bytes) else element)
    shown = _cleaned(text)
    return _as_text(text) if shown is None else shown


@pass_context
def markdown2html(context, source):
    """Markdown of the cell at hand as clean HTML in its box; formulas stay for MathJax."""
    return from_markdown(source, context.get("cell", {}).get("attachments"))


def from_markdown(source, attachments=None):
    """The same, of any Markdown.

    What is longer than an essay, or would make a page that cannot be shown, is shown as it was written.

    Args:
        source: str; Markup is in its box already.
        attachments: of the cell, or None.
    """
    if isinstance(source, Markup):
        return source
    try:
        text = _text(source)
        begin, rest = _slow_marks_escaped(text[:LONG]), text[LONG:]
        parts = (attachments or {}).values()
        size = max((len(str(data)) for kinds in parts for data in kinds.values()), default=0)
        if begin.count("attachment:") * size > LARGE:
            return verbatim(text)
        renderer = _Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
        shown = _cleaned(MarkdownWithMath(renderer=renderer).render(begin))
        if shown is None:
            return verbatim(text)
        return boxed(shown + (_as_text(rest) if rest else ""))
    except Exception:  # whatever a text does to a parser, it is no reason for there to be no page
        return verbatim(source)


def highlight_code(source, language=None, metadata=None):
    """Python code in colours; what the notebook says of its language is the student's, too."""
    if len(source) > LONG:
        return verbatim(source)
    try:
        return boxed(Markup(_highlight(_text(source))))
    except Exception:
        return verbatim(source)


_highlight = Highlight2HTML(pygments_lexer="ipython3")


def verbatim(text):
    """The characters of a text, in a box."""
    return boxed(_as_text(_text(strip_ansi(str(text)))))


def boxed(shown):
    """Clean HTML in a box that it does not leave."""
    return Markup(BOX).format(shown)


def from_output(output):
    """What a cell has put out, clean and in its box.

    Args:
        output: dict as a notebook has it.

    Returns: Markup.
    """
    kind, data = output.get("output_type"), output.get("data", {})
    if kind == "stream":
        return verbatim(output.get("text", ""))
    if kind == "error":
        return verbatim("\n".join(map(str, output.get("traceback", []))))
    try:
        if "text/html" in data:
            return boxed(clean_html(data["text/html"]))
        if "text/markdown" in data:
            return from_markdown(data["text/markdown"])
        if "text/latex" in data:
            return boxed(clean_html(html.escape(data["text/latex"])))
        for mime in PICTURES:
            if source := _picture(mime, data.get(mime)):
                alt = escape(data.get("text/plain", "")[:200])
                return boxed(clean_html(f'<img src="{source}" alt="{alt}">'))
    except Exception:
        return verbatim(data.get("text/plain", data))
    return verbatim(data.get("text/plain", f"[not shown: {', '.join(map(str, data))}]"))


def presentable(notebook):
    """A notebook with nothing in it that a template shows as it is.

    Names, tags, sizes and counters stand in attributes of the page, some of them without quotes, and all may
    be the student's.

    Args:
        notebook: NotebookNode.

    Returns: NotebookNode.
    """
    shown = NotebookNode(nbformat=4, nbformat_minor=4, metadata=NotebookNode(), cells=[])
    for cell in notebook.cells:
        source = cell.source if isinstance(cell.source, Markup) else _text(cell.source)
        known = NotebookNode(cell_type=cell.cell_type, source=source, metadata=_marks(cell))
        if cell.cell_type == "code":
            known.execution_count = _count(cell)
            known.outputs = [_shown(output) for output in cell.get("outputs", [])]
        elif cell.cell_type == "markdown":
            known.attachments = cell.get("attachments", {})
        else:
            known.cell_type, known.source = "raw", verbatim(source)
        shown.cells.append(known)
    return shown


class StudentPages(HTMLExporter):
    """Pages of students' notebooks. What is about them, not on them, stands in their heads (`head`)."""

    # The address of a page is nobody else's business, and a picture is no wider than its box.
    head = """<meta name="referrer" content="same-origin">
<style>.rendered_html img { max-width: 100%; }</style>
"""

    def from_notebook_node(self, nb, resources=None, **settings):
        nb = copy(nb)
        nb.metadata = NotebookNode()
        page, resources = super().from_notebook_node(nb, resources, **settings)
        start, tag, rest = page.partition("<head>")
        if not tag:
            raise ValueError("the template makes a page without <head>, and nothing can be put there")
        # The CDN's `latest.js` asks another server for the newest MathJax, and then loads this.
        return start + tag + self.head + rest.replace("/latest.js?", "/MathJax.js?", 1), resources

    def _validate_preprocessor(self, nb, preprocessor):
        """A page is made of what can be shown, whatever else is in the file."""

    def _preprocess(self, nb, resources):
        nb, resources = super()._preprocess(nb, resources)
        return presentable(nb), resources


class _Renderer(IPythonRenderer):
    """Shows the alternative text of a picture that cannot be shown."""

    def image(self, text, url, title=None):
        if name := re.fullmatch("attachment:(.*)", url, re.DOTALL):
            kinds = (self.attachments or {}).get(name[1], {})
            url = next(filter(None, (_picture(mime, kinds.get(mime)) for mime in PICTURES)), "")
        if not ATTRIBUTES["img"]["src"].fullmatch(url):
            return html.escape(text)
        return super().image(text, url, title)


def _cleaned(text):
    """Clean HTML, or None where a page of it would cost much more than its length suggests."""
    marks = text.count("<")
    if len(text) > LARGE or marks > BRACKETS or (marks + text.count("&")) * len(text) > COPIED:
        return None
    page = nh3.clean(_TAG.sub(_known, text), attribute_filter=_allowed, **CLEANER)
    if max(accumulate(-1 if end else 1 for end in _STEP.findall(page)), default=0) > DEEP:
        return None
    parts = _CODE.split(_RENAMED.sub(r"\1", page))
    # A word joiner after the backslash looks the same, and makes it no macro.
    parts[::2] = (_MACRO.sub("\\\\\u2060", part) for part in parts[::2])
    return Markup("".join(parts))


def _known(found):
    """What the cleaner reads in the place of a "<", or of the tag that it begins.

    What is no tag of `TAGS`, or not plainly one, is text: what looks like a tag in an essay is not lost, and
    no parser is led to anything but such tags and text. Comments and styles go.
    """
    if found["name"]:
        prefix = RENAMED if found["name"].lower() in FORMATTING else ""
        return f"<{found['end']}{prefix}{found['name']}{found['rest']}"
    return "" if found["unseen"] else "&lt;"


def _allowed(tag, name, value):
    """An attribute's value, or None where it does not stay."""
    rule = ATTRIBUTES.get(tag, {}).get(name) or ATTRIBUTES["*"].get(name)
    return value if rule and rule.fullmatch(value) else None


def _text(value):
    """A text that every encoder takes: no halves of characters, nothing that only terminals know."""
    text = str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _as_text(text):
    """HTML that shows a text as it was written."""
    return Markup(f"<pre>{html.escape(text, quote=False)}</pre>")


def _slow_marks_escaped(text):
    """Markdown that looks the same and whose brackets and environments mean nothing, where it has many."""
    for mark, escaped in (("[", "&#91;"), ("\\begin", "&#92;begin")):
        if text.count(mark) > MARKS:
            text = text.replace(mark, escaped)
    return text


def _picture(mime, data):
    """The address of a picture that lies in a notebook, or None."""
    try:
        return f"data:{mime};base64,{base64.b64encode(base64.b64decode(data)).decode()}"
    except (binascii.Error, TypeError, ValueError):
        return None


def _marks(cell):
    """The metadata that a page goes by: nbgrader's, with a name that can stand in the page."""
    marks = cell.metadata.get("nbgrader")
    if not isinstance(marks, dict) or not re.fullmatch(r"[\w-]+", str(marks.get("grade_id"))):
        return NotebookNode()
    known = NotebookNode(grade_id=marks["grade_id"], comment=marks.get("comment"))
    for name in ("grade", "solution", "task", "locked"):
        known[name] = marks.get(name) is True
    for name in ("score", "points"):
        number = marks.get(name)
        known[name] = number if isinstance(number, (int, float)) else 0.0
    return NotebookNode(nbgrader=known)


def _count(cell):
    count = cell.get("execution_count")
    return count if isinstance(count, int) else None


def _shown(output):
    kind = "execute_result" if output.get("output_type") == "execute_result" else "display_data"
    return NotebookNode(
        output_type=kind,
        data=NotebookNode({"text/html": from_output(output)}),
        metadata=NotebookNode(),
        **({"execution_count": None} if kind == "execute_result" else {}),
    )
