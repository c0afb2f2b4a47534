"""What students write, as HTML that runs nothing, for feedback pages and formgrader.

nbgrader's templates show Markdown cells as they are, scripts included; nbconvert's own cleaning leaves no
paragraphs and no pictures. These two filters take the place of nbconvert's, by `c.HTMLExporter.filters`.
"""

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
STYLES = CSSSanitizer(allowed_css_properties=["text-align", "color", "font-weight", "background-color"])


def clean_html(element):
    """HTML without scripts, forms, frames and handlers, and without what a page would load by itself.

    Args:
        element: str or bytes.

    Returns: str.
    """
    text = element.decode() if isinstance(element, bytes) else str(element)
    return bleach.clean(text, TAGS, _allowed, PROTOCOLS, css_sanitizer=STYLES)


@pass_context
def markdown2html(context, source):
    """Markdown of the cell at hand as clean HTML; formulas stay for MathJax."""
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    return clean_html(MarkdownWithMath(renderer=renderer).render(source))


def _allowed(tag, name, value):
    """Whether an attribute stays: pictures come with the page, and links are no pages of their own."""
    if (tag, name) == ("img", "src"):
        return value.startswith("data:image/")
    if (tag, name) == ("a", "href"):
        return not value.startswith("data:")
    return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, ())
