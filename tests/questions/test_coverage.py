"""Every audited statement of the source has its place: a row, its verdict, a page, claims that exist."""

import csv
import json
import re
from pathlib import Path

import pytest

from questions import bank

ROOT = Path(__file__).resolve().parents[2]
# The audit of the source: each statement's id with the verdict on it.
AUDIT = ROOT / "questions/statements.csv"
CLAIMS = ROOT / "book/claims.json"


@pytest.fixture(scope="module")
def verdicts():
    with AUDIT.open(encoding="utf-8", newline="") as file:
        return {line["id"]: line["verdict"] for line in csv.DictReader(file)}


@pytest.fixture(scope="module")
def rows():
    return {row.id: row for row in bank.rows()}


def test_the_audit_names_172_statements_and_known_verdicts(verdicts):
    assert len(verdicts) == 172
    assert set(verdicts.values()) == set(bank.VERDICTS)


def test_every_statement_has_a_row(verdicts, rows):
    missing = sorted(verdicts.keys() - rows.keys())
    assert not missing, " ".join(missing)


def test_every_row_was_audited(verdicts, rows):
    unknown = sorted(rows.keys() - verdicts.keys())
    assert not unknown, " ".join(unknown)


def test_every_row_gives_the_verdict_of_the_audit(verdicts, rows):
    differing = {
        id: f"{row.verdict}, audited: {verdicts[id]}"
        for id, row in rows.items()
        if row.verdict != verdicts.get(id, row.verdict)
    }
    assert not differing, lines(differing)


def test_every_question_names_a_page_that_exists():
    lost = {}
    for question in bank.load().values():
        sources = (ROOT / f"book/{question.page}.md", ROOT / f"{question.page}.ipynb")
        if not any(source.exists() for source in sources):
            lost[question.id] = question.page
    assert not lost, lines(lost)


def test_every_explanation_of_the_source_has_a_row(rows):
    kinds = ("essay", "program")
    asked = [question.id for question in bank.load().values() if question.kind not in kinds]
    assert {f"000-{id}-X" for id in asked} <= rows.keys()


def test_what_no_claim_settles_is_on_the_page_that_is_named():
    """In its reasons, if it is an option of a question that the page asks; else in words that are quoted."""
    lost = {}
    for question in bank.load().values():
        letters = {option.letter for option in question.options}
        for row in question.rows:
            page = source_of(row.page or question.page)
            asked = asks(page, question)
            has_reason = asked and row.id.rpartition("-")[2] in letters
            if row.claims or (has_reason and not row.mentions):
                continue
            shown = page + (question.explanation if asked else "")
            if not row.mentions or words(row.mentions) not in words(shown):
                lost[row.id] = f"{row.page or question.page}: {row.mentions}"
    assert not lost, lines(lost)


def source_of(page):
    """The text of a page of the book: Markdown, or the cells of a notebook."""
    markdown, notebook = ROOT / f"book/{page}.md", ROOT / f"{page}.ipynb"
    if markdown.exists():
        return markdown.read_text(encoding="utf-8")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells)


def asks(page, question):
    """Whether the text of a page has a question, with its reasons and explanation, as quiz or as essay."""
    if question.kind == "essay":
        return f"{{essay}} {question.id}\n" in page
    return any(f'"{question.id}"' in found for found in re.findall(r"bank\.quiz\((.*?)\)", page))


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def claims():
    if not CLAIMS.exists():
        pytest.skip("needs the record of the claims: run notebooks/run.py")
    found = json.loads(CLAIMS.read_text(encoding="utf-8"))
    pages = {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    if left := sorted(pages - {claim["page"] for claim in found}):
        pytest.skip(f"needs the record of all claims: run notebooks/run.py {' '.join(left)}")
    return found


def test_every_statement_that_a_claim_settles_was_audited(claims, verdicts):
    unknown = {claim["id"]: claim["seed"] for claim in claims if claim.get("seed", "000-T4") not in verdicts}
    assert not unknown, lines(unknown)


def test_every_claim_that_a_row_or_an_option_names_was_recorded(claims):
    recorded = {claim["id"] for claim in claims}
    unknown = {}
    for question in bank.load().values():
        named = {id for part in (*question.rows, *question.options) for id in part.claims}
        if named - recorded:
            unknown[question.id] = " ".join(sorted(named - recorded))
    assert not unknown, lines(unknown)


def lines(found):
    return "".join(f"\n{id}: {what}" for id, what in found.items())
