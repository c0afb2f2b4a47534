"""The table of vectors in a browser, on the pages that people open: feedback, and formgrader logged in."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
import small_course
from nbformat.v4 import new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from playwright.sync_api import expect
from round_trip.serving import TOKEN, serving
from round_trip.vectors import cells
from small_course import PS

MATHJAX = "https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.7/"
OFFLINE = Path(nbformat.__file__).parents[1] / "sphinx-mathjax-offline/static/mathjax"
EVERY = 25  # one vector in so many stands in a cell that gets points, whose heading nothing may cover

# The newer MathJax has no list of what is safe, and none of what formgrader asks of the older one.
BEFORE = "MathJax = {tex: {inlineMath: [['$', '$']]}};\n"
AFTER = """
MathJax.Hub = {Config() {}, Queue() {}, Startup: {signal: {Interest() {}}}};
"""
# What the templates put around a student's work, before and after it is cleaned.
STUDENTS = ".text_cell_render, .output_subarea, .input_area"

WATCH = "window.steal = (what) => console.error('stolen: ' + what)"

# What is seen of a page: list of complaints.
LOOK = """async (students) => {
  const said = [], inside = (e) => e && e.closest(students);
  const cut = (e) => e.outerHTML.slice(0, 300);
  const boxes = [...document.querySelectorAll(students)].filter((e) => !e.parentElement.closest(students));
  const tags = new Set(`A ABBR B BR CODE DEL EM I KBD S SPAN STRONG SUB SUP U BLOCKQUOTE DD DETAILS DIV DL DT
    HR LI OL P PRE SUMMARY UL CAPTION TABLE TBODY TD TFOOT TH THEAD TR IMG H1 H2 H3 H4 H5 H6`.split(/\\s+/));
  for (const box of boxes) {
    for (const e of box.querySelectorAll('*')) {
      if (e.closest('mjx-container')) {
        if (e.hasAttribute('onclick') || /(full-credit|modal)/.test(e.className))
          said.push('formula: ' + cut(e));
        continue;
      }
      for (const name of e.classList)
        if (!/^(highlight|hl-ipython3|[a-z0-9]{1,3})$/.test(name)) said.push(`class ${name}: ` + cut(e));
      if (!tags.has(e.tagName)) said.push('element: ' + cut(e));
      for (const {name, value} of e.attributes) {
        if (/^on|^id$|^name$|^data-|^form|^srcset$/.test(name) && !/^data-(mjx|mml|latex)/.test(name))
          said.push(`attribute ${name}: ` + cut(e));
      }
    }
    for (const a of box.querySelectorAll('[href]')) {
      const to = a.getAttribute('href');
      if (!/^(https?:\\/\\/|mailto:|#)/i.test(to)) said.push(`link to ${to}: ` + cut(a));
    }
    for (const img of box.querySelectorAll('[src]')) {
      if (!/^data:image\\/(png|jpeg|gif|webp);base64,/.test(img.getAttribute('src')))
        said.push('picture: ' + cut(img));
    }
    if (box.getBoundingClientRect().height > 12000) said.push('endless: ' + cut(box));
    if (box.getBoundingClientRect().width > innerWidth) said.push('wide: ' + cut(box));
  }
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth + 20) said.push(`page too wide: ${wide}`);
  // what is the page's own is on top where it stands
  const parts = 'nav, .panel-heading, .panel-heading *, .panel-footer *, #toc li';
  const own = [...document.querySelectorAll(parts)];
  for (const e of own.filter((e) => !inside(e))) {
    if (!e.closest('nav')) e.scrollIntoView({block: 'center', behavior: 'instant'});
    const {left, top, width, height} = e.getBoundingClientRect();
    if (!width || !height) continue;
    for (const [x, y] of [[.5, .5], [.02, .1], [.98, .9]]) {
      const over = document.elementFromPoint(left + x * width, top + y * height);
      if (inside(over)) said.push(`covers ${cut(e).slice(0, 80)}: ` + cut(over));
    }
  }
  // nothing of a student's does anything when it is touched; a link that leads elsewhere is not clicked
  for (const box of boxes) for (const e of box.querySelectorAll(':not(mjx-container *)')) {
    if (e.attributes.length) for (const kind of ['mouseover', 'mouseenter', 'focus', 'pointerover', 'change'])
      e.dispatchEvent(new Event(kind, {bubbles: true}));
    const link = e.closest('[href]');
    if (!link || /^#|script:/i.test(link.getAttribute('href')))
      e.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
  }
  // and if something came through all the same, it would not run
  const page = document.body.appendChild(document.createElement('div'));
  page.innerHTML = '<img src="data:image/png," onerror="steal(1)"><a href="javascript:steal(2)">a</a>';
  page.querySelector('a').click();
  page.append(Object.assign(document.createElement('script'), {textContent: 'steal(3)'}));
  await new Promise((done) => setTimeout(done, 1000));
  return said;
}"""


@pytest.fixture(scope="module")
def monkeypatch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def course(tmp_path_factory, monkeypatch):
    """A course in which eve has handed in the table, already graded, and files that are pages beside it."""
    folder = tmp_path_factory.mktemp("vectors") / "course"
    submitted = folder / "autograded" / "eve" / PS
    submitted.mkdir(parents=True)
    shutil.copy(small_course.CONFIG, folder.parent)
    script = "<script>steal('file')</script>"
    for name, text in {
        "figure3.html": script,
        "figure3.svg": f'<svg xmlns="http://www.w3.org/2000/svg">{script}</svg>',
        "figure3.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml">{script}</html>',
        "figure3.png": script,
        "deep/figure3.htm": script,
        f"{PS}.html/figure3.html": script,
    }.items():
        path = submitted / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    notebook = new_notebook()
    monkeypatch.setenv(
        "PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )  # has alembic
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "gan") as book:
        book.add_assignment(PS)
        book.add_notebook(PS, PS)
        for number, (_, vector) in enumerate(cells()):
            if number % EVERY == 0 and "nbgrader" not in vector.metadata:
                name, kind = f"v{number}", vector.cell_type
                if kind == "raw":
                    continue
                book.add_grade_cell(name, PS, PS, max_score=1, cell_type=kind)
                book.add_solution_cell(name, PS, PS)
                marks = {"grade": True, "solution": True, "grade_id": name, "points": 1, "task": False}
                vector.metadata["nbgrader"] = marks | {
                    "locked": False,
                    "schema_version": 3,
                    "cell_type": kind,
                }
            notebook.cells.append(vector)
        book.add_student("eve", first_name="E", last_name='<img src=x onerror=steal("name")>')
        book.add_student("o'neil", first_name="</script><script>steal('name')</script>", last_name='"')
        book.add_submission(PS, "eve")
        book.add_submission(PS, "o'neil")
    (submitted / f"{PS}.ipynb").write_text(json.dumps(notebook))
    short = folder / "autograded" / "o'neil" / PS
    short.mkdir(parents=True)
    (short / f"{PS}.ipynb").write_text(json.dumps(new_notebook(cells=[new_markdown_cell("Text.")])))
    return folder


@pytest.fixture
def visit(browser):
    """Function from an address to the page and what it asked for: list of 'METHOD address'."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})

    def visit(address):
        page, asked = context.new_page(), []

        def heard(line):
            if line.type == "error":
                (page.stolen if "stolen: " in line.text else page.errors).append(line.text)

        page.stolen, page.errors = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.add_init_script(WATCH)
        page.on("console", heard)
        page.on("dialog", lambda dialog: (page.stolen.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        page.route(re.compile("^https:"), from_the_disk)
        page.goto(address)
        return page, asked

    yield visit
    context.close()


def from_the_disk(route):
    """MathJax; nothing else is to be had."""
    name = route.request.url.removeprefix(MATHJAX).partition("?")[0]
    if name == "MathJax.js":
        route.fulfill(
            body=BEFORE + (OFFLINE / "tex-chtml-full.js").read_text() + AFTER, content_type="text/javascript"
        )
    elif (OFFLINE / name).is_file():
        route.fulfill(path=OFFLINE / name)
    else:
        route.abort()


def complaints(page, asked, own):
    """What is wrong with a page: list of texts.

    Args:
        own: beginnings of the addresses that the page may ask for.
    """
    page.wait_for_function("window.MathJax?.startup?.promise")
    page.evaluate("MathJax.startup.promise")
    assert page.locator("mjx-container").count() > 20
    said = page.evaluate(LOOK, STUDENTS)
    said += page.stolen
    return said + [
        f"asks: {one[:200]}"
        for one in asked
        if not one.startswith((*own, f"GET {MATHJAX}", "GET data:image/"))
    ]


def summary(found):
    """How many complaints of which kinds there are, and some of each."""
    kinds = {}
    for one in found:
        kinds.setdefault(re.match("[a-z ]*", one)[0], []).append(one)
    lines = [f"{len(some)} × {kind}\n" + "\n".join(some[:8]) for kind, some in kinds.items()]
    return f"{len(found)} complaints\n" + "\n".join(lines)


def test_there_are_many_vectors():
    assert len(cells()) > 700


def test_nothing_on_a_feedback_page(course, visit):
    done = small_course.nbgrader(course, "generate_feedback", PS)
    address = (course / "feedback" / "eve" / PS / f"{PS}.html").as_uri()
    assert done.returncode == 0, done.stderr[-3000:]
    page, asked = visit(address)
    fonts = f"GET {(course / 'feedback/eve/fonts/glyphicons').as_uri()}"  # Bootstrap's, which are not there
    found = complaints(page, asked, [f"GET {address}", fonts])
    assert not found, summary(found)


@pytest.fixture(scope="module")
def server(course):
    with serving(course) as server:
        yield server


@pytest.fixture(scope="module")
def submissions(server):
    """Addresses of the pages: dict by student."""
    listed = json.loads(server.ask(f"formgrader/api/submitted_notebooks/{PS}/{PS}"))
    return {row["student"]: f"formgrader/submissions/{row['id']}/" for row in listed}


def test_nothing_in_formgrader(server, submissions, visit):
    address = f"{server.address}/{submissions['eve']}"
    visit(f"{server.address}/login?token={TOKEN}")
    page, asked = visit(address)
    own = [f"GET {address}"]
    own += [f"GET {server.address}/formgrader/{part}" for part in ("static/", "api/grades", "api/comments")]
    found = complaints(page, asked, own)
    assert not found, summary(found)


def test_files_that_were_handed_in_are_no_pages_of_the_server(server, submissions):
    for name in (
        "figure3.html",
        "figure3.svg",
        "figure3.xhtml",
        "figure3.png",
        "deep/figure3.htm",
        f"{PS}.ipynb",
    ):
        answer = server.answer(submissions["eve"] + name)
        assert answer.status == 200
        assert answer.headers["Content-Disposition"] == "attachment"
        assert "sandbox; default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_each_answer_has_a_nonce_of_its_own(server, submissions):
    answers = [server.answer(submissions["o'neil"]) for _ in range(2)]
    nonces = [
        re.search("'nonce-([^']+)'", answer.headers["Content-Security-Policy"])[1] for answer in answers
    ]
    assert nonces[0] != nonces[1]
    for nonce, answer in zip(nonces, answers, strict=True):
        text = answer.read().decode()
        assert text.count("<script") == text.count(f'nonce="{nonce}"') > 10


def test_names_are_no_scripts_and_formgraders_own_pages_work(server, submissions, visit):
    """Names as they come from folders and rosters; its buttons have their code in attributes."""
    visit(f"{server.address}/login?token={TOKEN}")
    pages = {
        "manage_students": "o'neil",
        "manage_students/%3Cimg%20src=x%20onerror=steal(1)%3E": "",
        "manage_students/%22;steal(1);%22": "",
        "manage_students/%3C%2Fscript%3E%3Cscript%3Esteal(1)%3C%2Fscript%3E": "",
        f"manage_students/o'neil/{PS}": PS,
        f"gradebook/{PS}/{PS}": "Submission #1",
        f"manage_submissions/{PS}": "o'neil",
        "manage_assignments": "",
    }
    for address, shown in pages.items():
        page, asked = visit(f"{server.address}/formgrader/{address}")
        page.locator("#main-table td", has_text=shown).first.wait_for()
        expect(page.locator("body")).not_to_contain_text("Loading, please wait", use_inner_text=True)
        errors = [line for line in page.errors if "404" not in line]
        assert not page.stolen and not errors, f"{address}: {page.stolen} {errors}"
        assert all(one.startswith(f"GET {server.address}/formgrader/") for one in asked), asked
        for button, makes in {
            "text=Show All Names": "text=Hide All Names",
            "a:text('Add new assignment')": ".modal.in",
            "a:text('Add new student')": ".modal.in",
        }.items():
            if page.locator(button).count():
                page.locator(button).click()
                page.locator(makes).wait_for()
        assert not page.stolen and not page.errors


def test_a_name_on_a_page_of_points_is_no_script(server, submissions, visit):
    visit(f"{server.address}/login?token={TOKEN}")
    page, _ = visit(server.address + "/" + submissions["o'neil"])
    page.locator(".glyphicon-eye-open").click()
    name = page.locator("a.name-shown")
    name.wait_for()
    assert name.inner_text() == "\", </script><script>steal('name')</script>"
    assert not page.stolen and not page.errors


def test_a_server_of_a_folder_above_has_the_guards_too(course):
    """JupyterLab opens a course that lies in a folder of the server by its path; settings are read then."""
    with serving(course.parent) as server:
        assert server.answer(f"formgrader/?path={course.parent}").status == 200
        rows = json.loads(server.ask(f"formgrader/api/submitted_notebooks/{PS}/{PS}"))
        pages = {row["student"]: f"formgrader/submissions/{row['id']}/" for row in rows}
        answer = server.answer(pages["o'neil"])
        assert "script-src 'nonce-" in answer.headers["Content-Security-Policy"]
        assert "contain: paint" in answer.read().decode()
        assert server.answer(pages["eve"] + "figure3.html").headers["Content-Disposition"] == "attachment"
