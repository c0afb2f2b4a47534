"""nbgrader's settings for this course; read by every nbgrader command that is typed in this folder."""

from pathlib import Path

from autograder.grade import migrate
from autograder.plugins import formgrader

c = get_config()  # noqa: F821 (nbgrader defines it)
here = Path(__file__).resolve().parent
course = here / "course"
migrate.refuse_old(here, course)

c.CourseDirectory.course_id = "gan"
c.CourseDirectory.root = str(course)

# A command that meets another one's lock waits for it: SQLite's own patience is 5 seconds.
c.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}?timeout=60"

# What stands in the released notebook where the solution was.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError  # your work takes the place of this line"}

# nbgrader's own list with ClearAnswers in the place of ClearSolutions: no stub below an answer's blank.
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.InstantiateTests",
    "nbgrader.preprocessors.LockCells",
    "autograder.plugins.answers.ClearAnswers",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Students' code runs in a sandbox and never meets the checks. Reading a submission comes first: broken ones
# fail alone, and cells that were changed are put back before nbgrader's own preprocessors look at them.
# SaveGrades is nbgrader's SaveAutoGrades, which also knows an essay that was left blank.
c.Autograde.exporter_class = "autograder.grade.preprocessors.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "autograder.grade.preprocessors.RestoreCells",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.engine.execute.IsolatedExecute",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.plugins.essays.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# The first cell of a notebook imports torch: from a cold network disk more than half a minute.
c.Execute.timeout = 120

# For a machine without bubblewrap: the next line, without its mark, gives up the sandbox. Students' code then
# runs in your account, with your files and your network. Only for work of people whom you trust.
# c.IsolatedExecute.unsafe = True

# Feedback must not show keys and hidden tests to those who hand in after its first reader. The reasons of
# formative questions are public.
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "autograder.plugins.feedback.WithReasons",
    "autograder.plugins.feedback.WithoutHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

# Its list of scores names the checks.
c.GenerateFeedback.exporter_class = "autograder.plugins.feedback.FeedbackExporter"

# Its table of scores says who waits for a person, in place of 0 points.
c.ExportApp.plugin_class = "autograder.plugins.export.Scores"

# What students write or show may hold scripts; feedback pages and formgrader run in their readers' browsers.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {
    "clean_html": "autograder.plugins.pages.clean_html",
    "strip_files_prefix": "autograder.plugins.pages.clean_html",
    "markdown2html": "autograder.plugins.pages.markdown2html",
    "highlight_code": "autograder.plugins.pages.highlight_code",
}
formgrader.protect()
