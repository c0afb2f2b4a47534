"""Keeps the built site off the network: scripts that name a CDN stay out, MathJax's with them."""

LEFT_OUT = "thebe", "mathjax"


def drop_scripts(app, pagename, templatename, context, doctree):
    """Jupyter Book loads sphinx-thebe always; formulas are typeset when the site is built."""
    context["script_files"][:] = [
        script
        for script in context.get("script_files", [])
        if not any(
            name in f"{script.filename} {script.attributes.get('body', '')}".lower() for name in LEFT_OUT
        )
    ]


def setup(app):
    app.connect("html-page-context", drop_scripts, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
