"""Give every notebook its setup cell: python notebooks/sync_setup.py [--check].

The cell makes the course importable where it is not installed: in Colab, in a Jupyter of one's own. It is the
second cell, the same in all notebooks; the address of the published repository comes from book/_config.yml.
With --check nothing is written: notebooks that differ are named, and the exit status is 1 if there are any.
"""

import argparse
import sys
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = '''\
def find_course(address):
    """Find or fetch the course where its library is not installed."""
    import importlib.util
    import os
    import subprocess
    import sys
    from importlib import metadata
    from pathlib import Path

    if importlib.util.find_spec("gan_lib"):
        return
    beside = Path("../gan_lib").is_dir()
    course = Path(".." if beside else "gan-course").resolve()
    if not course.exists():
        if not address:
            raise ModuleNotFoundError("no gan_lib here: see the README")
        clone = ["git", "clone", "--depth=1", address, str(course)]
        subprocess.run(clone, check=True)
    needed = (course / "requirements.txt").read_text().split("# the book")[0]
    names = {str(found.name).lower() for found in metadata.distributions()}
    missing = [
        line
        for line in needed.splitlines()
        if "==" in line and line.split("==")[0].lower() not in names
    ]
    if missing:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", *missing]
        subprocess.run(pip, check=True)
    sys.path.insert(0, str(course))
    os.environ["PYTHONPATH"] = str(course)  # for processes of their own
    os.chdir(course / "notebooks")


find_course("ADDRESS")'''


def main(arguments=None, root=ROOT):
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a notebook differs"
    )
    options = parser.parse_args(arguments)
    cell = setup_cell(root)
    differing = False
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if notebook.cells[1] == cell:
            continue
        differing = True
        print(f"{path.name}: {'differs' if options.check else 'updated'}")
        if not options.check:
            title, *others = (other for other in notebook.cells if other["id"] != cell["id"])
            notebook.cells = [title, cell, *others]
            nbformat.write(notebook, path)
    return int(options.check and differing)


def setup_cell(root=ROOT):
    """The cell, with the address of the repository; it does not show on the page."""
    config = yaml.safe_load((root / "book/_config.yml").read_text(encoding="utf-8"))
    source = SOURCE.replace("ADDRESS", config["repository"]["url"])
    return nbformat.v4.new_code_cell(source, id="setup", metadata={"tags": ["remove-cell"]})


if __name__ == "__main__":
    sys.exit(main())
