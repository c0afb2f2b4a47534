"""Which of a student's notebooks are the assignment's, whatever a browser or an LMS has called them."""

import os

from autograder.engine.failures import Unreadable
from autograder.engine.names import listed, shown
from autograder.engine.notebooks import SIZE, decoded, read
from autograder.grade.archive import Refused


class Notebooks:
    """The notebooks of an assignment, an assignment of the gradebook."""

    def __init__(self, assignment):
        cells = {
            f"{one.name}.ipynb": {cell.name for cell in one.source_cells} for one in assignment.notebooks
        }
        self.names, self.cells = list(cells), {}
        for name, own in cells.items():  # those that tell it from the others, if there are any
            others = set().union(*(more for other, more in cells.items() if other != name))
            self.cells[name] = own - others or own

    def arrange(self, root):
        """Give notebooks that have other names their own.

        Args:
            root: folder of a submission.

        Returns: the folder in it that has the notebooks.
        Raises: Refused, OSError.
        """
        while len(there := list(root.iterdir())) == 1 and there[0].is_dir():
            root = there[0]
        missing = [name for name in self.names if not root.joinpath(name).is_file()]
        try:
            told = self._told(root, missing) if missing else {}
        except Refused:
            if missing == self.names:
                raise
            told = {}  # something of it can be graded; what the rest is, is found then
        for name, book in told.items():
            book.rename(root / name)
        places = {book.parent for book in told.values()} - {root}
        for place in sorted(places, key=lambda one: len(one.parts), reverse=True):
            for one in list(place.iterdir()):  # what a notebook reads lies beside it
                if not os.path.lexists(root / one.name):
                    one.rename(root / one.name)
            if not any(place.iterdir()):
                place.rmdir()
        return root

    def _told(self, root, missing):
        """Notebooks that have other names, told by their cells: a dict from name to path. Raises: Refused."""
        books = [one for one in sorted(root.rglob("*")) if one.suffix.lower() == ".ipynb" and one.is_file()]
        books = [one for one in books if one.parent != root or one.name not in self.names]
        names = [shown(one.relative_to(root)) for one in books]
        instead = listed(names, 5) or "nothing that is a notebook"
        unclear = f"there is no {' or '.join(missing)}, but {instead}"
        if not 0 < len(books) <= len(missing) or any(root.joinpath(name).exists() for name in missing):
            raise Refused(unclear)
        told = {}
        for book, called in zip(books, names, strict=True):
            if (size := book.stat().st_size) > SIZE:
                raise Refused(f"{called} has {size} bytes, above the limit of {SIZE}")
            try:
                cells = read(decoded(book.read_bytes())).cells
            except Unreadable as error:
                raise Refused(f"{called} is no notebook: {error}") from error
            ids = {one for cell in cells for one in (cell.id, _grade_id(cell))}
            fits = [name for name in missing if self.cells[name] & ids]
            if not fits:
                raise Refused(f"{called} has no cell of the assignment")
            if len(fits) > 1 or fits[0] in told:
                raise Refused(unclear)
            told[fits[0]] = book
        return told


def _grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")
