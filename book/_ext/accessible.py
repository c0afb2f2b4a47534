"""Mends what a screen reader stumbles over in the theme's own markup, page by page after the build."""

from pathlib import Path

REPAIRS = {
    # The arrow that folds a part of the contents has no name (pydata-sphinx-theme 0.17.1).
    '<summary><span class="toctree-toggle"': '<summary aria-label="Subsections"><span class="toctree-toggle"',
    # A list by role must hold list items; its children are bibliography entries (docutils 0.21).
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    # One id for all proofs, exercises and solutions of a page, to which nothing leads (sphinx-proof 0.4.0,
    # sphinx-exercise 1.2.1).
    '<div class="proof admonition" id="proof">': '<div class="proof admonition a-proof">',
    ' id="proof-content">': ">",
    ' id="exercise-content">': ">",
    ' id="solution-content">': ">",
}


def repair(app, error):
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        before = page.read_text(encoding="utf-8")
        after = before
        for faulty, sound in REPAIRS.items():
            after = after.replace(faulty, sound)
        if after != before:
            page.write_text(after, encoding="utf-8")


def setup(app):
    app.connect("build-finished", repair)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
