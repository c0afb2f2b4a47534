"""Submitted notebooks: read whatever they are, and given back the cells of the assignment."""

import json
import re
from dataclasses import dataclass

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from autograder.engine.wire import utf8

SIZE = 128 << 20  # bytes; a notebook of text and pictures has a few million
PARTS = 5_000_000  # lists and objects, or what looks like them in a text: each takes a hundred bytes
CELLS = 2000
WRITTEN = 1_000_000  # characters in the sources of all cells
NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


class Unreadable(ValueError):
    """A file that is no notebook; the message says why."""


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
        data = json.loads(text)
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
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("it has no cells")
    if len(cells) > CELLS:
        raise Unreadable(f"it has {len(cells)} cells, above the limit of {CELLS}")
    notebook = new_notebook(metadata={"language_info": {"name": "python"}})
    metadata = data.get("metadata")
    kernelspec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    if isinstance(kernelspec, dict) and all(isinstance(value, str) for value in kernelspec.values()):
        plain = {utf8(name): utf8(value) for name, value in kernelspec.items()}
        notebook.metadata.kernelspec = nbformat.from_dict(plain)
    ids = set()
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") in tuple(NEW):
            notebook.cells.append(_cell(cell, ids))
    if (size := sum(len(cell.source) for cell in notebook.cells)) > WRITTEN:
        raise Unreadable(f"its cells hold {size} characters, above the limit of {WRITTEN}")
    return notebook


def _cell(data, ids):
    source = data.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    cell = NEW[data["cell_type"]](utf8(source) if isinstance(source, str) else "")
    name = data.get("id")
    if isinstance(name, str) and re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) and name not in ids:
        cell.id = name
    ids.add(cell.id)
    if cell.cell_type == "raw":  # one without a type would become part of a page, scripts and all
        cell.metadata.raw_mimetype = "text/plain"
    metadata = data.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(marks, dict) and isinstance(marks.get("grade_id"), str):
        plain = {name: value for name, value in marks.items() if isinstance(value, (str, bool, int, float))}
        cell.metadata.nbgrader = nbformat.from_dict(plain)
    attachments = data.get("attachments")
    if data["cell_type"] == "markdown" and isinstance(attachments, dict):
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


def restore(notebook, cells):
    """Give a submitted notebook the assignment's own cells, in the assignment's order.

    Locked cells and cells of checks get their text back, cells that are missing come back, of copies the last
    one counts and the others become ordinary cells. Cells that students added stay behind the cell that they
    stood behind.

    Args:
        notebook: as `read` returns it; changed in place.
        cells: list of SourceCell, in the assignment's order.

    Returns: list of what had to be mended, one line each.
    """
    known, place, mended = {cell.name: cell for cell in cells}, {}, []
    for cell in reversed(notebook.cells):
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.metadata.pop("nbgrader", None)
        if name in place:
            mended.append(f"cell {name} was there more than once; the last one counts")
        elif name in known:
            place[name] = cell
        elif name is not None:
            mended.append(f"cell {name[:60]} is not part of the assignment")
    behind, last, found = {None: []}, None, []
    at = {id(cell): name for name, cell in place.items()}
    for cell in notebook.cells:
        last = at.get(id(cell), last)
        if id(cell) in at:
            found.append(last)
            behind[last] = []
        else:
            behind[last].append(cell)
    if found != [name for name in known if name in place]:
        mended.append("the cells of the assignment were in another order")
    notebook.cells = list(behind[None])
    for name, cell in known.items():
        if name not in place:
            mended.append(f"cell {name} was missing")
        notebook.cells.append(_restored(place.get(name), cell, mended))
        notebook.cells += behind.get(name, [])
    return mended


def _restored(submitted, cell, mended):
    """The submitted cell as the assignment has it, or the assignment's own where there is none."""
    source = cell.source if submitted is None else submitted.source
    if cell.locked or cell.is_test:
        if source not in (cell.source, released(cell.source)):
            mended.append(f"cell {cell.name} had been changed; its own text was put back")
        source = cell.source
    restored = NEW[cell.kind](source)
    if submitted is not None:
        restored.id = submitted.id
        if submitted.cell_type != cell.kind:
            mended.append(f"cell {cell.name} was a {submitted.cell_type} cell, not {cell.kind}")
        elif submitted.get("attachments"):
            restored.attachments = submitted.attachments
    restored.metadata.nbgrader = nbformat.from_dict(
        {
            "schema_version": 3,
            "grade_id": cell.name,
            "grade": cell.grade,
            "solution": cell.solution,
            "task": cell.task,
            "locked": cell.locked,
            "cell_type": cell.kind,
            "checksum": cell.checksum,
            **({} if cell.points is None else {"points": cell.points}),
        }
    )
    return restored
