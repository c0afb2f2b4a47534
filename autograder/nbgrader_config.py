"""nbgrader's settings for this course; read by every nbgrader command that is typed in this folder."""

from pathlib import Path

from autograder import isolate
from autograder.grade import migrate

c = get_config()  # noqa: F821 (nbgrader defines it)
here = Path(__file__).resolve().parent
course = here / "course"
migrate.refuse_old(here, course)

c.CourseDirectory.course_id = "gan"
c.CourseDirectory.root = str(course)

# What stands in the released notebook where the solution was.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError  # your work takes the place of this line"}

# nbgrader's own list with ClearAnswers in the place of ClearSolutions: no stub below an answer's blank. The
# word of the term, in course/term.txt, comes into the notebooks before the gradebook takes their cells.
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.InstantiateTests",
    "nbgrader.preprocessors.LockCells",
    "autograder.plugins.term.WithTerm",
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

# Students' code runs in a sandbox and never meets the checks; pages show nothing that acts in a browser.
isolate(c)

# Points of essays: an essay that was left blank waits for nobody.
entering = c.Autograde.autograde_preprocessors.index("autograder.plugins.points.SaveGrades")
c.Autograde.autograde_preprocessors[entering] = "autograder.plugins.essays.SaveGrades"

# Whether feedback says why an answer was wrong: not before all have handed in. Checks ask for it, so this
# comes before they are hidden.
# c.WithReasons.show = True
hiding = c.GenerateFeedback.preprocessors.index("autograder.plugins.feedback.WithoutHiddenTests")
c.GenerateFeedback.preprocessors.insert(hiding, "autograder.plugins.reasons.WithReasons")

# The first cell of a notebook imports torch: from a cold network disk more than half a minute.
c.Execute.timeout = 120

# For a machine without bubblewrap: the next line, without its mark, gives up the sandbox. Students' code then
# runs in your account, with your files and your network. Only for work of people whom you trust.
# c.IsolatedExecute.unsafe = True
