"""``similar-ASSIGNMENT.html``: who is like whom, and where, on one page that needs nothing else."""

from pathlib import Path

from jinja2 import FileSystemLoader

from autograder.grade import report
from autograder.similar.rank import measured, reached

_HERE = Path(__file__).parent
_TEMPLATES = report.TEMPLATES.overlay(
    loader=FileSystemLoader([_HERE, Path(report.__file__).parent])  # what both pages share is there
)


def write(path, assignment, comparison, top):
    """Write the page of a comparison.

    Args:
        path: of the page. comparison: Comparison. top: how many pairs, and matches with what anybody can
            read, are shown.
    """
    known, rare = measured(), comparison.table.rare
    pairs = [
        {
            "first": first.name,
            "second": f"{second.name} (earlier year)" if second.is_earlier else second.name,
            "score": score,
            "honest": reached(known["honest"], score),
            "copies": len(known["copies"]) - reached(known["copies"], score),
            "cells": _side_by_side(first.cells, second.cells, rare(first.pieces & second.pieces)),
        }
        for score, first, second in comparison.pairs[:top]
    ]
    copied = [
        {
            "student": work.name,
            "cell": cell,
            "source": name,
            "share": share,
            "cells": _side_by_side(
                {cell: work.cells[cell]},
                {name: code},
                rare(work.cells[cell].pieces & code.pieces & work.pieces),
            ),
        }
        for share, work, cell, name, code in comparison.copied[:top]
    ]
    page = _TEMPLATES.get_template("similar.html.jinja").render(
        assignment=assignment, comparison=comparison, pairs=pairs, copied=copied, known=known
    )
    path.write_text(page, encoding="utf-8")


def _side_by_side(ours, theirs, pieces):
    """The cells of two in which pieces stand: a list of dicts, that with the largest share first.

    Args:
        ours, theirs: dicts from the name of a cell to Code. pieces: of both.
    """
    left = {cell: code.marked(list(theirs.values()), pieces) for cell, code in ours.items()}
    right = {cell: code.marked(list(ours.values()), pieces) for cell, code in theirs.items()}
    cells = []
    for name in left | right:
        if left.get(name) or right.get(name):
            found = [side[name].pieces for side in (ours, theirs) if name in side]
            share = sum(len(own & pieces) for own in found) / sum(map(len, found))
            cells.append({"name": name, "share": share, "left": left.get(name), "right": right.get(name)})
    return sorted(cells, key=lambda cell: -cell["share"])
