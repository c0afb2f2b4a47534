"""Keeps the built site off the network: MathJax travels along, and a script that names a CDN stays out."""

import importlib.util
import shutil
from pathlib import Path

# MathJax 3 in one file: SVG glyphs and every TeX extension, so no fonts to fetch.
MATHJAX = "mathjax/tex-svg-full.js"


def copy_mathjax(app):
    if app.builder.format != "html":
        return
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    source, target = package / "static" / MATHJAX, Path(app.outdir, "_static", MATHJAX)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.stat().st_size != source.stat().st_size:
        shutil.copyfile(source, target)


def drop_thebe(app, pagename, templatename, context, doctree):
    """Jupyter Book loads sphinx-thebe always; unused here, its scripts name a CDN and fail in the browser."""
    context["script_files"][:] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script.filename} {script.attributes.get('body', '')}"
    ]


def setup(app):
    app.config.mathjax_path = MATHJAX
    # Formulas in a notebook's HTML output are not among Sphinx's equations: MathJax goes on every page.
    app.set_html_assets_policy("always")
    app.connect("builder-inited", copy_mathjax)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
