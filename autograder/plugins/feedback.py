"""Feedback pages without the hidden tests and mark schemes."""

import math
import re
import shutil
from html import escape
from pathlib import Path

from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import ClearHiddenTests

from autograder.engine.notebooks import released
from autograder.grade import waits
from autograder.plugins.pages import MATHJAX, StudentPages

# What a check says breaks into lines, and on a phone nothing stands beside the code. (The template's rules
# come after these and are as specific, hence the marks.)
STYLE = """<style>
.output_html > div > pre { white-space: pre-wrap !important; word-break: normal; overflow-wrap: anywhere; }
.nbgrader_cell .panel-heading { height: auto !important; overflow: hidden; }
@media (max-width: 600px) {
  #notebook-container, body { padding: 4px !important; }
  div.input, div.output_area, div.cell { display: block !important; }
  div.prompt { min-width: 0 !important; text-align: left !important; padding: 0 !important; }
  div.input_area, div.output_subarea, .nbgrader_cell { width: 100% !important; max-width: 100% !important; }
}
</style>
"""


class FeedbackExporter(StudentPages):
    """Pages whose list of scores names each check and task, and leads to it.

    nbgrader's own list says "Test cell" as often as there are checks, and the links to tasks lead nowhere.
    What waits for a person is not shown as 0 points, and what had to be mended stands at the top. The one
    script of a page is MathJax, which makes code of texts: its own settings.
    """

    head = f"""
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {MATHJAX} 'unsafe-eval';\
 style-src 'unsafe-inline'; font-src {MATHJAX}; img-src data:; base-uri 'none'; form-action 'none'">
{StudentPages.head}{STYLE}"""

    def from_notebook_node(self, nb, resources=None, **settings):
        page, resources = super().from_notebook_node(nb, resources, **settings)
        if self.parent is not None:
            self._make_place(resources)
        contents, end, rest = page.replace(NO_SCORE, "Score: waits for a person /").partition("</ol>")
        contents = _ENTRY.sub(_named, contents).replace("</h4>", f"</h4>{self.note}", 1)
        return contents + end + rest, resources

    def _preprocess(self, nb, resources):
        nb, resources = super()._preprocess(nb, resources)
        info = resources["nbgrader"]
        with Gradebook(info["db_url"]) as book:
            found = book.find_submission(info["assignment"], info["student"])
            status = waits.status(self.parent.coursedir, info["student"], info["assignment"], found)
        if not status.has_total:
            info["score"] = math.nan
        for cell in nb.cells:
            if (info["notebook"], cell.metadata.get("nbgrader", {}).get("grade_id")) in status.unread:
                cell.metadata.nbgrader.score = math.nan
        self.note = _note(status)
        return nb, resources

    def _make_place(self, resources):
        """Takes away what was handed in under the name of the page, and lies where it is to be."""
        names, course = resources["nbgrader"], self.parent.coursedir
        folder = course.format_path(course.feedback_directory, names["student"], names["assignment"])
        place = Path(folder, names["notebook"] + self.file_extension)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


NO_SCORE = "Score: nan /"  # what nbgrader's page makes of math.nan


def _note(status):
    """What a page says at its top of a submission that waits, was mended, or was settled by a person."""
    settled, said = status.record.settled, []
    if status.kind == "waits":
        said.append(("A person looks at this before there is a total", status.reasons))
    if settled:
        end = "no points" if settled["as"] == "zero" else "the points stand as they are shown"
        said.append((f"A person has looked at this: {end}", filter(None, [settled["because"]])))
    if status.record.mended:
        head = "What was mended in this notebook, or is worth knowing of it"
        said.append((head, status.record.mended))
    parts = []
    for head, lines in said:
        listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
        parts.append(f"<p>{head}:</p><ul>{listed}</ul>" if listed else f"<p>{head}.</p>")
    return f'<div class="note">{"".join(parts)}</div>' if parts else ""


_ENTRY = re.compile(r'<a href="#([\w-]+)">(Test cell|Task)</a>')


def _named(entry):
    name, kind = entry.groups()
    place = f"comment-{name}" if kind == "Task" else name  # the anchor that nbgrader gives a task
    return f'<a href="#{place}"><code>{name}</code></a>'


class WithoutHiddenTests(ClearHiddenTests):
    """Takes the hidden part out of every cell of checks of a feedback page, and the code out of its errors.

    nbgrader's own feedback shows the graded notebook as it ran, with keys and references. A traceback quotes
    the lines around the one that failed, so of an error only its name and message stay: the message names the
    property. Of a task the mark scheme goes. Cells that students write stay as they are, whatever they hold.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if utils.is_task(cell):
            cell.source = released(cell.source)
        if not utils.is_grade(cell) or utils.is_solution(cell):
            return cell, resources
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                said = output.evalue and (output.ename == "AssertionError" or output.ename in output.evalue)
                named = "" if said else output.ename
                output.traceback = [": ".join(filter(None, (named, output.evalue)))]
        return cell, resources
