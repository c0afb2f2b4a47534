"""``python -m autograder similar``: a batch, earlier years and what anybody can read, compared."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.converters import NbGraderException
from rich.console import Console
from rich.progress import track

from autograder.engine.names import shown
from autograder.grade.course import open_course
from autograder.grade.gradebook_cells import source_folder
from autograder.similar import page
from autograder.similar.gather import Given, readable, submissions
from autograder.similar.pieces import Code
from autograder.similar.rank import Table

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = [path for path in (ROOT / "gan_lib", ROOT / "notebooks") if path.is_dir()]


class TooFew(ValueError):
    """There is nothing to compare with each other."""


@dataclass
class Comparison:
    """What was compared, and what came of it.

    Attributes:
        works: list of Work. table: Table of them.
        failed: dict from the name of each student whose submission is not compared to the reason.
        pairs: list of (score, Work, Work), the highest first; the first one of a pair is of this year.
        copied: list of (share, Work, cell, name of what can be read, its Code), the highest share first.
    """

    works: list
    failed: dict
    table: Table = None
    pairs: list = field(default_factory=list)
    copied: list = field(default_factory=list)

    def rank(self, sources):
        """Fill in the rest. `sources`: dict from a name to Code."""
        self.table = Table([work.pieces for work in self.works])
        news = sorted(range(len(self.works)), key=lambda place: self.works[place].is_earlier)
        pairs = [pair for pair in itertools.combinations(news, 2) if not self.works[pair[0]].is_earlier]
        found = [(float(self.table.scores[one, two]), self.works[one], self.works[two]) for one, two in pairs]
        self.pairs = sorted(found, key=lambda pair: -pair[0])
        cells = [
            (work, cell)
            for work in self.works
            for cell, code in work.cells.items()
            if not work.is_earlier and code.pieces & work.pieces
        ]
        if not sources:
            return
        shares = self.table.found_in(
            [work.cells[cell].pieces & work.pieces for work, cell in cells],
            [code.pieces for code in sources.values()],
        )
        names = list(sources)
        for (work, cell), row in zip(cells, shares, strict=True):
            best = int(row.argmax())
            self.copied.append((float(row[best]), work, cell, names[best], sources[names[best]]))
        self.copied.sort(key=lambda one: -one[0])


def similar(course, assignment, *, earlier=(), against=(), top=20):
    """Compare the submissions of an assignment, and write a page.

    Args:
        course: folder with `nbgrader_config.py`.
        assignment: name.
        earlier: folders like `submitted/`, of earlier years.
        against: files and folders that anybody can read; none for this course's library and notebooks.
        top: how many pairs the page shows.

    Returns: exit status: 0, or 1 if anything could not be compared.
    """
    console = Console(stderr=True, soft_wrap=True, emoji=False, markup=False, highlight=False)
    app = open_course(course, assignment)
    coursedir = app.coursedir
    try:
        found = _compared(coursedir, assignment, earlier, against or PUBLIC, console)
    except (MissingEntry, NbGraderException, TooFew) as error:
        hint = f" Run nbgrader generate_assignment {assignment} first." * isinstance(error, MissingEntry)
        console.print(f"Nothing was compared: {shown(error)}.{hint}", style="red")
        return 1
    for name, why in sorted(found.failed.items()):
        console.print(f"{shown(name)} is not compared: {shown(why)}", style="red")
    path = Path(coursedir.root, f"similar-{assignment}.html")
    page.write(path, assignment, found, top)
    years = sum(work.is_earlier for work in found.works)
    beside = f", and {years} of earlier years" if years else ""
    Console(soft_wrap=True).print(
        f"{len(found.works) - years} submissions compared{beside}; {len(found.failed)} not. Page: {path}",
        markup=False,
        highlight=False,
    )
    return 1 if found.failed else 0


def _compared(coursedir, assignment, earlier, against, console):
    given, works, failed = Given(coursedir, assignment), [], {}
    bar = {"console": console, "transient": True, "disable": not console.is_terminal}
    batches = [(submissions(coursedir, assignment), "")]
    batches += [(submissions(coursedir, assignment, folder), f"{folder}: ") for folder in earlier]
    for batch, where in batches:
        total = len(batch.folders) + len(batch.failed) + len(batch.refused)
        read = given.works(batch, is_earlier=bool(where))
        for student, work in track(read, "submissions", total=total, **bar):
            if isinstance(work, str):
                failed[where + student] = work
            else:
                works.append(work)
    news = sum(not work.is_earlier for work in works)
    if len(works) < 2 or not news:
        why = "".join(f"; {shown(name)}: {shown(reason)}" for name, reason in list(failed.items())[:3])
        raise TooFew(
            f"{assignment} has {news} submissions with code to compare, and {len(works) - news} of earlier "
            f"years; it takes two, one of them of this year{why}"
        )
    found, sources = Comparison(works, failed), {}
    for folder in [*against, source_folder(coursedir, {"assignment": assignment})]:
        try:
            texts = list(readable(folder))
        except (SyntaxError, ValueError, OSError) as error:
            failed[str(folder)] = f"{type(error).__name__}: {error}"
            continue
        for name, text in track(texts, folder.name, **bar):
            sources[name] = Code(text)
            sources[name].pieces -= given.pieces
    found.rank({name: code for name, code in sources.items() if code.pieces})
    return found
