"""Guards of nbgrader's formgrader: its pages run the scripts of nbgrader's templates, and no others.

Formgrader shows what students wrote in the browser of someone who is logged in to a server that runs
commands. Its templates put names into scripts, and what was handed in is served as pages of the server.
"""

import functools
import re
import secrets
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from jinja2 import BaseLoader, Environment, FileSystemLoader
from traitlets import Unicode

from autograder.plugins.pages import MATHJAX, StudentPages

HANDLERS = "nbgrader.server_extensions.formgrader.handlers"
ALONE = "sandbox; default-src 'none'"  # the policy of what was handed in: no page of this server


def protect():
    """Puts the guards into formgrader's handlers, if this process is a server that has them.

    A line of the settings calls this: formgrader reads them before it answers, from whatever folder the
    server was started in.
    """
    if HANDLERS not in sys.modules:
        return
    handlers = sys.modules[HANDLERS]
    page, files = handlers.BaseHandler, handlers.SubmissionFilesHandler
    page.nonce, page.content_security_policy = property(_nonce), property(_policy)
    page.exporter, page.render = property(_exporter), _render
    files.content_security_policy = property(lambda handler: f"{_jupyters(handler)}, {ALONE}")
    files.set_extra_headers = lambda handler, path: handler.set_header("Content-Disposition", "attachment")


class GraderPages(StudentPages):
    """The pages on which a person gives points."""

    nonce = Unicode(help="what a browser knows the template's own scripts by")

    def from_notebook_node(self, nb, resources=None, **settings):
        named = {name: _name(value) for name, value in (resources or {}).items()}
        return super().from_notebook_node(nb, named, **settings)

    def _create_environment(self):
        environment = super()._create_environment()
        environment.loader = _Known(environment.loader, self.nonce)
        return environment


class _Known(BaseLoader):
    """Templates whose scripts carry the nonce; what is put into them later does not.

    Args:
        loader: of the templates.
        nonce: str.
    """

    def __init__(self, loader, nonce):
        self.loader, self.nonce = loader, nonce

    def get_source(self, environment, template):
        source, *rest = self.loader.get_source(environment, template)
        return source.replace("<script", f'<script nonce="{self.nonce}"'), *rest


def _nonce(handler):
    """Of this answer."""
    if "_nonce" not in vars(handler):
        handler._nonce = secrets.token_urlsafe(16)
    return handler._nonce


def _policy(handler):
    """Content-Security-Policy of formgrader's pages, beside Jupyter's own."""
    scripts = f"'nonce-{handler.nonce}' 'unsafe-hashes' {' '.join(_hashes())} {MATHJAX}"
    if type(handler).__name__ == "SubmissionHandler":
        scripts += " 'unsafe-eval'"  # MathJax's way with its own settings
    return (
        f"{_jupyters(handler)}, default-src 'none'; script-src {scripts}; connect-src 'self'; "
        f"style-src 'self' 'unsafe-inline'; font-src 'self' {MATHJAX}; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _jupyters(handler):
    return super(sys.modules[HANDLERS].BaseHandler, handler).content_security_policy


@functools.cache
def _hashes():
    """Of the handlers that nbgrader's own templates have in attributes."""
    folder = Path(sys.modules[HANDLERS].template_path)
    found = set()
    for template in folder.rglob("*.*"):
        found |= set(re.findall(r'\son[a-z]+="([^"{]+)"', template.read_text(), re.IGNORECASE))
    return sorted(f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'" for code in found)


def _exporter(handler):
    handlers = sys.modules[HANDLERS]
    config = handler.settings["nbgrader_formgrader"].config
    place = {"template_name": "formgrade", "extra_template_basedirs": [handlers.template_path]}
    return GraderPages(config=config, nonce=handler.nonce, **place)


def _render(handler, name, **names):
    templates = FileSystemLoader([sys.modules[HANDLERS].template_path])
    template = Environment(loader=_Known(templates, handler.nonce)).get_template(name)
    return template.render(**{key: _name(value) for key, value in names.items()})


def _name(value):
    """A name as it can stand in HTML, in its attributes, and in texts of scripts; whoever it is stays O'Neil.

    Values of other types stay as they are.
    """
    if isinstance(value, dict):
        return {key: _name(one) for key, one in value.items()}
    if not isinstance(value, str):
        return value
    return re.sub(r"""[<>"\\\n\r\u2028\u2029]""", lambda mark: f"&#{ord(mark[0])};", value)
