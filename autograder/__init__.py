"""Grading side of the course, of use to any nbgrader course: see `isolate`."""


def isolate(c):
    """Have nbgrader grade in a sandbox: in a course's nbgrader_config.py, ``isolate(c)``, and nothing else.

    `nbgrader autograde` and ``python -m autograder grade`` then run students' code where it reaches nothing,
    and the checks where students' code cannot reach them; what arrives damaged is mended or waits for a
    person. `generate_feedback` and formgrader show what students wrote without what would act in a browser,
    feedback is without hidden tests, and `export` has no 0 for who waits. Commands wait for each other's
    locks of a gradebook in SQLite. Each of these settings can be changed after the call.

    Args:
        c: nbgrader's settings, what ``get_config()`` returns.
    """
    from autograder.plugins import formgrader, gradebook  # here: students' kernels import this package alone

    # What is handed in can be anything. What cannot be read fails alone.
    c.Autograde.exporter_class = "autograder.grade.exporter.SubmissionExporter"
    c.Autograde.sanitize_preprocessors = ["nbgrader.preprocessors.OverwriteKernelspec"]
    c.Autograde.autograde_preprocessors = [
        "autograder.grade.preprocessor.IsolatedExecute",
        "nbgrader.preprocessors.LimitOutput",
        "autograder.plugins.points.SaveGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    # Feedback must not show keys and hidden tests to those who hand in after its first reader.
    c.GenerateFeedback.exporter_class = "autograder.plugins.feedback.FeedbackExporter"
    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        "autograder.plugins.feedback.WithoutHiddenTests",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    c.ExportApp.plugin_class = "autograder.plugins.export.Scores"
    # What students write or show may hold scripts; their readers' browsers would run them.
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {
        "clean_html": "autograder.plugins.pages.clean_html",
        "strip_files_prefix": "autograder.plugins.pages.clean_html",
        "markdown2html": "autograder.plugins.pages.markdown2html",
        "highlight_code": "autograder.plugins.pages.highlight_code",
    }
    formgrader.protect()
    gradebook.wait_for_locks()
