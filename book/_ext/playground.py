"""{playground}: two networks that train in the reader's browser, by the modules of book/playground."""

import json
from pathlib import Path
from typing import ClassVar

from bundle import bundle
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).parents[1] / "playground"
SCRIPT, STYLE = "playground.js", "playground.css"


class Playground(SphinxDirective):
    """{playground}; with :small:, one game without settings."""

    option_spec: ClassVar = {"small": directives.flag}

    def run(self):
        static = "../" * self.env.docname.count("/") + "_static"
        return [nodes.raw("", html(static, "small" in self.options), format="html")]


def html(static="_static", small=False):
    """The place on a page, and what stands there without JavaScript; static: the way to the script."""
    return (
        f'<div class="gan-playground"{" data-small" if small else ""}><noscript><p>'
        "The playground needs JavaScript: the two networks train in your browser.</p></noscript></div>"
        f'<link rel="stylesheet" href="{static}/{STYLE}"><script src="{static}/{SCRIPT}" defer></script>'
    )


def write_script(app):
    """One classic script, which carries its worker along as text."""
    if app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    static.mkdir(parents=True, exist_ok=True)
    page, worker = bundle(FOLDER / "page/main.js"), bundle(FOLDER / "worker.js")
    static.joinpath(SCRIPT).write_text(f"({page}).start({json.dumps(worker)});\n", encoding="utf-8")
    static.joinpath(STYLE).write_text(FOLDER.joinpath(STYLE).read_text(encoding="utf-8"), encoding="utf-8")


def setup(app):
    app.add_directive("playground", Playground)
    app.connect("builder-inited", write_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
