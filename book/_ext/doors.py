"""What the first page tells those who decide about a course, from records and from the pages themselves.

- {course-numbers}: a line on the size of it all. {syllabus-table}: what it is made of, hours and points.
- {grading-promises}: what was tried against the grading, in numbers. {feedback-table}: what a student reads.
- {edition}: edition, licence, how to cite, and the repository once _config.yml says where it is.

What is said of assignments and grading stands in grading.json, which `python -m autograder facts` writes.
"""

import json
import re
from pathlib import Path

import yaml
from course import CourseDirective, read_claims
from tables import table

WORDS, EXERCISE = 100, 20  # words read in a minute; minutes that an exercise takes
FENCED = re.compile(r"^(`{3,}|:{3,}) ?\{(?!prf:|exercise|admonition|note).*?^\1$", re.M | re.S)


class RecordDirective(CourseDirective):
    """A directive that reads the record of the grading, and the list of the book's chapters."""

    def record(self):
        return self._read("grading.json")

    def chapters(self):
        """The chapters, and the notebooks of each: [(page, [page, ...]), ...]."""
        parts = self._read("_toc.yml").get("parts", [])
        chapters = [one for part in parts if part["caption"] == "Chapters" for one in part["chapters"]]
        return [(one["file"], [below["file"] for below in one.get("sections", [])]) for one in chapters]

    def _read(self, name):
        path = Path(self.env.srcdir, name)
        self.env.note_dependency(str(path))
        return yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML

    def hours(self, pages):
        """Hours that some pages take, in halves: the words, and the exercises."""
        texts = [self._text(page) for page in pages]
        words = sum(len(FENCED.sub("", text).split()) for text in texts)
        exercises = sum(len(re.findall(r"^`{3,}\{exercise\}", text, re.M)) for text in texts)
        return round((words / WORDS + exercises * EXERCISE) / 30) / 2

    def _text(self, page):
        """The prose of a page's source."""
        path = Path(self.env.doc2path(page))
        self.env.note_dependency(str(path))
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".ipynb":
            return text
        cells = json.loads(text)["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")

    def rows(self):
        """Of each chapter: its page, its notebooks, its hours, and the record of its assignment or None."""
        numbered = {one["name"][:3]: one for one in self.record()["assignments"]}
        return [
            (page, notebooks, self.hours([page, *notebooks]), numbered.get(f"ps{number}"))
            for number, (page, notebooks) in enumerate(self.chapters(), 1)
        ]


class CourseNumbers(RecordDirective):
    def markdown(self):
        rows, assignments = self.rows(), self.record()["assignments"]
        study = sum(hours for _, _, hours, _ in rows)
        work = sum(one["hours"] for one in assignments)
        claims, notebooks = len(read_claims(self.env)), sum(len(notebooks) for _, notebooks, _, _ in rows)
        functions, properties = (
            sum(one[what] for one in assignments) for what in ("functions", "properties")
        )
        return (
            f"{len(rows)} chapters, {notebooks} notebooks, {claims} measured claims; {len(assignments)} "
            f"assignments with {functions} functions to write and {properties} properties that are checked, "
            f"{points(assignments):g} points together. About {study:g} hours of study and {work:g} of work "
            "on assignments."
        )


class SyllabusTable(RecordDirective):
    def markdown(self):
        rows, assignments = self.rows(), self.record()["assignments"]
        lines = [
            (
                f"{number} · {{doc}}`/{page}`",
                f"{hours:g} h",
                ", ".join(f"{{doc}}`/{notebook}`" for notebook in notebooks),
                *asked(assignment),
            )
            for number, (page, notebooks, hours, assignment) in enumerate(rows, 1)
        ]
        placed = [assignment for *_, assignment in rows]
        lines += [
            ("All chapters", "—", "—", *asked(assignment))
            for assignment in assignments
            if assignment not in placed
        ]
        study, work = sum(row[2] for row in rows), sum(one["hours"] for one in assignments)
        together = f"**{points(assignments):g}**"
        lines.append(("**Together**", f"**{study:g} h**", "—", f"**{work:g} h**", together))
        head = "Chapter", "Study", "Measured in", "Assignment", "Points"
        rule = (
            f"*Study* counts {WORDS} words a minute and {EXERCISE} minutes an exercise; an assignment states "
            "its own time."
        )
        return f"{table(head, lines)}\n{rule}\n"


def asked(assignment):
    """The cells of an assignment: title, name and time, and its points."""
    if assignment is None:
        return "—", "—"
    by_person = assignment["by_person"]
    more = f", {by_person:g} of them by a person" if by_person else ""
    what = f"{assignment['title']} (`{assignment['name']}`, {assignment['hours']:g} h)"
    return what, f"{points([assignment]):g}{more}"


def points(assignments):
    return sum(one["by_checks"] + one["by_person"] for one in assignments)


class GradingPromises(RecordDirective):
    def markdown(self):
        attacks, speed = self.record()["attacks"], self.record()["speed"]
        alone, here = attacks["nbgrader"], attacks["engine"]
        return (
            f"- **Code does not reach its judge.** Of {attacks['tried']} hostile notebooks {alone['gain']} "
            f"win points or print what is hidden under nbgrader alone, and {alone['harm']} spoil the grading "
            f"of others; here {here['gain']} and {here['harm']}. A student's code runs in a sandbox, the "
            "checks in another process. Each attack, and what lies can still win, is listed in "
            "`autograder/ATTACKS.md`.\n"
            "- **A mistake costs what it breaks, once.** Every check stands for one property that the text "
            "states; a right solution counts, however unusual.\n"
            "- **No work is lost in silence.** What arrives damaged is put together again, and where checks "
            "cannot judge, the submission waits for a person: it has no total until somebody has looked.\n"
            f"- **It is quick.** {speed:g} seconds a submission of `ps1_minimax` with two workers on two "
            "cores; a Dask cluster grades with as many as it has.\n"
        )


class FeedbackTable(RecordDirective):
    def markdown(self):
        sample = self.record()["feedback"]
        lines = [
            (
                check["property"],
                f"{check['points']:g} of {check['of']:g}",
                f"`{check['message']}`" if check["message"] else "✓",
            )
            for check in sample["checks"]
        ]
        return (
            f"A student hands in a training step in which {sample['mistake']}. The page that comes back "
            "says:\n\n" + table(("What was checked", "Points", "What the student reads"), lines)
        )


class Edition(RecordDirective):
    def markdown(self):
        config = self.config
        address = config.html_theme_options.get("repository_url", "")
        title, year = config.html_title, config.copyright
        where = f" {address}" if address else ""
        cited = f"{config.author} ({year}). *{title}*, edition {config.release}.{where}"
        url = f",\n  url     = {{{address}}}" if address else ""
        entry = (
            f"@misc{{gan_computed,\n  title   = {{{title}}},\n  author  = {{{{{config.author}}}}},\n"
            f"  year    = {{{year}}},\n  edition = {{{config.release}}}{url}\n}}"
        )
        issues = f"mistakes and questions go to [its issues]({address}/issues)"
        source = f"- **Source:** [the repository]({address}); {issues}.\n"
        return (
            f"- **Edition** {config.release}, {year}.\n"
            "- **Licence:** MIT, in the file `LICENSE`; the images of Fashion-MNIST are © Zalando SE, MIT.\n"
            f"{source if address else ''}"
            f"- **To cite it:** {cited}\n\n"
            f"```bibtex\n{entry}\n```\n"
        )


def setup(app):
    app.setup_extension("course")
    app.add_directive("course-numbers", CourseNumbers)
    app.add_directive("syllabus-table", SyllabusTable)
    app.add_directive("grading-promises", GradingPromises)
    app.add_directive("feedback-table", FeedbackTable)
    app.add_directive("edition", Edition)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
