"""How alike submissions are.

The score of two of them is the share of their pieces that both have and others do not:

    sum over the pieces of both, each weighted with (share of the submissions that lack it)^2
    / number of the pieces of either

So what many have written alike counts little, and what nobody else has written counts fully. A copy of a
usual solution has a low score: it cannot be told from an honest one. Submissions that are alike count as one
together, as proteins do in searches for relatives (Henikoff & Henikoff, 1994): what ten have from one source
is not usual for that.
"""

import bisect
import json
from importlib.resources import files

import numpy as np
from scipy import sparse

# Chosen by the tuning part of tests/autograder/similar:
RARITY = 2  # the power above
NEARLY = 0.25  # from the share of common pieces of the middle pair, 0, to all, 1: what counts together
USUAL = 0.67  # share of the submissions; what more have is not shown as a match


class Table:
    """Which submission has which piece.

    Args:
        works: list of sets of pieces, none of them empty.

    Attributes:
        scores: array (n, n) of the scores of all pairs.
    """

    def __init__(self, works):
        self._column = {piece: place for place, piece in enumerate(sorted(set().union(*works)))}
        table = self._rows(works)
        sizes, both = np.array([len(work) for work in works]), (table @ table.T).toarray()
        either = sizes[:, None] + sizes - both
        common = both / either
        middle = np.median(common[np.triu_indices(len(works), 1)])
        counts = 1 / (common >= middle + NEARLY * (1 - middle)).sum(1)
        self._share = counts @ table / (counts.sum() + 1)  # of a batch of two, nobody knows what is usual
        self._weights = (1 - self._share) ** RARITY
        self.scores = (table.multiply(self._weights) @ table.T).toarray() / either

    def _rows(self, sets):
        known = [[self._column[piece] for piece in one if piece in self._column] for one in sets]
        ends = np.cumsum([0, *map(len, known)])
        places = np.array([place for row in known for place in row], dtype=int)
        return sparse.csr_array((np.ones(len(places)), places, ends), shape=(len(sets), len(self._column)))

    def found_in(self, cells, others):
        """How much of cells stands in others and in few submissions.

        Args:
            cells: list of sets, of pieces of submissions, none of them empty. others: list of sets of pieces.

        Returns: array (cells, others): sum of the weights of the pieces of both, by the cell's pieces.
        """
        weighted = self._rows(cells).multiply(self._weights)
        sizes = np.array([[len(cell)] for cell in cells])
        return (weighted @ self._rows(others).T).toarray() / sizes

    def rare(self, pieces):
        """Those of the pieces that are not usual."""
        return {piece for piece in pieces if self._share[self._column[piece]] <= USUAL}


def measured():
    """Scores of pairs of which it is known whether one is a copy: a dict, see measured.json."""
    return json.loads(files(__package__).joinpath("measured.json").read_text(encoding="utf-8"))


def reached(scores, score):
    """How many of some sorted scores are as high as a score."""
    return len(scores) - bisect.bisect_left(scores, score)
