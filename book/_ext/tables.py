"""The tables of this book that are made from records: claims, errata, statements of the source, questions.

- {claims-table}: every claim, page by page, with counts.
- {errata-table} SET: what changed in the questions of a set, and the statements behind them that are not
  plainly true.
- {statements-table} SET: all of them, with what settles each. {statements-count}: their number.
- {questions-table} SET: the questions of a set, where they are decided, and the assignments that ask them.
- {notebooks-table}: how long each notebook took, and what its profile for a GPU changes.
"""

import json
from collections import Counter
from pathlib import Path

import yaml
from course import CourseDirective, read_claims
from docutils import nodes

from gan_lib.claims import format_value, format_wanted, holds, kind
from questions import bank

PROFILES = Path(__file__).parents[2] / "notebooks/profiles.yml"
ASSIGNMENTS = Path(__file__).parents[2] / "autograder/course/source"


class ClaimsTable(CourseDirective):
    def run(self):
        self.watch_bank()
        claims = read_claims(self.env)
        checked = sum(holds(claim["measured"], claim) for claim in claims.values())
        if checked < len(claims):
            self.warn(f"{len(claims) - checked} recorded claims do not hold")
        pages = {}
        for id, claim in claims.items():
            pages.setdefault(claim["page"], []).append(id)
        kinds = Counter(map(kind, claims.values()))
        count = (
            f"**{len(claims)} claims, {checked} checked:** {kinds['control']} beside a control, "
            f"{kinds['identity']} identities, {kinds['proof']} bounds with a proof, "
            f"{kinds[None]} without any.\n\n"
        )
        counts = "".join(f"- {{doc}}`/{page}`: {len(ids)}\n" for page, ids in pages.items())
        sections = [self.section_of(page, claims, ids) for page, ids in pages.items()]
        choice = '<div class="claims-filter" role="search" aria-label="Claims" hidden></div>'
        script = f"<script>{Path(__file__).with_name('claims.js').read_text(encoding='utf-8')}</script>"
        return [*self.parsed(count + counts), nodes.raw("", choice + script, format="html"), *sections]

    def section_of(self, page, claims, ids):
        """The claims of a page; each row has as classes by what claims.js chooses rows."""
        section = self.section(f"claims-{Path(page).name}", self.title_of(page), self.table_of(claims, ids))
        verdicts = {row.id: row.verdict for row in bank.rows()}
        (body,) = section.findall(nodes.tbody)
        for row, id in zip(body.findall(nodes.row), ids, strict=True):
            verdict = verdicts.get(claims[id].get("seed"), "none")
            row["classes"] += [f"kind-{kind(claims[id]) or 'none'}", f"verdict-{nodes.make_id(verdict)}"]
        return section

    def table_of(self, claims, ids):
        verdicts = {row.id: f"{row.question}: {row.verdict}" for row in bank.rows()}
        lines = []
        for id in ids:
            claim = claims[id]
            source = verdicts.get(claim.get("seed"), "—")
            lines.append((claim["says"], source, f"{{claim}}`{id}`", format_wanted(claim), control(claim)))
        return table(("Statement", "Source", "Measured", "Expected", "Control"), lines)


def control(claim):
    """What shows that a claim could have failed, in Markdown."""
    of_kind = kind(claim)
    if of_kind == "control":
        return f"{format_value(claim['control'])}: {claim['control_says']}"
    return {"proof": f"{{prf:ref}}`{claim.get('proof')}`", "identity": "identity", None: "—"}[of_kind]


class SetTable(CourseDirective):
    """A table for each question of a set, in a section of its own."""

    required_arguments = 1

    def run(self):
        self.watch_bank()
        return [
            self.section(question.id, f"{question.id} · {question.title}", text)
            for question in self.questions()
            if (text := self.text_of(question))
        ]

    def questions(self):
        found = [question for question in bank.load().values() if question.set == self.arguments[0]]
        if not found:
            self.warn(f"no set of questions {self.arguments[0]!r} in the bank")
        return found

    def measured(self, row):
        """A Markdown list: what the claims measured that the row names, and those that name the row."""
        claims = read_claims(self.env)
        naming = [id for id, claim in claims.items() if claim.get("seed") == row.id]
        return "\n".join(f"- {item}" for item in self.evidence(dict.fromkeys([*row.claims, *naming])))


class ErrataTable(SetTable):
    def text_of(self, question):
        wrong = [row for row in question.rows if row.verdict != "true"]
        lines = [(row.said, row.verdict, f"{row.holds}\n\n{self.measured(row)}") for row in wrong]
        statements = list_table(("What was said", "Verdict", "What holds"), lines) if lines else ""
        return "\n\n".join(part for part in (change(question), statements) if part)


class StatementsTable(SetTable):
    def text_of(self, question):
        lines = [(row.said, row.verdict, self.settled_by(question, row)) for row in question.rows]
        page = f"Treated on {{doc}}`/{question.page}`.\n\n"
        return page + list_table(("Statement", "Verdict", "Settled by"), lines)

    def settled_by(self, question, row):
        if measured := self.measured(row):
            return measured
        if row.mentions:
            return f"what {{doc}}`/{row.page or question.page}` says of it"
        return "the reasons given with the question"


def change(question):
    """What differs from the source's question, and the two keys where they differ; empty if nothing does."""
    if question.changed is None:
        return ""
    key = "" if question.key is None else " The key is the source's."
    if question.source_key is not None:
        key = f" **Key:** {shown(question.source_key)} in the source, {shown(question.key)} here."
    return f"**The question.** {' '.join(question.changed.split())}{key}"


def shown(key):
    """A key for readers: "A, B"."""
    return ", ".join(sorted(key)) if isinstance(key, frozenset) else f"{key}"


class StatementsCount(CourseDirective):
    def markdown(self):
        verdicts = Counter(row.verdict for row in bank.rows())
        counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in bank.VERDICTS)
        return f"**{verdicts.total()} statements: {counts}.**"


class QuestionsTable(SetTable):
    def run(self):
        self.watch_bank()
        assignments = self.assignments()
        lines = []
        for question in self.questions():
            asked = ", ".join(f"`{name}`" for name in assignments.get(question.id, ()))
            lines.append((question.id, question.title, f"{{doc}}`/{question.page}`", asked or "—"))
        return self.parsed(table(("Question", "About", "Decided on", "Assignment"), lines))

    def assignments(self):
        """Which assignments ask about the matter of a question: {id: [name, ...]}."""
        found = {}
        for path in sorted(ASSIGNMENTS.glob("*/*.ipynb")):
            self.env.note_dependency(str(path))
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if id := cell["metadata"].get("question"):  # "C4v": with numbers of one's own
                    found.setdefault(id.removesuffix("v"), []).append(path.parent.name)
        return found


class NotebooksTable(CourseDirective):
    def markdown(self):
        self.env.note_dependency(str(PROFILES))
        profile = yaml.safe_load(PROFILES.read_text(encoding="utf-8"))["gpu"]
        lines = []
        for path in sorted(Path(self.env.srcdir, "notebooks").glob("*.ipynb")):
            self.env.note_dependency(str(path))
            how = json.loads(path.read_text(encoding="utf-8"))["cells"][-1]["source"]
            changes = ", ".join(
                f"`{name} = {value!r}`" for name, value in (profile.get(path.stem) or {}).items()
            )
            lines.append((f"{{doc}}`/notebooks/{path.stem}`", "".join(how).strip("*"), changes or "—"))
        return table(("Notebook", "In this edition", "Profile `gpu`"), lines)


def table(head, rows):
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def list_table(head, rows):
    """A Markdown table whose cells may hold several paragraphs and lists."""
    cells = [[cell.strip().replace("\n", "\n    ") for cell in row] for row in (head, *rows)]
    lines = "\n".join(f"* - {first}\n" + "".join(f"  - {cell}\n" for cell in rest) for first, *rest in cells)
    return f":::{{list-table}}\n:header-rows: 1\n\n{lines}\n:::\n"


def setup(app):
    app.setup_extension("course")
    app.add_directive("claims-table", ClaimsTable)
    app.add_directive("errata-table", ErrataTable)
    app.add_directive("statements-table", StatementsTable)
    app.add_directive("statements-count", StatementsCount)
    app.add_directive("questions-table", QuestionsTable)
    app.add_directive("notebooks-table", NotebooksTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
