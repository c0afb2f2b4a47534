"""The tables of this book that are made from records: claims, errata, statements of the source, questions.

- {claims-table}: every claim, page by page, with counts.
- {errata-table} SET: the statements behind a set of questions that are not plainly true.
- {statements-table} SET: all of them, with the claims that settle each. {statements-count}: their number.
- {questions-table} SET: the questions of a set, where they are decided, and the assignments that ask them.
- {notebooks-table}: how long each notebook took, and what its profile for a GPU changes.
"""

import json
from collections import Counter
from pathlib import Path

import yaml
from course import CourseDirective, read_claims

from gan_lib.claims import format_wanted, holds
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
        count = f"**{len(claims)} claims, {checked} checked.**\n\n"
        counts = "".join(f"- {{doc}}`/{page}`: {len(ids)}\n" for page, ids in pages.items())
        sections = [
            self.section(f"claims-{Path(page).name}", self.title_of(page), self.table_of(claims, ids))
            for page, ids in pages.items()
        ]
        return [*self.parsed(count + counts), *sections]

    def table_of(self, claims, ids):
        verdicts = {row.id: f"{row.question}: {row.verdict}" for row in bank.rows()}
        lines = []
        for id in ids:
            claim = claims[id]
            source = verdicts.get(claim.get("seed"), "—")
            lines.append((claim["says"], source, f"{{claim}}`{id}`", format_wanted(claim)))
        return table(("Statement", "Source", "Measured", "Expected"), lines)


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
        """The measured values of the claims that the row names, and of those that name the row."""
        claims = read_claims(self.env)
        naming = [id for id, claim in claims.items() if claim.get("seed") == row.id]
        ids = dict.fromkeys([*self.recorded(row.claims), *naming])
        return ", ".join(f"{{claim}}`{id}`" for id in ids)


class ErrataTable(SetTable):
    def text_of(self, question):
        wrong = [row for row in question.rows if row.verdict != "true"]
        lines = [(row.said, row.verdict, self.holds_instead(row)) for row in wrong]
        return table(("What was said", "Verdict", "What holds"), lines) if lines else ""

    def holds_instead(self, row):
        measured = self.measured(row)
        return f"{row.holds} Measured: {measured}." if measured else row.holds


class StatementsTable(SetTable):
    def text_of(self, question):
        reasons = "the reasons given with the question"
        lines = [(row.said, row.verdict, self.measured(row) or reasons) for row in question.rows]
        page = f"Treated on {{doc}}`/{question.page}`.\n\n"
        return page + table(("Statement", "Verdict", "Settled by"), lines)


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
        """Which assignments ask a question: {id: [name, ...]}."""
        found = {}
        for path in sorted(ASSIGNMENTS.glob("*/*.ipynb")):
            self.env.note_dependency(str(path))
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if id := cell["metadata"].get("question"):
                    found.setdefault(id, []).append(path.parent.name)
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


def setup(app):
    app.setup_extension("course")
    app.add_directive("claims-table", ClaimsTable)
    app.add_directive("errata-table", ErrataTable)
    app.add_directive("statements-table", StatementsTable)
    app.add_directive("statements-count", StatementsCount)
    app.add_directive("questions-table", QuestionsTable)
    app.add_directive("notebooks-table", NotebooksTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
