"""The built book behind a local server, and a browser that watches what its pages load and complain about."""

import fcntl
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "book/_build/html"
LOCK = ROOT / "book/_build/tests.lock"
DESKTOP, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def site():
    """Folder of the built book, rebuilt with warnings as errors when anything that it is made of is newer."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:  # of the processes that share the tests, one builds and the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_stale():
            jupyter_book = Path(sys.executable).with_name("jupyter-book")
            call(sys.executable, "notebooks/run.py")
            call(jupyter_book, "build", "book", "-W", "--all", "--keep-going")
    return HTML


def is_stale():
    built = HTML / "searchindex.js"  # written last
    if not built.exists():
        return True
    files = [ROOT / "requirements.txt"]
    for folder in ("book", "gan_lib", "notebooks", "questions"):
        files += (path for path in (ROOT / folder).rglob("*") if path.is_file())
    made = ("_build", "__pycache__", ".ipynb_checkpoints")
    return any(
        path.stat().st_mtime > built.stat().st_mtime for path in files if not set(made) & set(path.parts)
    )


def call(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{(done.stdout + done.stderr)[-4000:]}", pytrace=False)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def address(site):
    """Where the built book is served."""
    handler = lambda *arguments: QuietHandler(*arguments, directory=str(site))  # noqa: E731
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@dataclass
class Visit:
    """An open page and what it did: requests that left the machine, errors of scripts and of the console."""

    page: Page
    external: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def violations(self, within="html", only=None):
        """Serious and critical violations of the accessibility rules (or those named): 'rule: element'."""
        # To the rules a picture is one thing with a name, but they would walk over each of its strokes.
        strokes = "mjx-math > *, svg.gan-svg > *, svg[aria-hidden=true] > defs"
        self.page.evaluate(f"document.querySelectorAll('{strokes}').forEach((part) => part.remove())")
        # With preload axe would fetch style sheets itself, from wrong addresses.
        options = {"preload": False, "resultTypes": ["violations"]} | ({"runOnly": only} if only else {})
        found = Axe().run(self.page, within, options).response["violations"]
        return [
            f"{rule['id']}: {node['html'][:200]}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]


@pytest.fixture(scope="module")
def open_page(browser):
    """open_page(url or HTML text, scheme="light", size=DESKTOP, **context options) -> Visit."""

    def open_page(target, scheme="light", size=DESKTOP, **options):
        context = browser.new_context(color_scheme=scheme, viewport=size, **options)
        visit = Visit(context.new_page())
        page = visit.page
        page.on("pageerror", lambda error: visit.errors.append(str(error)))
        page.on("console", lambda line: visit.errors.append(line.text) if line.type == "error" else None)
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("http://127.0.0.1:", "data:", "blob:", "file:"))
                else visit.external.append(request.url)
            ),
        )
        if target.startswith(("http", "file:")):
            page.goto(target)
        else:
            page.set_content(target)
        return visit

    return open_page


@pytest.fixture
def visit(open_page):
    """open_page, for pages that a test has to itself: they are closed after it."""
    visits = []

    def visit(*arguments, **options):
        visits.append(open_page(*arguments, **options))
        return visits[-1]

    yield visit
    for seen in visits:
        seen.page.context.close()


@pytest.fixture(scope="session")
def desktop():
    return DESKTOP


@pytest.fixture(scope="session")
def phone():
    return PHONE
