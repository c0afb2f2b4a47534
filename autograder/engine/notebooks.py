"""Submitted notebooks: read whatever they are, and given back the cells of the assignment."""

import codecs
import json
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_notebook

from autograder.engine.failures import Unreadable
from autograder.engine.names import cell_id
from autograder.engine.protocol import utf8
from autograder.engine.restoration import NEW, Restoration

SIZE = 128 << 20  # bytes; a notebook of text and pictures has a few million
PARTS = 5_000_000  # lists and objects, or what looks like them in a text: each takes a hundred bytes
CELLS = 2000
WRITTEN = 1_000_000  # characters in the sources of all cells


@dataclass(frozen=True)
class SourceCell:
    """A cell of the assignment as the gradebook has it; points are None for a cell without."""

    name: str
    kind: str
    source: str
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float | None
    checksum: str

    @property
    def is_test(self):
        return self.grade and not self.solution and self.kind == "code"


def decoded(data):
    """The text in a file's bytes: UTF-8, or what a byte order mark says. Raises: Unreadable."""
    kind = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(kind)
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is no text: {error}"[:300]) from error


def read_file(path):
    """The notebook in a file, as `read` returns it. Raises: Unreadable, with the file's name; OSError."""
    path = Path(path)
    if (size := path.stat().st_size) > SIZE:
        raise Unreadable(f"{path.name}: {size} bytes, above the limit of {SIZE}")
    try:
        return read(decoded(path.read_bytes()))
    except Unreadable as error:
        raise Unreadable(f"{path.name} cannot be graded: {error}") from error


def read(text):
    """The notebook in a text, with nothing of it that could surprise a reader.

    Sources, attachments, ids and nbgrader's metadata are kept; outputs, tags and other metadata are not.

    Args:
        text: of the file.

    Returns: valid notebook of format 4.5.
    Raises: Unreadable.
    """
    if text.count("[") + text.count("{") > PARTS:
        raise Unreadable(f"it has more than {PARTS} parts")
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON: {error}"[:300]) from error
    if not isinstance(data, dict) or not isinstance(data.get("nbformat"), int):
        raise Unreadable("it is JSON, but no notebook: there is no version of its format")
    if data["nbformat"] > 4 or data["nbformat"] < 3:
        raise Unreadable(f"its format has the version {str(data['nbformat'])[:20]}; 3 and 4 can be read")
    if data["nbformat"] == 3:
        try:
            data = nbformat.convert(nbformat.from_dict(data), 4)
        except Exception as error:  # whatever an old notebook in disorder makes the converter raise
            raise Unreadable(f"it cannot be brought to format 4: {error!r}"[:300]) from error
        for cell in data["cells"]:
            cell.pop("id", None)  # one by chance
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("it has no cells")
    if len(cells) > CELLS:
        raise Unreadable(f"it has {len(cells)} cells, above the limit of {CELLS}")
    notebook = new_notebook(metadata={"language_info": {"name": "python"}})
    metadata = data.get("metadata")
    kernelspec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    whole = isinstance(kernelspec, dict) and {"name", "display_name"} <= kernelspec.keys()
    if whole and all(isinstance(value, str) for value in kernelspec.values()):
        plain = {utf8(name): utf8(value) for name, value in kernelspec.items()}
        notebook.metadata.kernelspec = nbformat.from_dict(plain)
    ids = set()
    for cell in cells:
        if isinstance(cell, dict):
            notebook.cells.append(_cell(cell, ids, len(notebook.cells)))
    if (size := sum(len(cell.source) for cell in notebook.cells)) > WRITTEN:
        raise Unreadable(f"its cells hold {size} characters, above the limit of {WRITTEN}")
    return notebook


def _cell(data, ids, place):
    source = data.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    kind = data.get("cell_type")
    if kind not in tuple(NEW):  # such as "sql": a text all the same
        kind = "code" if "outputs" in data else "markdown"
    cell = NEW[kind](utf8(source) if isinstance(source, str) else "")
    metadata = data.get("metadata")
    name = data.get("id")
    if name is None and isinstance(metadata, dict):
        name = metadata.get("id")  # where Colab keeps it
    cell.id = cell_id(name, f"{place} {kind} {cell.source}", ids)
    ids.add(cell.id)
    if cell.cell_type == "raw":  # one without a type would become part of a page, scripts and all
        cell.metadata.raw_mimetype = "text/plain"
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(marks, dict) and isinstance(marks.get("grade_id"), str):
        plain = {utf8(name): value for name, value in marks.items() if isinstance(value, (bool, int, float))}
        plain |= {utf8(name): utf8(value) for name, value in marks.items() if isinstance(value, str)}
        cell.metadata.nbgrader = nbformat.from_dict(plain)
    attachments = data.get("attachments")
    if kind == "markdown" and isinstance(attachments, dict):
        kept = {
            utf8(name): {
                utf8(kind): utf8(content) for kind, content in bundle.items() if isinstance(content, str)
            }
            for name, bundle in attachments.items()
            if isinstance(bundle, dict)
        }
        if kept:
            cell.attachments = nbformat.from_dict(kept)
    return cell


def released(source):
    """The text of a cell as students get it: without its hidden part or mark scheme."""
    lines, hidden = [], False
    for line in source.split("\n"):
        hidden = hidden or "### BEGIN HIDDEN TESTS" in line or "### BEGIN MARK SCHEME" in line
        if not hidden:
            lines.append(line)
        hidden = hidden and "### END HIDDEN TESTS" not in line and "### END MARK SCHEME" not in line
    return "\n".join(lines)


def restore(notebook, cells, ordinary=()):
    """Give a submitted notebook the assignment's own cells, in the assignment's order.

    A cell is found by nbgrader's name in its metadata, else by its id, else by its content: the assignment's
    own texts by what is left of them, solutions by the names that they define, other answers by their place.
    Of copies the last one that is no blank counts. Locked cells and cells of checks get their text back, and
    what was written into them stays in cells beside them. A solution that is missing comes back empty, and a
    blank gives way to a definition that stands elsewhere: nothing ever undoes what the student has defined.

    Args:
        notebook: as `read` returns it; changed in place. Under "autograder" its metadata get the lines that
            are returned ("mended"), why a person must look at it ("waits": a list of {"reason": text,
            "cells": names}), the names of the cells that were missing ("missing"), and the ids of cells that
            hold words of the student's ("texts").
        cells: list of SourceCell, in the assignment's order.
        ordinary: texts of the assignment's other cells, which students may change and delete.

    Returns: list of what had to be mended, one line each.
    """
    work = Restoration(notebook, cells, {cell.name: released(cell.source) for cell in cells}, ordinary)
    work.find_by_name()
    work.find_by_content()
    work.keep_additions()
    work.find_solutions()
    work.find_by_place()
    notebook.cells = work.in_order()
    notebook.metadata.autograder = nbformat.from_dict(
        {
            "mended": work.mended,
            "waits": work.waits(),
            "missing": work.missing(),
            "texts": [cell.id for cell in notebook.cells if work.is_text(cell)],
        }
    )
    return work.mended
