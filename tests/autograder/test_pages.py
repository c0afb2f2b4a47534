"""What students write comes to the browser of whoever grades: nothing of it may run there."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config, PyFileConfigLoader

from autograder import sync
from autograder.pages import clean_html

CONFIG = sync.SOURCE.parent / "nbgrader_config.py"


def page(*cells):
    """A page made with the course's settings, in nbgrader's template of graded notebooks."""
    config = Config(PyFileConfigLoader(CONFIG.name, str(CONFIG.parent)).load_config())
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {"base_url": "", "index": 0, "total": 1}
    return HTMLExporter(config=config).from_notebook_node(new_notebook(cells=list(cells)), resources)[0]


@pytest.mark.parametrize(
    "attack",
    [
        "<script>steal()</script>",
        "<img src=x onerror='steal()'>",
        "<svg onload='steal()'></svg>",
        "[link](javascript:steal())",
        "<a href='data:text/html,<script>steal()</script>'>link</a>",
        "<iframe srcdoc='<script>steal()</script>'></iframe>",
        "![a](attachment:a.png)",
        "<div style='background-image: url(https://steal)' id='steal'>a</div>",
        "![a](https://steal/a.png)",
        "<form action='https://steal'><input name='steal'></form>",
        "$<script>steal()</script>$",
    ],
)
def test_nothing_of_a_markdown_cell_runs_or_loads(attack):
    attachments = {"a.png": {'image/png" onerror="steal()': 'x" onerror="steal()'}}
    shown = elements(page(new_markdown_cell(f"Text. {attack}", attachments=attachments)))
    for tag, name, value in shown - elements(page(new_markdown_cell("Text."))):
        assert tag in {"p", "a", "img", "div", "em"}, attack
        assert name in {"", "href", "src", "alt", "class", "style"}, attack
        assert not re.match(r"\s*(javascript|data:text|https?:)", value) and "url(" not in value, attack


def elements(html):
    """Counts of the tags, and of their attributes, as a browser finds them: (tag, name, value)."""
    found = Counter()

    class Elements(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.update([(tag, "", ""), *((tag, name, value or "") for name, value in attributes)])

    Elements().feed(html)
    return found


def test_what_is_harmless_stays():
    text = "# T\n\nA **b** $a < b$ and\n\n| x |\n|---:|\n| 1 |\n\n$$\\frac{1}{2}$$\n\n1. [link](https://example.org)"
    shown = page(new_markdown_cell(text))
    shown = shown.replace("text-align: right", "text-align:right")
    for part in ("<h1>T", "<strong>b</strong>", "$a &lt; b$", "text-align:right", "\\frac{1}{2}", "<li>"):
        assert part in shown, part
    assert '<a href="https://example.org">link</a>' in shown


def test_pictures_and_tables_of_outputs_stay_and_scripts_do_not():
    html = "<table><tr><th>a</th></tr></table><script>steal()</script>"
    output = new_output("display_data", {"text/html": html, "text/plain": "a"})
    shown = page(new_code_cell("show()", outputs=[output]))
    assert "<th>a</th>" in shown and "steal()" not in shown.replace(
        "&lt;script&gt;steal()&lt;/script&gt;", ""
    )


def test_clean_html_takes_bytes():
    assert clean_html(b"<p onclick='x'>a</p>") == "<p>a</p>"
