"""The notebooks as they stand in git: clean, parameterised, and known to the profiles."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PROFILES = yaml.safe_load((FOLDER / "profiles.yml").read_text(encoding="utf-8"))

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_is_valid_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5), "cells need ids"
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code":
            assert cell.outputs == [], f"cell {number} has outputs"
            assert cell.execution_count is None, f"cell {number} has an execution count"


def test_begins_with_a_title_and_explains_itself(path):
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")


def test_cells_have_readable_ids_of_their_own(path):
    ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]
    assert len(ids) == len(set(ids))
    # Those that Jupyter draws by itself are eight hexadecimal digits.
    faulty = [id for id in ids if not re.fullmatch(r"(?![0-9a-f]{8}$)[a-z][a-z0-9]*(-[a-z0-9]+)*", id)]
    assert faulty == []


def test_has_one_parameters_cell(path):
    cells = nbformat.read(path, as_version=4).cells
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_profiles_set_parameters_that_the_notebook_has(path, profile):
    assert path.stem in PROFILES[profile]
    known = papermill.inspect_notebook(path)
    assert set(PROFILES[profile][path.stem] or {}) <= set(known)


def test_profiles_name_only_notebooks_that_exist(path):
    assert set(PROFILES["cpu"]) == set(PROFILES["gpu"]) == {notebook.stem for notebook in NOTEBOOKS}
