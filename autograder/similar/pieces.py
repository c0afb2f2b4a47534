"""Code in pieces that do not change when names, comments, docstrings, hints and the layout do.

Code is parsed and cut into tokens, never run.
"""

import ast
import copy
import io
import re
import warnings

import numpy as np
from copydetect import CodeFingerprint, compare_files
from copydetect.utils import highlight_overlap
from markupsafe import Markup

from autograder.engine.names import shown

LENGTH = 12  # characters of a piece, where each name is one: from the tuning part of tests/autograder/similar
BETWEEN = re.compile(r"\s*\n\s*")  # lines: what is marked is marked line by line


class Code:
    """A text of code.

    Attributes:
        pieces: set of numbers; they mean something in this process only.
    """

    def __init__(self, text):
        self.text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n\ufeff")
        # Window 1: every piece counts. Such texts are short, and what a larger one takes depends on the
        # process, since Python's hashes do.
        self._print = CodeFingerprint(
            "", LENGTH, 1, language="python", fp=io.StringIO(without_hints(self.text))
        )
        self.pieces = {int(one) for one in self._print.hashes}

    def marked(self, others, pieces):
        """The text as HTML, with what stands in other codes as well in <mark>; None where nothing does.

        Args:
            others: list of Code. pieces: those that count.
        """
        own, inside = copy.copy(self._print), np.zeros(len(self.text) + 2, dtype=int)
        own.hashes = own.hashes & pieces
        for other in others:
            overlap, _, slices = compare_files(own, other._print)
            for start, end in slices[0].T if overlap else ():
                inside[int(start) + 1 : int(end) + 1] = 1
        for blank in BETWEEN.finditer(self.text):
            inside[blank.start() + 1 : blank.end() + 1] = 0
        inside[-1] = 0
        edges = np.diff(inside)
        found = np.array([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)])
        if not found.size:
            return None
        html, _ = highlight_overlap(self.text, found, "<mark>", "</mark>", escape_html=True)
        return Markup(shown(html, lines=True))


def without_hints(text):
    """A text of the same length with blanks in the place of docstrings, other lone constants and type hints.

    What is no Python stays as it is.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return text
    spans = []
    for node in nodes:
        match node:
            case ast.AnnAssign():
                spans.append((_end(node.target), _end(node.annotation)))
            case ast.arg(annotation=ast.expr() as hint):
                name = node.lineno, node.col_offset + len(node.arg.encode())
                spans.append((name, _end(hint)))
            case ast.Expr(ast.Constant()):
                spans.append(((node.lineno, node.col_offset), _end(node)))
    lines = [line.encode() for line in text.split("\n")]
    for start, end in sorted(spans, reverse=True):  # what is ahead keeps its place
        for number in range(start[0], end[0] + 1):
            line = lines[number - 1]
            first = start[1] if number == start[0] else 0
            last = end[1] if number == end[0] else len(line)
            blanks = b" " * len(line[first:last].decode())
            lines[number - 1] = line[:first] + blanks + line[last:]
    return b"\n".join(lines).decode()


def _end(node):
    return node.end_lineno, node.end_col_offset
