"""One object that reads well everywhere: HTML in Jupyter and in the book, plain text in a terminal."""

import html
import re

from IPython.display import display

# MathJax in Sphinx skips raw HTML unless an element carries one of these classes; JupyterLab ignores them.
MATH_CLASSES = "tex2jax_process mathjax_process"


class Rich:
    """Two renderings of the same content, handed to the front end as text/html and text/plain."""

    def __init__(self, html_text, plain_text):
        self.html, self.plain = html_text, plain_text

    def __repr__(self):
        return self.plain

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": self.plain}


def show(html_text, plain_text, name=None):
    """Display HTML together with an equivalent plain text, which is printed where no kernel is running.

    Under a `name` (lower-case words joined by hyphens), a page of the book can show the output again: glue of
    MyST-NB reads the metadata written here. ValueError for a malformed name.
    """
    if name is not None and not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ValueError(f"a name is made of lower-case words joined by hyphens, not {name!r}")
    metadata = {"scrapbook": {"name": name, "mime_prefix": ""}} if name else None
    display(Rich(html_text, plain_text), metadata=metadata)


def inline_math(text):
    r"""Escape `text` for HTML and turn its $...$ into \(...\), which MathJax typesets.

    A dollar sign that is meant as such is written \$.
    """
    parts = re.split(r"(?<!\\)\$(?!\s)(.+?)(?<![\s\\])\$", text)
    parts = [html.escape(part, quote=False) for part in parts]
    return "".join(f"\\({part}\\)" if k % 2 else part.replace(r"\$", "$") for k, part in enumerate(parts))
