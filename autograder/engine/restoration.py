"""A damaged notebook, put together again from the assignment's cells and what the student wrote."""

import collections
import re
import textwrap

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from autograder.engine import texts
from autograder.engine.names import cell_id, listed

NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
HALF = 0.5  # of an own text, by which it is known again; of the cells, above which too many are missing
NAMES = 4  # in a line on what was mended


class Restoration:
    """A notebook on its way back to the assignment's form; its methods are called from top to bottom.

    Args:
        notebook: as it was handed in; its cells lose nbgrader's metadata.
        cells: list of SourceCell, in the assignment's order.
        own: the texts of these cells, as students get them, by name.
        ordinary: texts of the assignment's other cells.

    Attributes:
        place: by name, the submitted cell that was found for a cell of the assignment.
        sequence: all submitted cells, in their order.
        ahead: by name, cells that stand directly ahead of one of the assignment's.
        mended: what was done, one line each.
    """

    def __init__(self, notebook, cells, own, ordinary=()):
        self.known, self.own = {cell.name: cell for cell in cells}, own
        self.given = {texts.plain(text) for text in ordinary}
        self.sequence, self.ids = list(notebook.cells), {cell.id for cell in notebook.cells}
        self.place, self.ahead, self.mended, self.not_run, self.reasons = {}, {}, [], [], []
        self.strange = []
        self.fixed_code = [own[cell.name] for cell in cells if _is_fixed(cell) and cell.kind == "code"]
        # what each piece of code must define, and what of it is a name of nothing else
        self.asked = {cell.name: texts.defined(own[cell.name]) for cell in cells if _is_program(cell)}
        often = collections.Counter(name for names in self.asked.values() for name in names)
        fixed = {name for text in self.fixed_code for name in texts.defined(text)}
        self.only = {
            cell: {name for name in names if often[name] == 1 and name not in fixed}
            for cell, names in self.asked.items()
        }

    def find_by_name(self):
        """Find cells whose metadata or ids have the names of the assignment's; of copies one is chosen."""
        claims, named = {}, set()
        for cell in self.sequence:
            name = cell.metadata.pop("nbgrader", {}).get("grade_id")
            if name in self.known:
                claims.setdefault(name, []).append(cell)
                named.add(id(cell))
            elif name is not None:
                self.strange.append(name)
                self.mended.append(f"cell {name[:60]} is not part of the assignment")
        by_id = []
        for cell in self.sequence:
            if cell.id in self.known and cell.id not in claims and id(cell) not in named:
                self.place[cell.id] = cell
                by_id.append(cell.id)
        self._say(by_id, "had lost its metadata", "had lost their metadata")
        for name, found in claims.items():
            *others, self.place[name] = sorted(found, key=lambda cell: self._answers(name, cell))
            if others:
                last = "the last one" if found[-1] is self.place[name] else "the last one with an answer"
                self.mended.append(f"cell {name} was there more than once; {last} counts")
            for cell in others:
                if _is_fixed(self.known[name]):
                    self._keep(name, cell)
                if _is_fixed(self.known[name]) or texts.plain(cell.source) == texts.plain(self.own[name]):
                    self._drop(cell)

    def find_by_content(self):
        """Find locked cells and cells of checks by what is left of their texts."""
        lost = [name for name, cell in self.known.items() if name not in self.place and _is_fixed(cell)]
        pairs = []
        for cell in self.sequence:
            if self._is_loose(cell) and not self._is_given(cell):
                pairs += [(texts.likeness(cell.source, self.own[name]), name, cell) for name in lost]
        taken, found = set(), []
        for alike, name, cell in sorted(pairs, key=lambda pair: -pair[0]):
            if alike >= HALF and name not in self.place and id(cell) not in taken:
                taken.add(id(cell))
                self.place[name] = cell
                found.append(name)
        self._say(
            found, "had lost its name; its text was found", "had lost their names; their texts were found"
        )

    def keep_additions(self):
        """Put what was written into the assignment's own texts into cells beside them."""
        for name, cell in self.known.items():
            if name in self.place and _is_fixed(cell):
                self._keep(name, self.place[name])

    def _keep(self, name, submitted):
        cell, own, text = self.known[name], self.own[name], submitted.source
        if texts.plain(text) in (texts.plain(cell.source), texts.plain(own)):
            return
        pieces, ahead = [], ""
        if cell.kind == "code":
            parts = texts.added_code(text, own, self.fixed_code, is_test=cell.is_test)
            ahead, behind, kept = parts
            if ahead:
                self.ahead.setdefault(name, []).append(self._new(name, "code", ahead))
            if behind:
                pieces.append(self._new(name, "code", behind))
            if kept:
                self.not_run.append(textwrap.dedent(kept))
                fence = "`" * max(3, 1 + max(map(len, re.findall("`+", kept)), default=0))
                pieces.append(self._new(name, "markdown", f"{fence}python\n{kept}\n{fence}"))
        elif added := texts.added_text(text, own):
            pieces.append(self._new(name, "markdown", added))
            if submitted.get("attachments"):
                pieces[0].attachments = submitted.attachments
        place = next(index for index, one in enumerate(self.sequence) if one is submitted)
        self.sequence[place + 1 : place + 1] = pieces
        kept = "; what was written into it stands beside it" if pieces or ahead else ""
        self.mended.append(f"cell {name} had been changed; its own text was put back{kept}")

    def find_solutions(self):
        """Find the definitions that a solution is asked for, where its cell is missing or blank."""
        order = list(self.known)
        for name, wanted in self.asked.items():
            found = self.place.get(name)
            other_text = found is not None and not self._is_blank(name, found)
            if not wanted or (other_text and wanted & texts.defined(_code(found))):
                continue
            was = "was missing" if found is None else "defines something else" if other_text else "was blank"
            if cell := self._definition(name):
                here = _listed(wanted & texts.defined(_code(cell)))
                if other_text and not self._is_ahead(name, cell):
                    self._drop(cell)
                    self.ahead.setdefault(name, []).append(cell)
                    self.mended.append(f"cell {name} {was}; the cell that defines {here} was put ahead of it")
                elif not other_text:
                    self._put(name, cell, found)
                    self.mended.append(f"cell {name} {was}; the cell that defines {here} took its place")
            elif held := self._held(name):
                other, here = held
                early = order.index(other) < order.index(name)
                if early and other_text:
                    continue
                copied = self._new(name, "code", "" if early else _code(self.place[other]))
                if other_text:
                    self.ahead.setdefault(name, []).append(copied)
                else:
                    self._put(name, copied, found)
                self.mended.append(f"cell {name} {was}; {_listed(here)} is defined in cell {other}")
            elif not other_text and (here := self.only[name] & self._not_run()):
                self._wait(f"cell {name} {was}; what defines {_listed(here)} cannot be run", name)

    def _not_run(self):
        """Names that are defined in text that is kept, and not run."""
        return set().union(*map(texts.defined, self.not_run))

    def _is_ahead(self, name, cell):
        """Whether a loose cell stands ahead of what follows on a solution."""
        _, last = self._between(name)
        return not any(one is cell for one in self.sequence[last:])

    def _definition(self, name):
        """The cell of the student's own that defines what a solution is asked for, or None.

        Of several it is the last one ahead of the next cell of the assignment. A name that is asked for more
        than once counts in its place only.
        """
        first, last = self._between(name)
        pieces = [(first, piece) for part in self.ahead.values() for piece in part]
        found = []
        for index, cell in [*enumerate(self.sequence), *pieces]:
            code = _code(cell)
            if not self._is_loose(cell) or self._is_given(cell):
                continue
            if cell.cell_type != "code" and texts.statements(code) is None:
                continue
            names = self.asked[name] if first <= index < last else self.only[name]
            if names & texts.defined(code):
                found.append((index < last, len(found), cell))
        return max(found, key=lambda one: one[:2])[2] if found else None

    def _held(self, name):
        """The solution of another task that defines what this one is asked for, and the names; or None."""
        for other, cell in self.place.items():
            here = self.only[name] & texts.defined(_code(cell)) if other in self.asked else set()
            if other != name and here:
                return other, here
        return None

    def find_by_place(self):
        """Find answers that have no name by where they stand."""
        found = []
        for name, cell in self.known.items():
            if name in self.place or not cell.solution or (self.asked.get(name) and not cell.grade):
                continue
            first, last = self._between(name)
            for one in self.sequence[first:last]:
                is_text = one.cell_type != "code" or texts.statements(one.source) is None
                fits = is_text if cell.kind == "markdown" else one.cell_type == "code"
                if fits and self._is_loose(one) and one.source.strip() and not self._is_given(one):
                    self.place[name] = one
                    found.append(name)
                    break
        self._say(found, "had lost its name; its place was known", "had lost their names; places were known")

    def in_order(self):
        """The cells of the assignment in its order; a student's own stay behind those that they stood behind.

        Returns: list of cells.
        """
        behind, last, found = {None: []}, None, []
        at = {id(cell): name for name, cell in self.place.items()}
        for cell in self.sequence:
            last = at.get(id(cell), last)
            if id(cell) in at:
                found.append(last)
                behind[last] = []
            else:
                behind[last].append(cell)
        if found != [name for name in self.known if name in behind]:
            self.mended.append("the cells of the assignment were in another order")
        cells = list(behind[None])
        for name, cell in self.known.items():
            cells += [piece for piece in self.ahead.get(name, []) if self._is_loose(piece)]
            cells.append(self._restored(self.place.get(name), cell))
            cells += behind.get(name, [])
        self._say(self.missing(), "was missing", "were missing")
        return cells

    def _restored(self, submitted, cell):
        """The submitted cell as the assignment has it; a solution that is missing is empty."""
        source = "" if submitted is None else submitted.source
        if _is_fixed(cell):
            source = cell.source
        elif submitted is not None and cell.kind == "code":
            source = _code(submitted)
        restored = NEW[cell.kind](source)
        restored.id = self._id(cell.name) if submitted is None else submitted.id
        if submitted is not None:
            if submitted.cell_type != cell.kind:
                self.mended.append(f"cell {cell.name} was a {submitted.cell_type} cell, not {cell.kind}")
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

    def missing(self):
        """Names of the cells that were not found."""
        return [name for name in self.known if name not in self.place]

    def waits(self):
        """Why a person must look at the submission. Returns: list of {"reason": text, "cells": names}."""
        lost = self.missing()
        if len(lost) == len(self.known) and (self.known or self.strange):
            self._wait("no cell of the assignment was found in the notebook")
        elif len(lost) > HALF * len(self.known):
            self._wait(f"{len(lost)} of the assignment's {len(self.known)} cells were missing")
        else:
            for name in lost:
                if self.known[name].solution:
                    self._wait(f"cell {name} was missing, and nothing was found in its place", name)
        return self.reasons

    def is_text(self, cell):
        """Whether a cell holds words of the student's own."""
        if "nbgrader" in cell.metadata or self._is_given(cell) or not cell.source.strip():
            return False
        return cell.cell_type != "code" or texts.statements(cell.source) is None

    def _wait(self, reason, *names):
        """Note a reason to wait, with the solutions concerned and the checks that judge them."""
        cells, order = [], list(self.known.values())
        for name in names:
            place = list(self.known).index(name)
            cells.append(name)
            for cell in order[place + 1 :]:
                if cell.solution:
                    break
                cells += [cell.name] * cell.is_test
        self.reasons.append({"reason": reason, "cells": cells})

    def _between(self, name):
        """The part of the sequence between the cells that were found for a cell's neighbours."""
        at = {id(cell): index for index, cell in enumerate(self.sequence)}
        order = list(self.known)
        there = [at.get(id(self.place.get(one)), -1) for one in order]
        first = 1 + next((index for index in reversed(there[: order.index(name)]) if index >= 0), -1)
        behind = there[order.index(name) + 1 :]
        return first, next((index for index in behind if index >= first), len(self.sequence))

    def _put(self, name, cell, found):
        """Give a solution its cell: in the blank's place, or else between its neighbours."""
        first, last = self._between(name)
        at = next((index for index, one in enumerate(self.sequence) if one is cell), -1)
        self.place[name] = cell
        if found is None and first <= at < last:
            return
        anchor = found if found is not None else next(iter(self.sequence[first:]), None)
        if anchor is not cell:
            self._drop(cell)
            ids = [id(one) for one in self.sequence]
            place = ids.index(id(anchor)) if anchor is not None else len(ids)
            self.sequence[place : place + (found is not None)] = [cell]

    def _new(self, name, kind, source):
        cell, number = NEW[kind](source), 1
        while (chosen := f"{name[:50]}-kept-{number}") in self.ids:
            number += 1
        cell.id = self._id(chosen)
        return cell

    def _id(self, wanted):
        """An id that no other cell has: the one that is wanted, where that can be."""
        made = cell_id(wanted, wanted, self.ids)
        self.ids.add(made)
        return made

    def _drop(self, cell):
        self.sequence = [one for one in self.sequence if one is not cell]

    def _is_blank(self, name, cell):
        """Whether a solution is as it was released, but for comments, or defines nothing yet."""
        if not self.known[name].solution or texts.plain(cell.source) == texts.plain(self.own[name]):
            return self.known[name].solution
        return name in self.asked and texts.is_stub(_code(cell), self.own[name])

    def _answers(self, name, cell):
        """How much of an answer a copy of a cell is: 0 for a blank, 2 for what defines what is asked for."""
        if self._is_blank(name, cell):
            return 0
        return 1 + bool(self.asked.get(name, set()) & texts.defined(_code(cell)))

    def _is_given(self, cell):
        return texts.plain(cell.source) in self.given

    def _is_loose(self, cell):
        return all(cell is not one for one in self.place.values())

    def _say(self, names, one, many):
        if len(names) > 1:
            self.mended.append(f"the cells {_listed(names)} {many}")
        elif names:
            self.mended.append(f"cell {names[0]} {one}")


def _listed(names):
    return listed(names if isinstance(names, list) else sorted(names), NAMES)


def _is_fixed(cell):
    """Whether a cell has the assignment's own text, whatever was handed in."""
    return cell.locked or cell.is_test


def _is_program(cell):
    """Whether a cell is code that the student writes."""
    return cell.solution and cell.kind == "code" and not _is_fixed(cell)


def _code(cell):
    return cell.source if cell.cell_type == "code" else texts.unfenced(cell.source)
