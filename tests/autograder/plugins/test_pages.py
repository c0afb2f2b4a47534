"""What students write comes to the browser of whoever grades: nothing of it may run there."""

import base64
import copy
import gc
import itertools
import multiprocessing
import re
import resource
import time
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config, PyFileConfigLoader

from autograder.plugins import pages
from autograder.plugins.pages import LONG, StudentPages, clean_html, markdown2html

CONFIG = Path(pages.__file__).parents[1] / "nbgrader_config.py"


PNG = base64.b64encode(b"\x89PNG...").decode()


def page(*cells, exporter=HTMLExporter, template="formgrade"):
    """A page made with the course's settings, in one of nbgrader's templates."""
    config = Config(PyFileConfigLoader(CONFIG.name, str(CONFIG.parent)).load_config())
    config.HTMLExporter.template_name = template
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    config.HTMLExporter.extra_template_paths = [f"{handlers.static_path}/node_modules/bootstrap/dist/css"]
    resources = {
        "base_url": "",
        "index": 0,
        "total": 1,
        "nbgrader": {"score": 1, "max_score": 2, "late_penalty": 0},
    }
    notebook = from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)})
    return exporter(config=config).from_notebook_node(notebook, resources)[0]


@pytest.mark.parametrize(
    "attack",
    [
        "<script>steal()</script>",
        "<img src=x onerror='steal()'>",
        "<svg onload='steal()'></svg>",
        "[link](javascript:steal())",
        "[link](files/javascript:steal())",
        "[link](/files/files/javascript:steal())",
        "[link](figure.html)",
        "[link](//steal/a.html)",
        "<b class='full-credit' id='toc'>link</b>",
        "<b style='position: fixed; inset: 0'>link</b>",
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
    for tag, name, _ in shown - elements(page(new_markdown_cell("Text."))):
        assert tag in {"p", "a", "b", "img", "div", "em"}, attack
        assert name in {"", "alt"}, attack


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


# All that a cell may have of HTML.
ELEMENTS = re.findall(
    r"\w+",
    """a abbr b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p
    pre s span strong sub summary sup table tbody td tfoot th thead tr u ul""",
)
VALUES = {
    "title": ".*",
    "alt": ".*",
    "class": "highlight|[a-z][a-z0-9]?",
    "style": "text-align: ?left",
    "href": "(https://|#).*",
    "src": "data:image/png;base64,.*",
    "colspan": "[1-9]",
}
FOREIGN = re.findall(
    r"\w+",
    """body button font foreignobject form iframe input listing math mglyph mi mtext noembed noscript option
    plaintext script select style svg template textarea title xmp""",
)
PIECES = st.one_of(
    st.sampled_from(
        ["<", "</", "/", ">", "<!--", "-->", "--!>", "<![CDATA[", "<!x", "<?", "'", '"', "`", "=", " "]
    ),
    st.sampled_from(
        ["a", "\0", "\t", "\xa0", "\ud800", "\u017f", "&lt;", "&#x3c;", "&quot;", "&#0;", "\\href{a}"]
    ),
    st.builds(
        "<{}{}{}{}{}".format,
        st.sampled_from(["", "", "/", "x-"]),
        st.sampled_from([*ELEMENTS, *FOREIGN, "x-b", "\u017fpan", "\u212abd"]),
        st.sampled_from(["", "", " ", "/", "\xa0", "\n"]),
        st.builds(
            "{}={}{}{}".format,
            st.sampled_from([*VALUES, "onclick", "ONERROR", "id", "name", "srcset", "<b"]),
            st.sampled_from(["'", '"', "", "`"]),
            st.sampled_from(
                ["a", "#a", "https://a", "javascript:a", "'><svg>", '"><svg>', "--><svg>", "&quot;"]
            ),
            st.sampled_from(["'", '"', "", "' ", '" ']),
        ),
        st.sampled_from(["", ">", ">", "/>"]),
    ),
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_the_text_its_page_has_nothing_else(text):
    """For a parser that takes each tag as it is, and for one that reads HTML as browsers do."""
    shown = clean_html(text)
    names = {"*": {*VALUES, "onclick", "onerror", "id", "name", "srcset"}}
    everything = {
        "tags": {*ELEMENTS, *FOREIGN},
        "attributes": names,
        "clean_content_tags": set(),
        "link_rel": None,
    }
    read = nh3.clean(shown, strip_comments=False, **everything)
    for tag, name, value in elements(shown) + elements(read):
        assert tag in ELEMENTS
        assert not name or re.fullmatch(VALUES[name], value, re.DOTALL)
    assert "<!" not in shown + read


@pytest.mark.parametrize(
    "text",
    [
        "a <b x= > b",
        "if x<y and z>w,",
        "a List<int> of <T>,",
        "a <style> of",
        "a <script> of",
        "<q>a</q> and",
        "<x-b>a</x-b> b",
    ],
)
def test_what_only_looks_like_a_tag_is_not_lost(text):
    assert f"<p>{text.replace('<', '&lt;').replace('>', '&gt;')}</p>" in pages.from_markdown(text)


def test_the_styles_of_a_table_are_no_text():
    style = "<style type='text/css'>\n#T_1 > .row0 { vertical-align: top; }\n</style>"
    assert clean_html(f"{style}<table><tr><td>1") == "<table><tbody><tr><td>1</td></tr></tbody></table>"


def test_comments_go_and_nothing_beside_them():
    assert clean_html("a<!-- b <i> -->c<!-->d<!--->e<!-- --!>f<b title='<!--'>g</b>") == (
        'acdef<b title="&lt;!--">g</b>'
    )


def test_formatting_that_is_left_open_ends_with_its_block():
    assert clean_html("<p><b>a<p>b</b>") == "<p><b>a</b></p><p>b</p>"
    assert clean_html("<b><p>a<p>b</b>") == "<b><p>a</p><p>b</p></b>"


def test_clean_html_takes_bytes():
    assert clean_html(b"<p onclick='x'>a</p>") == "<p>a</p>"


def test_what_is_clean_is_not_changed_again():
    once = clean_html("<p>a &lt;b&gt;</p>")
    assert clean_html(once) is once and pages.from_markdown(once) is once


@pytest.mark.parametrize(
    ("name", "attachments", "shown"),
    [
        ("a.png", {"a.png": {"image/png": PNG}}, f'src="data:image/png;base64,{PNG}"'),
        (
            "a.png",
            {"a.png": {"image/svg+xml": PNG, "image/jpeg": PNG}},
            f'src="data:image/jpeg;base64,{PNG}"',
        ),
        ("a.png", {}, "<p>its text</p>"),
        ("a.png", None, "<p>its text</p>"),
        ("a.svg", {"a.svg": {"image/svg+xml": PNG}}, "<p>its text</p>"),
        ("a.png", {"a.png": {"image/png": 1}}, "<p>its text</p>"),
        ("a.png", {"a.png": "no kinds"}, "<pre>"),
    ],
)
def test_an_attachment_is_a_picture_or_its_text(name, attachments, shown):
    assert shown in pages.from_markdown(f"![its text](attachment:{name})", attachments)


@pytest.mark.parametrize(
    "text", ["\ud800", "a\ud83d", "\x00\x1b", "<b" * 5000, "<div>" * 400, "> " * 1000, "[" * 2000]
)
def test_a_text_that_no_parser_takes_is_shown_all_the_same(text):
    for shown in (pages.from_markdown(text), pages.highlight_code(text), pages.verbatim(text)):
        assert shown.encode()
    output = {"output_type": "display_data", "data": {"text/html": text, "text/plain": "a"}}
    assert pages.from_output(output).encode()


def test_a_parser_that_fails_leaves_the_characters(monkeypatch):
    monkeypatch.setattr(pages, "MarkdownWithMath", None)
    assert "<pre>a &lt;b&gt;</pre>" in pages.from_markdown("a <b>")


def test_halves_of_characters_become_whole_where_both_are_there():
    assert "<pre>\U0001f600 \ufffd</pre>" in pages.verbatim("\ud83d\ude00 \ud83d")


def test_a_long_essay_is_shown_to_its_end():
    shown = pages.from_markdown("A **word** more. " * 3000)
    assert "<strong>word</strong>" in shown and shown.endswith("word** more. </pre></div>")
    assert "d" * 30_000 in pages.highlight_code("d" * 30_000)


def test_links_of_the_three_kinds_stay():
    for to in ("https://example.org/a?b=c#d", "http://example.org", "mailto:a@example.org", "#q1"):
        assert f'href="{to}"' in pages.from_markdown(f"[a]({to})")
        assert f'href="{to}"' in clean_html(f'<a href="{to}">a</a>')
    for to in (
        "http\u017f://example.org",
        "ma\u0131lto:a",
        "https:/a",
        "//example.org",
    ):  # read as a file here
        assert "href" not in pages.from_markdown(f"[a]({to})") + clean_html(f'<a href="{to}">a</a>')


def test_code_in_an_essay_keeps_its_colours():
    assert '<span class="k">def</span>' in pages.from_markdown("```python\ndef f(): pass\n```")
    assert '<span class="k">def</span>' in pages.highlight_code("def f(): pass")


def test_macros_with_attributes_are_none_and_code_stays():
    shown = pages.from_markdown(r"$\href{https://a}{b}$ $\hrefs$ $\frac12$ `\href` <b>$\style{a}{b}$</b>")
    assert r"\href{" not in shown and r"\style{" not in shown and "https://a" in shown
    assert r"$\hrefs$ $\frac12$ <code>\href</code>" in shown
    hidden = [
        "<p title='<pre>'>$\\href{a}{b}$</p><pre></pre>",
        "$\\hr<!-- -->ef{a}{b}$",
        "$\\hr</b>ef{a}{b}$",
    ]
    assert not any("\\href{" in clean_html(text) for text in hidden)


def graded(**marks):
    known = {"grade": True, "solution": True, "task": False, "grade_id": "q", "points": 2, "score": 1}
    return new_markdown_cell("Text.", metadata={"nbgrader": known | marks, "tags": ["modal show"]})


def test_marks_of_a_cell_stand_in_a_page_only_as_they_may():
    shown = page(graded(), exporter=StudentPages, template="feedback")
    assert 'name="q"' in shown and "Score: 1.0 / 2.0" in shown and "modal show" not in shown
    for forged in (
        {"grade_id": '"><b id="x">'},
        {"score": "<b id='x'>"},
        {"points": [1]},
        {"grade": "<b id='x'>"},
    ):
        shown = page(graded(**forged), exporter=StudentPages, template="feedback")
        assert "<b id=" not in shown and "Text." in shown


def test_sizes_and_counters_of_outputs_are_not_shown_as_they_are():
    data = {"image/png": PNG, "text/plain": "a"}
    output = new_output("execute_result", data, metadata={"image/png": {"width": 1}}, execution_count=1)
    cell = new_code_cell("show()", outputs=[output], execution_count=1)
    plain = elements(page(copy.deepcopy(cell), exporter=StudentPages))
    output.metadata["image/png"] = {"width": "1 onerror=steal()", "alt": '"><b>'}
    cell.execution_count = output.execution_count = "<b id='x'>"
    cell.id = '"><b id="x">'
    assert elements(page(cell, exporter=StudentPages)) == plain
    assert ("img", "src", f"data:image/png;base64,{PNG}") in plain


MANY = ["".join(letters) for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=2)]
BOLD = "".join(f"<b {name}>" for name in MANY)
CLOSED, AGAIN = "</b>" * 676, "<p>x" * 3000
HEAVY = {  # HTML; each is cut to LONG characters below, or repeated until it has them
    "formatting left open in a block": f"<p>{BOLD}{AGAIN}",
    "formatting left open in an item": f"<li>{BOLD}{AGAIN}",
    "ends that are in a comment": f"<p>{BOLD}<!--{CLOSED}-->{AGAIN}",
    "ends that are in a value": f'<p>{BOLD}<p title="{CLOSED}">{AGAIN}',
    "ends that are in half a value": f"<p>{BOLD}<p title='>{CLOSED}<p x='>{AGAIN}",
    "ends that are text": f"<p>{BOLD}<textarea>{CLOSED}</textarea>{AGAIN}",
    "ends that are out of reach": f"<p>{BOLD}<table><td>{CLOSED}</table>{AGAIN}",
    "a tag that another space ends": f'<p\xa0a="><p>{BOLD}">{AGAIN}',
    "a tag that another letter begins": f"<\u017fpan title='><p>{BOLD}'>{AGAIN}",
    "a value that no quote begins": f"<p x=`b='><p>{BOLD}'>{AGAIN}",
    "a value that a comment ends": f"<!-- <p title='--><p>{BOLD}'>{AGAIN}",
    "a value that a style ends": f"<style><p title='</style><p>{BOLD}'>{AGAIN}",
    "formatting around formatting": f"{BOLD}{BOLD.replace('b', 'i')}{'x</b>' * 3000}",
    "a long attribute, opened again": f"<p><b title={'x' * 9000}>{AGAIN}",
    "wrong order": "<b><i><u><p></b></i></u>",
    "blocks in formatting": "<b><b><b><div><div><div></b></b></b>",
    "links in links": "<a href=x><p>",
    "deep": "<div>",
    "lists": "<ul><li>",
    "tables": "<table><tr><td>",
    "tables and what is none": "<table><b>",
    "rows": "<table>" + "<tr><td>1" * 2300,
    "attributes": f"<p {' '.join(f'a{number}' for number in range(4000))}>",
    "attributes without spaces": "<p " + "".join(f"a{number}=''" for number in range(80_000)) + ">",
    "nested details": "<details><summary>",
    "styles": "<p style='color:red'>",
    "brackets in a style": f"<p style='{'(' * 19_000}'>",
    "entities": "&amp;",
    "no entities": "&",
    "no tags": "<",
    "comments": "<!--",
    "nulls": "\0",
}
HEAVY_MARKDOWN = {
    "quotes": "> ", "quotes in lists": "- > ", "lists": "".join(" " * (2 * n) + "- a\n" for n in range(140)),
    "stars": "**a*", "links": "[a](", "brackets": "[", "formulas": "\\\\[", "environments": "\\begin{a}",
    "references": "[a]: http://" + "y" * 9000 + "\n\n" + "[a]" * 3000, "tables": "a|b\n-|-\n",
    "pictures": "![a](attachment:a.png)", "code": "```\n",
    "formatting": "<b>" * 3000 + "\n\n" + "a\n\n" * 3000,
}  # fmt: skip


def measured(make, text, pipe):
    gc.disable()  # going through all that the tests have left behind would be most of it
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
    made = make(text)
    spent = time.process_time() - begin
    pipe.send((spent, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10, len(made)))


def essay(text):
    return markdown2html({"cell": {"attachments": {"a.png": {"image/png": "A" * 300_000}}}}, text)


@pytest.mark.parametrize("times", [1, 20])
@pytest.mark.parametrize(
    "make, text",
    [(clean_html, text) for text in HEAVY.values()]
    + [(essay, text) for text in [*HEAVY_MARKDOWN.values(), *HEAVY.values()]],
    ids=[*HEAVY, *(f"essay: {name}" for name in [*HEAVY_MARKDOWN, *HEAVY])],
)
def test_no_text_takes_long_or_much_memory(make, text, times):
    """Seconds of the processor, and MiB: of the length that feedback shows, and of what formgrader gets."""
    long = (text * (1 + LONG * times // len(text)))[: LONG * times]
    seconds, memory, length = costs(make, long)
    assert seconds < 6 and memory < 200, (seconds, memory)
    assert length < 20 << 20


def costs(make, text):
    """What `measured` tells of a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=measured, args=(make, text, theirs))
    process.start(), theirs.close()
    told = ours.recv()
    process.join()
    return told


LARGE = {  # made when asked for: together they are 100 MB
    "many entities": lambda: ("x" * 600 + "&") * 25_000,
    "entities": lambda: ("x" * 75 + "&") * 25_000,
    "entities in a value": lambda: "<p title='" + ("x" * 75 + "&") * 25_000 + "'>",
    "ends": lambda: ("x" * 200 + "</i>") * 14_000,
    "comments": lambda: ("x" * 200 + "<!---->") * 14_000,
    "begins of comments": lambda: ("x" * 200 + "<!--") * 14_000,
    "quotes": lambda: ("<p a='" + "x" * 100 + '<b c="' + "x" * 100) * 7_000,
    "styles": lambda: ("<style>" + "x" * 200) * 14_000,
    "spaces": lambda: "<p" + " " * 15_000_000,
    "attributes": lambda: "<p " + "".join(f"a{number}=''" for number in range(500_000)) + ">",
    "a picture": lambda: "<img src='data:image/png;base64," + "A" * 15_000_000 + "'>",
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_no_large_output_takes_long(make):
    text = make()
    seconds, memory, length = costs(clean_html, text)
    assert seconds < 6 and memory < 500 and length < 2 * len(text), (seconds, memory)


@pytest.mark.parametrize("unit", ["<div>", "<b><u>", "<details><summary>", "<ul><li>"])
def test_what_stands_too_deep_for_a_browser_is_shown_as_it_was_written(unit):
    assert clean_html(unit * 30).startswith(unit)
    assert clean_html(f"{'<p>a</p>' * 200}{unit * 200}").startswith("<pre>&lt;p")


def test_what_is_too_much_for_a_page_is_shown_as_it_was_written():
    text = HEAVY["deep"] * 1000
    assert clean_html(text) == f"<pre>{text.replace('<', '&lt;').replace('>', '&gt;')}</pre>"
    assert clean_html(text) in essay(text)
    shown = page(new_markdown_cell("**bold** " + "word " * 5000 + "<script>end"))
    assert "<strong>bold</strong>" in shown and "word word &lt;script&gt;end</pre>" in shown


@pytest.mark.parametrize(
    "text, kept",
    [
        ("An <b>essay\n\nwith <i>open\n\nelements" + "\n\n- and items" * 1000, "<i>"),
        ("Some **bold** and `code`, $a<b$\n\n" * 500, "<strong>bold</strong>"),
        ("<center>\n\n" + "<font color='red'>a <b>c</b></font>\n\n" * 300, "<b>c</b>"),
        ("a <b and so on\n\n" * 100 + "**c**", "<strong>c</strong>"),
        ("| a | b |\n|---|---|\n" + "| **1** | [2](https://example.org) |\n" * 400, "<strong>1</strong>"),
    ],
)
def test_long_essays_are_pages(text, kept):
    assert kept in essay(text[:LONG])


def test_tables_and_code_of_honest_outputs_are_pages():
    row = "<tr>" + "<td>0.123456</td>" * 20 + "</tr>"
    style = "<style scoped>.dataframe tbody tr th { vertical-align: top; }</style>"
    table = f"<div>{style}<table class='dataframe'><tbody>{row * 60}</tbody></table></div>"
    picture = f"<p>a <b>b</b></p><img src='data:image/png;base64,{'A' * 3_000_000}'>"
    assert clean_html(table).count("<td>") == 1200 and "<b>" in clean_html(picture)
    shown = page(new_code_cell("x = foo(1, 'b')  # c\n" * 300))
    assert '<span class="n">foo</span>' in shown
