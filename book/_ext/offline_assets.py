"""Keeps out of the pages what Jupyter Book and Sphinx always load: what names a CDN, what nothing here uses.

Formulas are typeset when the site is built, cells run elsewhere. Files that no page loads are not published.
"""

from pathlib import Path

SCRIPTS = "thebe", "mathjax", "sphinx_highlight"
STYLES = ("thebe",)
UNREAD = "**/*.map", "scripts/fontawesome.js", "sphinx-thebe.*", "sphinx_highlight.js"


def drop_assets(app, pagename, templatename, context, doctree):
    for kind, left_out in (("script_files", SCRIPTS), ("css_files", STYLES)):
        context[kind][:] = [asset for asset in context.get(kind, []) if not named(asset, left_out)]


def named(asset, words):
    text = f"{asset.filename} {asset.attributes.get('body', '')}".lower()
    return any(word in text for word in words)


def drop_files(app, error):
    if error is None and app.builder.format == "html":
        for pattern in UNREAD:
            for path in Path(app.outdir, "_static").glob(pattern):
                path.unlink()


def setup(app):
    app.connect("html-page-context", drop_assets, priority=900)
    app.connect("build-finished", drop_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
