"""Statements of graded forms, and essays that are graded: what the book does not show.

The question bank (`bank`) is what the book publishes, with keys and reasons. Graded work draws from the files
in ``pools/``, and from those in ``private/``, which git ignores: what nobody has seen. A file is

- a mapping from the id of a question ("T1") to a *family*: ``title``, ``text``, optionally ``code``, and
  ``statements``, a list of ``text``, ``correct``, ``reason`` and optionally ``claims``. A family may stand in
  several files; what is said of it beside its statements is said in the first;
- or a list of essays, in the bank's layout.

What does not fit raises `BankError`, which names file, family and field.
"""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from questions import bank
from questions.layout import BankError, claims_of, fields_of, one_line, read

FOLDER = Path(__file__).parent
ROOMS = ("pools", "private")
LEAST = 10  # statements of a family
PAIRS = 3  # a form shows two pairs whole, and one statement more


@dataclass(frozen=True)
class Statement:
    text: str
    correct: bool
    reason: str
    claims: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Stays as long as the text does, whatever is added to the pool."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Family:
    """A situation and the statements about it; each student sees five of them."""

    id: str
    title: str
    text: str
    statements: tuple[Statement, ...]
    code: str | None = None

    def pool(self) -> tuple[tuple[Statement, ...], ...]:
        """The statements in pairs of a true and a false one, and those that are left by themselves.

        Two pairs and one statement more have two or three true ones of five, whichever they are; neither the
        order of the pairs nor that within a pair says which.
        """
        true, false = (
            sorted((one for one in self.statements if one.correct is wanted), key=lambda one: one.id)
            for wanted in (True, False)
        )
        pairs = [tuple(sorted(pair, key=lambda one: one.id)) for pair in zip(true, false, strict=False)]
        count = len(pairs)
        return tuple(sorted([*pairs, *((one,) for one in true[count:] + false[count:])], key=_order))


def families(folder: Path = FOLDER) -> dict[str, Family]:
    """All families, by id. Raises: BankError."""
    found: dict[str, Family] = {}
    for file, raw in _files(folder, dict):
        for name, entry in raw.items():
            family = _family(str(name), entry, f"{file.name}: {name}: ", found.get(str(name)))
            found[family.id] = family
    for family in found.values():
        for one in family.statements:
            if sum(one.text == other.text for other in family.statements) > 1:
                raise BankError(f"{family.id}: statements: stands there twice: {one.text:.60}")
        pairs = sum(len(pair) == 2 for pair in family.pool())
        if len(family.statements) < LEAST or pairs < PAIRS:
            raise BankError(
                f"{family.id}: statements: expected {LEAST} or more, at least {PAIRS} true and {PAIRS} false"
            )
    return found


def essays(folder: Path = FOLDER) -> dict[str, bank.Question]:
    """The essays that are graded, by id. Raises: BankError."""
    found: dict[str, bank.Question] = {}
    for file, _ in _files(folder, list):
        for question in bank.read_set(file):
            if question.kind != "essay" or question.id in found:
                wrong = "stands there already" if question.id in found else "expected an essay"
                raise BankError(f"{file.name}: {question.id}: {wrong}")
            found[question.id] = question
    return found


def _order(group: tuple[Statement, ...]) -> str:
    return hashlib.sha256("".join(one.id for one in group).encode()).hexdigest()


def _files(folder: Path, kind: type) -> list[tuple[Path, dict | list]]:
    files = [file for room in ROOMS for file in sorted((folder / room).glob("*.yml"))]
    found = [(file, read(file)) for file in files]
    for file, raw in found:
        if not isinstance(raw, (dict, list)):
            raise BankError(
                f"{file.name}: expected a mapping of families or a list of essays, got {raw!r:.80}"
            )
    return [(file, raw) for file, raw in found if isinstance(raw, kind)]


def _family(name: str, entry: object, where: str, known: Family | None) -> Family:
    """A family as a file has it, together with what earlier files say."""
    about = {"title": str, "text": str}
    needed, more = ({}, about) if known else (about, {})
    fields = fields_of(entry, where, needed | {"statements": list}, more | {"code": str}, "a family")
    if known and (twice := [name for name in fields if name != "statements"]):
        raise BankError(f"{where}{twice[0]}: an earlier file says it; here only statements are added")
    statements = tuple(
        _statement(raw, f"{where}statements.{number}.")
        for number, raw in enumerate(fields.pop("statements"), 1)
    )
    if known:
        return dataclasses.replace(known, statements=known.statements + statements)
    return Family(id=name, statements=statements, **fields)


def _statement(raw: object, where: str) -> Statement:
    needed = {"text": str, "correct": bool, "reason": str}
    fields = fields_of(raw, where, needed, {"claims": list}, "a statement")
    texts = {name: one_line(fields[name]) for name in ("text", "reason")}
    return Statement(**texts, correct=fields["correct"], claims=claims_of(fields, where))
