"""A small table of numbers, which a page of the book can show again."""

from gan_lib.display.page import attribute
from gan_lib.rich import MATH_CLASSES, inline_math, show


def table(header, rows, caption, name=None):
    """Show a table whose first column names its rows; where the page is narrower it is scrolled sideways.

    Args:
        header: texts above the columns; mathematics between dollar signs, here and below.
        rows: lists of texts, each as long as the header.
        caption: what the table shows, one line.
        name: under which a page of the book can show it again with {glue:figure}.

    Raises: ValueError for a row of another length, no rows, an empty caption or a malformed name.
    """
    lengths = {len(row) for row in rows}
    if lengths != {len(header)}:
        raise ValueError(f"each row must have {len(header)} entries as the header, found {sorted(lengths)}")
    if not caption.strip():
        raise ValueError("the caption must say what the table shows")
    head = "".join(
        f'<th scope="col" style="{_align(k)}">{inline_math(text)}</th>' for k, text in enumerate(header)
    )
    body = "".join(f"<tr>{''.join(_cell(k, text) for k, text in enumerate(row))}</tr>" for row in rows)
    html = (
        f'<div class="{MATH_CLASSES}" role="region" tabindex="0" aria-label="{attribute(caption)}" '
        f'style="overflow-x:auto"><table class="table" style="width:auto;font-size:.9em;margin:0 auto">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in (header, *rows)]
    show(html, "\n".join([caption, *lines]), name)


def _cell(column, text):
    tag = 'th scope="row"' if column == 0 else "td"
    return f'<{tag} style="{_align(column)}">{inline_math(text)}</{tag.split()[0]}>'


def _align(column):
    return f"text-align:{'right' if column else 'left'};vertical-align:bottom"
