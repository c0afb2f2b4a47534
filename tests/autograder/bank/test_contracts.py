"""Variants of contracts are exchanged in the source notebooks, and back to the byte."""

import re
import shutil

import nbformat
import pytest

from autograder.bank import contracts, sync

KNOWN = contracts.load()
ASKED = "ps3-std-one-root"


@pytest.fixture
def path(tmp_path):
    """A copy of one assignment, with standard contracts."""
    (path,) = shutil.copytree(sync.SOURCE / "ps3_mode_collapse", tmp_path / "source/ps3").glob("*.ipynb")
    nbformat.write(contracts.standard(nbformat.read(path, as_version=4)), path)
    return path


def run(path, *arguments):
    return sync.main(["--source", str(path.parents[1]), *arguments])


def plain(assignment):
    """The notebook of an assignment, with standard contracts."""
    (path,) = sync.SOURCE.glob(f"*/{assignment}_*.ipynb")
    return contracts.standard(nbformat.read(path, as_version=4))


def test_a_variant_comes_and_goes_to_the_byte(path, capsys):
    before = path.read_text()
    assert run(path, "--contract", ASKED) == 0
    there = path.read_text()
    assert f'"{ASKED}"' in there and there != before
    assert run(path, "--contract", ASKED) == run(path, "--check") == 0 and path.read_text() == there
    assert run(path, "--contract", "ps3-std") == 0 and path.read_text() == before
    # it is named when it comes, when it is asked for again, and by --check
    said = [f"ps3/ps3_mode_collapse.ipynb: the variant {ASKED}"] * 3
    assert capsys.readouterr().out.splitlines() == said


@pytest.mark.parametrize("number", sorted({one.assignment for one in KNOWN.values()}))
def test_all_variants_come_together_and_go_in_any_order(number):
    notebook = plain(number)
    before = nbformat.writes(notebook)
    names = [one.name for one in KNOWN.values() if one.assignment == number]
    for name in names:
        notebook = contracts.exchange(notebook, name)
        assert nbformat.writes(contracts.exchange(notebook, name)) == nbformat.writes(notebook)
    assert contracts.present(notebook) == names
    contracts.check(notebook, number)
    assert nbformat.writes(contracts.standard(notebook)) == before
    for name in names:
        notebook = contracts.exchange(notebook, KNOWN[name].task)
    assert nbformat.writes(notebook) == before


@pytest.mark.parametrize("one", KNOWN.values(), ids=lambda one: one.name)
def test_no_line_gets_longer_than_those_of_its_cell(one):
    before = {cell.id: cell for cell in plain(one.assignment).cells}
    for cell, passages in one.cells.items():
        longest = max(map(len, before[cell].source.splitlines()))
        for standard, variant in passages:
            assert standard != variant
            assert max(map(len, variant.splitlines())) <= max(110, longest)


def test_help_and_readme_list_the_variants(capsys):
    with pytest.raises(SystemExit):
        sync.main(["--help"])
    shown = capsys.readouterr().out
    readme = (sync.SOURCE.parents[1] / "README.md").read_text()
    rows = dict(re.findall(r"^\| `(ps\d-\w+-[\w-]+)` \| `\w+` \| (.*) \|$", readme, re.MULTILINE))
    assert rows == {one.name: one.differs for one in KNOWN.values()}
    for one in KNOWN.values():
        assert re.search(rf"^  {one.name} +{re.escape(one.differs)}$", shown, re.MULTILINE)


def test_an_unknown_contract_is_an_error(path, capsys):
    with pytest.raises(SystemExit):
        run(path, "--contract", "ps3-std-none")
    assert "no such contract; there are" in capsys.readouterr().err


def test_what_is_released_keeps_its_contract(path, capsys):
    before = path.read_text()
    (path.parents[2] / "release" / path.stem).mkdir(parents=True)
    assert run(path, "--contract", "ps3-std") == 0  # which stands there
    assert run(path, "--contract", ASKED) == 1 and path.read_text() == before
    assert "ps3_mode_collapse is there: what students hand in" in capsys.readouterr().err


@pytest.mark.parametrize("count", [0, 2])
def test_a_passage_that_is_not_there_once_is_named(path, capsys, count):
    standard, _ = KNOWN[ASKED].cells["std"][0]
    path.write_text(path.read_text().replace(standard, "; ".join([standard] * count)))
    assert run(path, "--check") == 1
    error = capsys.readouterr().err
    assert f"{ASKED}: {count} times in cell std, must be once:\n{standard}" in error


def test_a_variant_that_is_gone_is_named(path, capsys):
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["contracts"] = ["ps3-std-lost"]
    nbformat.write(notebook, path)
    assert run(path, "--check") == 1
    assert "has variants that are not in contracts: ['ps3-std-lost']" in capsys.readouterr().err
