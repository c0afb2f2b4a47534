"""The word of the term, by which released notebooks draw their questions."""

import re
import secrets
from pathlib import Path

from nbgrader.preprocessors import NbGraderPreprocessor

FILE = "term.txt"


class WithTerm(NbGraderPreprocessor):
    """Writes the term's word into the cell that draws numbers and forms, before the gradebook takes it.

    The word is drawn once and kept in the course folder: what is released again, with ``--force`` as well,
    asks each student the same as before. Without the file a new one is drawn, for a new term.
    """

    def preprocess(self, nb, resources):
        cells = [cell for cell in nb.cells if cell.metadata.get("shared") == "forms"]
        if cells:
            term = self._term(Path(self.parent.parent.coursedir.root) / FILE)
            for cell in cells:
                cell.source, count = re.subn(r'^TERM = "\w*"', f'TERM = "{term}"', cell.source, flags=re.M)
                assert count == 1, f"cell {cell.id} has no line that begins with TERM"
        return nb, resources

    def _term(self, file):
        if not file.is_file():
            file.write_text(f"{secrets.token_hex(8)}\n")
            self.log.info("%s: drawn for this term", file)
        return re.sub(r"\W", "", file.read_text())
