"""What this book adds to Jupyter Book: measured values in the text, questions, figures of other pages.

- {claim}`id` or {claim}`id:.2f`: the measured value of a claim, linked to the line that computed it.
- {quiz} T1 T2: questions of the bank, to be answered on the page. {essay} Q1: an essay question, answered.
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

from gan_lib.claims import format_value
from gan_lib.display.quizzes import quiz_html
from questions import bank

LOGGER = logging.getLogger(__name__)


def read_claims(env):
    """The merged record {id: claim}, in page order; the page that asks is read again when it changes."""
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
    """A directive that writes Markdown and has it parsed in its place; its tables get its name as class."""

    def run(self):
        self.watch_bank()
        return self.parsed(self.markdown())

    def parsed(self, markdown):
        """The nodes of a Markdown text."""
        root = nodes.Element()
        lines = StringList(markdown.splitlines(), source=self.env.docname)
        self.state.nested_parse(lines, self.content_offset, root)
        for table in root.findall(nodes.table):
            table["classes"].append(self.name)
        return root.children

    def section(self, id, title, markdown):
        """A section, one level below the directive's own."""
        heading = nodes.title("", "", *self.parse_inline(title)[0])
        return nodes.section("", heading, *self.parsed(markdown), ids=[id])

    def watch_bank(self):
        """Have the page read again when the bank changes."""
        self.env.note_dependency(bank.__file__)
        for file in sorted(bank.FOLDER.rglob("*.yml")):
            self.env.note_dependency(str(file))

    def recorded(self, ids):
        """Those of the claims that were recorded; a warning for each of the others."""
        claims = read_claims(self.env)
        for id in ids:
            if id not in claims:
                self.warn(f"no claim {id!r} was recorded")
        return [id for id in ids if id in claims]

    def evidence(self, ids):
        """Markdown of those of the claims that were recorded: what each of them measured, and the value."""
        claims = read_claims(self.env)
        return [f"{claims[id]['says']} Measured: {{claim}}`{id}`." for id in self.recorded(ids)]

    def title_of(self, page):
        """The title of a page: its first heading."""
        path = Path(self.env.doc2path(page))
        if not path.exists():
            self.warn(f"no page {page!r} in the book")
            return page
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "".join(json.loads(text)["cells"][0]["source"])
        return next(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))

    def warn(self, message):
        LOGGER.warning(message, location=self.get_location())


class Quiz(CourseDirective):
    """{quiz} T1 T2: the widget that notebooks show, with links to the claims and the page that decide."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        self.watch_bank()
        try:
            entries = bank.quiz(*self.arguments[0].split())
        except (KeyError, ValueError) as error:
            self.warn(error.args[0])
            return []
        questions = bank.load_all()
        for entry in entries:
            question = questions[entry["id"]]
            entry["links"] = [self.page_link(question.page)] if question.page else []
            for option, source in zip(entry["options"], question.options, strict=True):
                option["links"] = [self.claim_link(id) for id in self.recorded(source.claims)]
        return [nodes.raw("", quiz_html(entries), format="html")]

    def page_link(self, page):
        return {"text": self.title_of(page), "url": self.address(page), "title": "The page that decides it"}

    def claim_link(self, id):
        claim = read_claims(self.env)[id]
        url = f"{self.address(claim['page'])}#claim-{id}"
        return {
            "text": format_value(claim["measured"]),
            "url": url,
            "title": claim["says"].replace("$", ""),
        }

    def address(self, page):
        return self.env.app.builder.get_relative_uri(self.env.docname, page)


class Essay(CourseDirective):
    """{essay} Q1: an essay question with its answer, what earns points, and the claims behind it."""

    required_arguments = 1

    def markdown(self):
        question = bank.load().get(self.arguments[0])
        if question is None or question.kind != "essay":
            self.warn(f"no essay question {self.arguments[0]!r} in the bank")
            return ""
        named = dict.fromkeys(id for row in question.rows for id in row.claims)
        points = "\n".join(f"- {points_of(item)}" for item in question.rubric)
        measured = "\n".join(f"- {item}" for item in self.evidence(named))
        elsewhere = question.page and question.page != self.env.docname
        page = f"Treated in {{doc}}`/{question.page}`." if elsewhere else ""
        return (
            f"::::{{admonition}} {question.id} · {question.title}\n{question.text}\n\n{page}\n\n"
            f":::{{dropdown}} An answer\n{question.explanation}\n\n"
            f"**What earns points**\n\n{points}\n\n"
            f"**What was measured**\n\n{measured}\n:::\n::::\n"
        )


def points_of(criterion):
    """Markdown: what earns the points of a criterion, and half of them."""
    half = f" *Half of them:* {criterion.half}" if criterion.half else ""
    return f"{criterion.criterion} ({criterion.points:g}){half}"


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


def setup(app):
    app.setup_extension("myst_nb")
    app.add_role("claim", ClaimRole())
    app.add_directive("quiz", Quiz)
    app.add_directive("essay", Essay)
    app.add_directive_to_domain("glue", "figure", FigureOfPage, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
