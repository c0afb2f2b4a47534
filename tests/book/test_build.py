"""What the course's configuration and extensions make of a book of two pages, and what stops the build."""

import base64
import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from questions import bank

BOOK = Path(__file__).resolve().parents[2] / "book"
NOTEBOOK = "notebooks/01_minimax"
RECORD = {"id": "half-of-it", "says": "It is $1/2$.", "measured": 0.5, "expected": 0.5, "page": NOTEBOOK}
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


@pytest.fixture
def build(tmp_path):
    """build(text, *records, address="") -> (succeeded, log, {"intro": HTML, "notebooks/01_minimax": HTML})"""

    def run(text, *records, address=""):
        for name in ("_ext", "_static", "pictures", "playground"):
            shutil.copytree(BOOK / name, tmp_path / name)
        shutil.copy(BOOK / "references.bib", tmp_path)
        config = (BOOK / "_config.yml").read_text().replace('url: ""', f'url: "{address}"')
        (tmp_path / "_config.yml").write_text(config)
        toc = f"format: jb-book\nroot: intro\nchapters:\n  - file: {NOTEBOOK}\n"
        (tmp_path / "_toc.yml").write_text(toc)
        (tmp_path / "claims.json").write_text(json.dumps(records))
        (tmp_path / "intro.md").write_text(f"# A page\n\n{text}\n")
        (tmp_path / "notebooks").mkdir()
        cells = [new_markdown_cell("# Minimax, measured\n\nText.")]
        nbformat.write(new_notebook(cells=cells, metadata=KERNEL), tmp_path / f"{NOTEBOOK}.ipynb")
        command = [Path(sys.executable).with_name("jupyter-book"), "build", tmp_path, "-W", "--keep-going"]
        done = subprocess.run(command, capture_output=True, text=True)
        pages = {name: tmp_path / f"_build/html/{name}.html" for name in ("intro", NOTEBOOK)}
        made = {name: page.read_text() for name, page in pages.items() if page.exists()}
        return done.returncode == 0, done.stdout + done.stderr, made

    run.folder = tmp_path
    return run


def plain(page):
    """The text of a page."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def test_measured_values_stand_in_the_text_linked_and_formatted(build):
    infinite = RECORD | {"id": "no-end", "measured": "inf", "expected": "inf"}
    text = "A {claim}`half-of-it`, B {claim}`half-of-it:.2f`, C {claim}`no-end`.\n\n```{claims-table}\n```"
    succeeded, log, pages = build(text, RECORD, infinite)
    assert succeeded, log
    page = pages["intro"]
    assert page.count(f'href="{NOTEBOOK}.html#claim-half-of-it"') == 3
    for value in (">0.5</a>", ">0.50</a>", ">∞</a>"):
        assert value in page
    assert "2 claims, 2 checked:" in page
    assert "<h2>Minimax, measured" in page


def test_formulas_need_no_script(build):
    wide = "+".join("x" * 9)
    numbered = "```{math}\n:label: numbered\n\\gamma\n```\n\nSee {eq}`numbered`."
    text = rf"Of $\alpha^2$, and ${wide} + {wide}$. In code: `\(\beta\)`." + f"\n\n{numbered}"
    succeeded, log, pages = build(text)
    assert succeeded, log
    page = pages["intro"]
    assert page.count("<mjx-container") == 3 and r"\(\beta\)" in page and r"\alpha" not in page
    assert page.count('class="MathJax wide"') == 1
    assert '<span class="kept"><span class="math' in page  # with the comma behind it
    assert "<mi>α</mi>" in page and "mathematics.css" in page and "(1)" in page
    assert "tex-svg" not in page and "fontawesome.js" not in page


def test_a_formula_that_is_none_stops_the_build(build):
    succeeded, log, _ = build(r"Of $\frac{1}{2$ and $\unheard$.")
    assert not succeeded
    assert r"Missing close brace: \frac{1}{2" in log and r"Undefined control sequence \unheard" in log


def test_a_large_picture_lies_in_a_file_once(build):
    data = base64.b64encode(bytes(range(256)) * 40).decode()
    picture = f'<img alt="noise" src="data:image/png;base64,{data}">'
    succeeded, log, pages = build(f"{picture}\n\n{picture}")
    assert succeeded, log
    assert pages["intro"].count('<img loading="lazy" alt="noise" src="_images/') == 2
    (name,) = set(re.findall(r"_images/(\w+\.png)", pages["intro"]))
    assert build.folder.joinpath("_build/html/_images", name).read_bytes() == bytes(range(256)) * 40


def test_a_question_on_a_page_links_its_evidence(build):
    record = RECORD | {"id": "nonsaturating-not-zero-sum"}
    succeeded, log, pages = build("```{quiz} T11\n```", record)
    assert succeeded, log
    page = pages["intro"]
    assert "<legend>T11 ·" in page
    evidence = f'<a href="{NOTEBOOK}.html#claim-nonsaturating-not-zero-sum" title="It is 1/2.">0.5</a>'
    assert page.count(evidence) == 1
    assert f'<a href="{NOTEBOOK}.html" title="The page that decides it">Minimax, measured</a>' in page


def test_errata_say_what_changed_and_put_words_beside_each_number(build):
    theory = [question for question in bank.load().values() if question.set == "theory"]
    named = {id for question in theory for row in question.rows for id in row.claims}
    records = [RECORD | {"id": id} for id in sorted(named)]
    succeeded, log, pages = build("```{errata-table} theory\n```", *records)
    assert succeeded, log
    page = " ".join(pages["intro"].split())
    assert "<strong>Key:</strong> A, B in the source, A, D here." in page
    assert page.count("The key is the source’s.") == len(theory) - page.count("<strong>Key:</strong>")
    assert page.count('.</span> Measured: <a class="claim-value') == page.count('class="claim-value') > 50


def test_what_is_unknown_stops_the_build(build):
    text = (
        "{claim}`no-such-claim` {claim}`half-of-it:.2q`\n\n```{essay} Q99\n```\n\n```{quiz} T11 T99\n```\n\n"
        "```{quiz} Q1\n```\n\n```{quiz} T11\n```\n\n```{errata-table} riddles\n```\n\n"
        "{play}`chess <Four failures: Stall ~ Chess: Mate>`\n\n```{picture} cat\n```\n\n```{drawing} dog\n```"
    )
    succeeded, log, _ = build(text, RECORD)
    assert not succeeded
    assert "no claim 'no-such-claim' was recorded" in log
    assert "claim 'half-of-it' cannot be written as '.2q'" in log
    assert "no essay question 'Q99'" in log
    assert "no question T99" in log
    assert "Q1: an essay or a program cannot stand in a quiz" in log
    assert "no claim 'nonsaturating-not-zero-sum' was recorded" in log
    assert "no set of questions 'riddles'" in log
    assert "no preset 'Chess: Mate' of the playground" in log
    assert "no picture 'cat' in the catalogue" in log and "no drawing 'dog'" in log


def test_a_record_that_does_not_hold_stops_the_build(build):
    succeeded, log, _ = build("```{claims-table}\n```", RECORD | {"measured": 0.6})
    assert not succeeded
    assert "1 recorded claims do not hold" in log


def test_pages_open_in_colab_once_the_repository_has_an_address(build):
    succeeded, log, pages = build("```{edition}\n```", address="https://github.com/owner/name")
    assert succeeded, log
    where = f"colab.research.google.com/github/owner/name/blob/main/{NOTEBOOK}.ipynb"
    assert where in pages[NOTEBOOK] and "colab" not in pages["intro"]
    assert 'href="https://github.com/owner/name"' in pages["intro"]
    assert 'href="https://github.com/owner/name/issues"' in pages["intro"]  # where mistakes are told
    assert "url     = {https://github.com/owner/name}" in plain(pages["intro"])  # how to cite it
    assert f'"og:url" content="https://owner.github.io/name/{NOTEBOOK}.html"' in pages[NOTEBOOK]
    assert '"og:image" content="https://owner.github.io/name/_static/card.png"' in pages[NOTEBOOK]
    assert build.folder.joinpath("_build/html/_static/card.png").exists()


def test_without_an_address_no_page_links_to_a_repository(build):
    succeeded, log, pages = build("```{edition}\n```\n\n```{prf:theorem} A\n:label: a\n\nIt holds.\n```")
    assert succeeded, log
    assert log.count("no address of the repository") == 1
    assert not list(build.folder.glob("_build/html/prf-*.html"))  # a list of theorems that no page links to
    assert "year    = {2026}" in plain(pages["intro"])
    assert '"og:title" content="A page"' in pages["intro"]
    assert not any("og:image" in page or "og:url" in page for page in pages.values())
    assert not any("colab" in page or "github.com/" in page for page in pages.values())
