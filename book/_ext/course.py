"""What this book adds to Jupyter Book: measured values in the text, tables from records and questions.

- {claim}`id` or {claim}`id:.2f`: the measured value of a claim, linked to the line that computed it.
- {claims-table}: every claim. {errata-table}: the statements of the source that are not plainly true.
- {essay} ID: an essay question of the bank with its answer.
- {glue:figure} with :doc:, which MyST-NB has only for {glue}: another page's output with a caption.

An unknown claim, question or format is a warning, and the book is built with warnings as errors.
"""

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from myst_nb.ext.glue.directives import PasteFigureDirective
from myst_nb.ext.glue.utils import create_pending_glue_ref
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from gan_lib.claims import format_value, format_wanted, holds
from questions import bank

LOGGER = logging.getLogger(__name__)


def read_claims(env):
    """The merged record {id: claim}; the page that asks is read again when the record changes."""
    path = Path(env.srcdir, "claims.json")
    env.note_dependency(str(path))
    if not path.exists():
        LOGGER.warning("%s is missing: run notebooks/run.py first", path, location=env.docname)
        return {}
    claims = json.loads(path.read_text(encoding="utf-8"))
    return {claim["id"]: {name: as_number(value) for name, value in claim.items()} for claim in claims}


def as_number(value):
    """JSON has no infinities; the record writes them as text."""
    return float(value) if value in ("inf", "-inf") else value


class ClaimRole(SphinxRole):
    """{claim}`id` or {claim}`id:format`."""

    def run(self):
        id, _, form = self.text.partition(":")
        claim = read_claims(self.env).get(id)
        if claim is None:
            return self.refuse(f"no claim {id!r} was recorded")
        try:
            text = format(claim["measured"], form) if form else format_value(claim["measured"])
        except ValueError as error:
            return self.refuse(f"claim {id!r} cannot be written as {form!r}: {error}")
        page = self.env.app.builder.get_relative_uri(self.env.docname, claim["page"])
        link = nodes.reference("", text, internal=True, refuri=f"{page}#claim-{id}", classes=["claim-value"])
        link["reftitle"] = claim["says"].replace("$", "")
        return [link], []

    def refuse(self, message):
        LOGGER.warning(message, location=self.get_location())
        return [nodes.literal(self.text, self.text)], []


class CourseDirective(SphinxDirective):
    """A directive that writes Markdown and has it parsed in its place."""

    def run(self):
        self.env.note_dependency(bank.__file__)
        for file in sorted(bank.FOLDER.glob("*.yml")):
            self.env.note_dependency(str(file))
        container = nodes.container(classes=[self.name])
        text = self.markdown()
        if text is None:
            return []
        lines = StringList(text.splitlines(), source=self.env.docname)
        self.state.nested_parse(lines, self.content_offset, container)
        return [container]

    def warn(self, message):
        LOGGER.warning(message, location=self.get_location())


class ClaimsTable(CourseDirective):
    def markdown(self):
        claims = read_claims(self.env)
        verdicts = {row.id: row for row in bank.rows()}
        checked = sum(holds(claim["measured"], claim) for claim in claims.values())
        if checked < len(claims):
            self.warn(f"{len(claims) - checked} recorded claims do not hold")
        lines = []
        for id, claim in claims.items():
            row = verdicts.get(claim.get("seed"))
            source = f"{row.question}: {row.verdict}" if row else "—"
            page = f"{{doc}}`/{claim['page']}`"
            lines.append((claim["says"], source, f"{{claim}}`{id}`", format_wanted(claim), page))
        count = f"**{len(claims)} claims, {checked} checked.**\n\n"
        return count + table(("Statement", "Source", "Measured", "Expected", "Page"), lines)


class ErrataTable(CourseDirective):
    def markdown(self):
        claims = read_claims(self.env)
        rows = bank.rows()
        wrong = [row for row in rows if row.verdict != "true"]
        lines = []
        for row in wrong:
            unknown = [id for id in row.claims if id not in claims]
            if unknown:
                self.warn(f"{row.id}: no claim {', '.join(unknown)} was recorded")
            measured = ", ".join(f"{{claim}}`{id}`" for id in row.claims if id in claims)
            holds_instead = f"{row.holds} Measured: {measured}." if measured else row.holds
            lines.append((row.question, row.said, row.verdict, holds_instead))
        count = (
            f"**The questions that are in the course so far made {len(rows)} statements: "
            f"{len(rows) - len(wrong)} hold as they stand, {len(wrong)} are listed.**\n\n"
        )
        return count + table(("Question", "What was said", "Verdict", "What holds"), lines)


class Essay(CourseDirective):
    required_arguments = 1

    def markdown(self):
        question = bank.load().get(self.arguments[0])
        if question is None or question.kind != "essay":
            self.warn(f"no essay question {self.arguments[0]!r} in the bank")
            return None
        points = "\n".join(f"- {item.criterion} ({item.points:g})" for item in question.rubric)
        return (
            f"::::{{admonition}} {question.id} · {question.title}\n{question.text}\n\n"
            f":::{{dropdown}} An answer\n{question.explanation}\n\n"
            f"**What earns points**\n\n{points}\n:::\n::::\n"
        )


class FigureOfPage(PasteFigureDirective):
    """{glue:figure} that can also take its output from another page, named by :doc:."""

    option_spec = PasteFigureDirective.option_spec | {"doc": directives.unchanged_required}

    def run(self):
        page = self.options.get("doc")
        if page is None:
            return super().run()
        shown = create_pending_glue_ref(
            self.document, self.source, self.line, page, self.arguments[0], inline=False
        )
        figure = nodes.figure("", shown)
        self.set_source_info(figure)
        self.add_name(figure)
        text = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, text)
        for paragraph in text.children[:1]:
            figure += nodes.caption(paragraph.rawsource, "", *paragraph.children)
        if len(text) > 1:
            figure += nodes.legend("", *text.children[1:])
        return [figure]


def table(head, rows):
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def setup(app):
    app.setup_extension("myst_nb")
    app.add_role("claim", ClaimRole())
    app.add_directive("claims-table", ClaimsTable)
    app.add_directive("errata-table", ErrataTable)
    app.add_directive("essay", Essay)
    app.add_directive_to_domain("glue", "figure", FigureOfPage, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
