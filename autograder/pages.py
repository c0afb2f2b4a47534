"""What students write, as HTML that runs nothing, for feedback pages and formgrader.

nbgrader's templates show Markdown cells as they are, scripts included; nbconvert's own cleaning leaves no
paragraphs and no pictures. These two filters take the place of nbconvert's, by `c.HTMLExporter.filters`.
"""

import html
import re

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

TEXT = "abbr", "b", "br", "code", "del", "em", "i", "kbd", "s", "span", "strong", "sub", "sup", "u"
BLOCKS = "blockquote", "dd", "details", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "summary", "ul"
TABLES = "caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"
TAGS = {*TEXT, *BLOCKS, *TABLES, "a", "img", "h1", "h2", "h3", "h4", "h5", "h6"}
PROTOCOLS = {"http", "https", "mailto", "data"}
ATTRIBUTES = {
    "*": ["class", "style", "title"],  # no ids: the page finds its own elements by them
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan"],
}
# What makes a page cost more than it is long: after each block a parser opens the formatting elements again
# that the block left open; at a tag it looks through all open elements, at an attribute through all others.
LONG, MARKS = 20_000, 500  # characters of Markdown; brackets in it that are read as such
LARGE, BRACKETS, ENTITIES = 16 << 20, 15_000, 25_000  # characters of HTML, "<" in it, "&" in it
REOPENED, NESTED, COMPARED = 400_000, 10_000_000, 4_000_000  # see `_is_light`
FORMATTING = {"a", "b", "code", "em", "i", "s", "strong", "u"}  # elements that are opened again
EMPTY, SCOPES = {"br", "hr", "img"}, {"caption", "table", "td", "th"}
RAW = {"iframe", "math", "noembed", "noframes", "noscript", "plaintext", "script", "select", "style", "svg"}
RAW |= {"template", "textarea", "title", "xmp"}  # in which what looks like a tag may be text
_SPACE = r"[ \t\n\f\r]"
_VALUE = rf"""{_SPACE}*+={_SPACE}*+(?:"[^"]*+"|'[^']*+'|[^ \t\n\f\r"'=<>`]++)"""
_ATTRIBUTE = rf"""{_SPACE}++[^ \t\n\f\r"'<>/=]++(?:{_VALUE})?+"""
_TAG = re.compile(rf"""<(/?)([a-zA-Z][^ \t\n\f\r"'<>/=]*+)((?:{_ATTRIBUTE})*+){_SPACE}*+/?>|<""")
STYLES = CSSSanitizer(allowed_css_properties=["text-align", "color", "font-weight", "background-color"])


def clean_html(element):
    """HTML without scripts, forms, frames and handlers, and without what a page would load by itself.

    Args:
        element: str or bytes.

    Returns: str; the text itself, to be read as such, where it would take minutes or memory to make a page.
    """
    text = element.decode() if isinstance(element, bytes) else str(element)
    return _cleaned(text) if _is_light(text) else _as_text(text)


@pass_context
def markdown2html(context, source):
    """Markdown of the cell at hand as clean HTML; formulas stay for MathJax.

    What is longer than an essay, or would make a page that cannot be shown, is shown as it was written.
    """
    attachments = context.get("cell", {}).get("attachments", {})
    begin, rest = _slow_marks_escaped(source[:LONG]), source[LONG:]
    size = max((len(str(data)) for parts in attachments.values() for data in parts.values()), default=0)
    if begin.count("attachment:") * size > LARGE:
        return _as_text(source)
    renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    page = MarkdownWithMath(renderer=renderer).render(begin)
    if not _is_light(page):
        return _as_text(source)
    return _cleaned(page) + (_as_text(rest) if rest else "")


def _cleaned(text):
    return bleach.clean(text, TAGS, _allowed, PROTOCOLS, css_sanitizer=STYLES)


def _as_text(text):
    """HTML that shows a text as it was written; of highlighted code, the code."""
    if re.match(r'\s*<div class=" ?highlight', text) and "<!" not in text:
        text = html.unescape(_TAG.sub("", text))
    return f"<pre>{html.escape(text, quote=False)}</pre>"


def _slow_marks_escaped(text):
    """Markdown that looks the same and whose brackets and environments mean nothing, where it has many."""
    for mark, escaped in (("[", "&#91;"), ("\\begin", "&#92;begin")):
        if text.count(mark) > MARKS:
            text = text.replace(mark, escaped)
    return text


def _is_light(text):
    """Whether cleaning HTML takes about as much as its length suggests. The estimate never is too low:
    an end tag ends what it can end in every parser, or nothing.
    """
    if len(text) > LARGE or text.count("<") > BRACKETS or text.count("&") > ENTITIES:
        return False
    opened, left, inside = [], 0, 0  # names and lengths of what is open; lengths of formatting to open again
    reopened = nested = compared = 0
    sure = True  # whether what looks like an end tag is one
    for tag in _TAG.finditer(text):
        closing, name, rest = tag.groups()
        if name is None:  # a parser may see a tag here that ends anywhere
            sure, rest = False, text[tag.start() : tag.start() + LONG]
        compared += len(re.findall(r"[^\s/>]+", rest)) ** 2
        name = (name or "").lower()
        length = len(tag[0]) if name in FORMATTING else 0
        sure = sure and name not in RAW
        if not closing:
            reopened += left + inside
            if name not in EMPTY:
                opened.append((name, length))
                inside += length
        else:
            for place in range(len(opened) - 1, -1, -1) if sure else ():
                if opened[place][0] == name:
                    unclosed = sum(length for _, length in opened[place + 1 :])
                    left, inside = left + unclosed, inside - unclosed - opened[place][1]
                    del opened[place:]
                    break
                if opened[place][0] in SCOPES:
                    break
            reopened += left + inside
        nested += len(opened)
        if reopened > REOPENED or nested > NESTED or compared > COMPARED:
            return False
    return True


def _allowed(tag, name, value):
    """Whether an attribute stays: pictures come with the page, and links are no pages of their own."""
    if (tag, name) == ("img", "src"):
        return value.startswith("data:image/")
    if (tag, name) == ("a", "href"):
        return not value.startswith("data:")
    return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, ())
