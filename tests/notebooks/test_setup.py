"""The cell that fetches the course where its library is not installed, run in such places."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SCRIPT = Path(__file__).resolve().parents[2] / "notebooks/sync_setup.py"
SPEC = importlib.util.spec_from_file_location("sync_setup", SCRIPT)
sync_setup = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sync_setup)

REPORT = "\nimport os, gan_lib\nprint(gan_lib.__file__, os.getcwd(), os.environ['PYTHONPATH'], sep='\\n')"


@pytest.fixture
def course(tmp_path):
    """A small published course: a git repository with a library, its needs, and one notebook."""
    root = tmp_path / "published"
    for folder in ("gan_lib", "notebooks", "book"):
        (root / folder).mkdir(parents=True)
    (root / "gan_lib/__init__.py").write_text("")
    (root / "requirements.txt").write_text("# the library\npyyaml==1\n# the book\nno-such-package==1\n")
    (root / "book/_config.yml").write_text(f"repository:\n  url: {root}\n")
    cells = [new_markdown_cell("# Page", id="title"), new_code_cell("n = 1", id="parameters")]
    nbformat.write(new_notebook(cells=cells), root / "notebooks/01_page.ipynb")
    commit(root)
    return root


def commit(root):
    person = ["-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], [*person, "commit", "-q", "-m", "A course"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def run(source, folder, **variables):
    """Run code with the packages of this environment, but without the course itself."""
    path = os.pathsep.join([*variables.pop("path", []), sysconfig.get_path("purelib")])
    done = subprocess.run(
        [sys.executable, "-S", "-c", source],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path} | variables,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def setup_source(root):
    return sync_setup.setup_cell(root).source


def test_the_course_is_cloned_where_it_is_missing(course, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for _ in range(2):  # the second time it is there already
        status, output, error = run(setup_source(course) + REPORT, elsewhere)
        assert status == 0, error
        clone = elsewhere / "gan-course"
        assert output.split() == [str(clone / "gan_lib/__init__.py"), str(clone / "notebooks"), str(clone)]


def test_a_notebook_in_the_repository_uses_what_lies_beside_it(course):
    status, output, error = run(setup_source(course) + REPORT, course / "notebooks")
    assert status == 0, error
    assert output.split() == [str(course / "gan_lib/__init__.py"), str(course / "notebooks"), str(course)]


def test_packages_of_the_library_that_are_missing_are_installed(course, tmp_path):
    wheels, target = tmp_path / "wheels", tmp_path / "packages"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "tiny_part-2.0-py3-none-any.whl", "w") as wheel:
        info = "tiny_part-2.0.dist-info"
        wheel.writestr("tiny_part.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-part\nVersion: 2.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (course / "requirements.txt").write_text("# the library\npyyaml==1\ntiny-part==2.0\n# the book\n")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_TARGET": str(target)}
    status, _, error = run(setup_source(course) + "\nimport gan_lib", course / "notebooks", **pip)
    assert status == 0, error
    assert {path.name for path in target.glob("*.py")} == {"tiny_part.py"}


def test_without_an_address_the_reader_is_told(course, tmp_path):
    (course / "book/_config.yml").write_text("repository:\n  url: ''\n")
    status, _, error = run(setup_source(course), tmp_path)
    assert status == 1
    assert "ModuleNotFoundError: no gan_lib here: see the README" in error


def test_where_the_course_is_installed_nothing_happens(course, tmp_path):
    source = setup_source(course) + "\nimport os\nprint(os.getcwd())"
    status, output, error = run(source, tmp_path, path=[str(course)])
    assert (status, output.strip()) == (0, str(tmp_path)), error
    assert not (tmp_path / "gan-course").exists()


def test_the_cell_is_added_and_brought_up_to_date(course, capsys):
    path = course / "notebooks/01_page.ipynb"
    assert sync_setup.main(["--check"], course) == 1
    assert [cell.id for cell in nbformat.read(path, 4).cells] == ["title", "parameters"]
    assert sync_setup.main([], course) == 0
    assert sync_setup.main(["--check"], course) == 0
    (course / "book/_config.yml").write_text("repository:\n  url: https://example.org/a/b\n")
    assert sync_setup.main(["--check"], course) == 1
    assert "01_page.ipynb: differs" in capsys.readouterr().out
    assert sync_setup.main([], course) == 0
    cells = nbformat.read(path, 4).cells
    assert [cell.id for cell in cells] == ["title", "setup", "parameters"]
    assert 'find_course("https://example.org/a/b")' in cells[1].source
    assert cells[1].metadata.tags == ["remove-cell"]


def test_every_notebook_of_the_course_has_the_cell():
    assert sync_setup.main(["--check"]) == 0
