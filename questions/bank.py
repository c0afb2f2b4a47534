"""The one reader of the question bank: loads and checks the YAML sets beside this file, hands questions out.

A set is one YAML file, a list of questions; its name is the file's name without ``.yml``. A question has

- ``id`` ("T1"), ``kind`` (one of `KINDS`), ``title``, ``text``, ``explanation``: Markdown with ``$...$``;
- optionally ``code`` (Python), ``page`` (the page that decides it), ``changed`` (what differs from the
  source question, and why) and ``source_key`` (the source's key, where ours is another);
- by kind ``options``, a mapping of the letters A, B, ... to ``text``, ``correct``, ``reason`` and optionally
  ``claims``; or ``answer`` (for a number optionally with ``tolerance``, else 0, and a ``variant``, see
  `Variant`); or ``rubric``, a list of ``asks`` (what students read before they write), ``criterion`` (what
  the answer must hold), ``points`` and, where these are more than one, ``half`` (what earns half of them);
  or, for a program whose statements were audited, nothing of these;
- ``rows``, a mapping of ids such as ``000-T1-B`` to what the source said there (``said``), the ``verdict`` on
  it (one of `VERDICTS`), what ``holds`` instead, and optionally the ids of the ``claims`` that decide it, the
  ``page`` that treats it, if not the question's, and words that this page ``mentions``, if there is no claim.

What does not fit raises `BankError`, which names file, question and field.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from questions.layout import NUMBER, BankError, claims_of, fields_of, one_line, read

FOLDER = Path(__file__).parent
# Sets of the book alone: of no source, and drawn on by no assignment.
PRACTICE = FOLDER / "practice"
VERDICTS = ("true", "true with condition", "false", "contested", "outdated")
COMMON = {"id": str, "kind": str, "title": str, "text": str, "explanation": str, "rows": dict}
EXTRA = {"code": str, "page": str, "changed": str}
# kind: (fields it needs beyond COMMON, fields it may have beyond EXTRA)
KINDS: dict[str, tuple[dict, dict]] = {
    "single": ({"options": dict}, {"source_key": list}),
    "multiple": ({"options": dict}, {"source_key": list}),
    "numeric": ({"answer": NUMBER}, {"tolerance": NUMBER, "variant": dict, "source_key": NUMBER}),
    "text": ({"answer": str}, {"variant": dict, "source_key": str}),
    "essay": ({"rubric": list}, {}),
    "program": ({}, {}),
}


@dataclass(frozen=True)
class Option:
    letter: str
    text: str
    correct: bool
    reason: str
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One audited statement of the source: what it said, the verdict on it, what holds, and where."""

    id: str
    said: str
    verdict: str
    holds: str
    claims: tuple[str, ...] = ()
    page: str | None = None
    mentions: str | None = None

    @property
    def question(self) -> str:
        """Id of the question that the row belongs to: "T1" for "000-T1-B"."""
        return self.id.split("-")[1]


@dataclass(frozen=True)
class Criterion:
    """A line of an essay's rubric: what it asks for, not giving it away; what earns its points, what half."""

    asks: str
    criterion: str
    points: float
    half: str = ""


@dataclass(frozen=True)
class Variant:
    """A numeric question beside one with a fixed answer, in numbers that every student draws by their id.

    Attributes:
        numbers: for each name that the text speaks of, the numbers that it is drawn from, at least two.
        answer: Python expression in these names and those of `math`.
        tolerance: absolute, > 0.
        explanation: how the answer comes about.
        code: Python that the text speaks of, in the same names.
    """

    title: str
    text: str
    numbers: dict[str, tuple[float, ...]]
    answer: str
    tolerance: float
    explanation: str
    code: str | None = None


@dataclass(frozen=True)
class Question:
    id: str
    set: str
    kind: str
    title: str
    text: str
    explanation: str
    rows: tuple[Row, ...]
    code: str | None = None
    options: tuple[Option, ...] = ()
    answer: float | str | None = None
    tolerance: float | None = None
    variant: Variant | None = None
    rubric: tuple[Criterion, ...] = ()
    page: str | None = None
    changed: str | None = None
    source_key: frozenset[str] | float | str | None = None

    @property
    def key(self) -> frozenset[str] | float | str | None:
        """The right answer: a set of letters, a number or a text; None for an essay or a program."""
        if self.options:
            return frozenset(option.letter for option in self.options if option.correct)
        return self.answer


def load(folder: Path = FOLDER) -> dict[str, Question]:
    """Every question of the YAML sets in `folder`, keyed by id, in the order of file names and of each file.

    Row ids are unique as well: each contains the id of its question.

    Raises: BankError if there is no set, a set breaks the layout, or an id stands twice.
    """
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise BankError(f"{folder}: no question set (*.yml) here")
    bank: dict[str, Question] = {}
    for file in files:
        for question in read_set(file):
            if question.id in bank:
                taken = bank[question.id].set
                raise BankError(f"{file.name}: {question.id}: id: already taken by a question in {taken}.yml")
            bank[question.id] = question
    return bank


def rows() -> list[Row]:
    """Every audited statement of the bank, in the bank's order."""
    return [row for question in load().values() for row in question.rows]


def load_all() -> dict[str, Question]:
    """Every question that a page may ask: the bank's, and those for practice."""
    return load() | load(PRACTICE)


def quiz(*ids: str) -> list[dict[str, Any]]:
    """The named questions as plain dicts, keys and reasons included, for a self-check quiz.

    Raises: KeyError for an unknown id; ValueError for an essay or a program, which no form can check.
    """
    bank = load_all()
    unknown = [name for name in ids if name not in bank]
    if unknown:
        raise KeyError(f"no question {', '.join(unknown)}; the bank has {', '.join(bank)}")
    unfit = [name for name in ids if bank[name].kind in ("essay", "program")]
    if unfit:
        raise ValueError(f"{', '.join(unfit)}: an essay or a program cannot stand in a quiz")
    return [_quiz_entry(bank[name]) for name in ids]


def markdown(question: Question) -> str:
    """The Markdown of a question as a student sees it: title, text, code, options; no key and no reasons."""
    parts = [f"### {question.id} · {question.title}", question.text]
    if question.code is not None:
        parts.append(f"```python\n{question.code}\n```")
    if question.options:
        parts.append(
            "\n".join(f"- **{option.letter}.** {one_line(option.text)}" for option in question.options)
        )
    return "\n\n".join(parts) + "\n"


def _quiz_entry(question: Question) -> dict[str, Any]:
    plain = ("id", "kind", "title", "text", "code", "answer", "tolerance", "explanation")
    options = [
        {"letter": option.letter, "text": option.text, "correct": option.correct, "reason": option.reason}
        for option in question.options
    ]
    return {name: getattr(question, name) for name in plain} | {"options": options}


def read_set(file: Path) -> list[Question]:
    """The questions of one file. Raises: BankError."""
    raw = read(file)
    if not isinstance(raw, list):
        raise BankError(f"{file.name}: expected a list of questions, got {raw!r:.80}")
    return [_question(entry, file, number) for number, entry in enumerate(raw, 1)]


# Below, `where` is the beginning of a message, up to the name of a field: "coding.yml: C1: options.B."


def _question(raw: Any, file: Path, number: int) -> Question:
    if not isinstance(raw, dict):
        raise BankError(f"{file.name}: question {number}: expected the fields of a question, got {raw!r:.80}")
    where = f"{file.name}: {raw.get('id') or f'question {number}'}: "
    kind = raw.get("kind")
    if kind not in list(KINDS):
        raise BankError(f"{where}kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    needed, allowed = KINDS[kind]
    fields = fields_of(raw, where, COMMON | needed, EXTRA | allowed, f"a question of kind {kind}")
    if kind == "numeric":
        fields["tolerance"] = float(fields.get("tolerance", 0))
        if not fields["tolerance"] >= 0:
            raise BankError(f"{where}tolerance: expected 0 or more, got {fields['tolerance']}")
    if "variant" in fields:
        fields["variant"] = _variant(fields["variant"], f"{where}variant.")
    if "options" in fields:
        fields["options"] = _options(fields["options"], kind, where)
    if "rubric" in fields:
        fields["rubric"] = _rubric(fields["rubric"], where)
    fields["rows"] = _rows(fields["rows"], fields["id"], where)
    if isinstance(fields.get("source_key"), list):
        fields["source_key"] = frozenset(fields["source_key"])
    question = Question(set=file.stem, **fields)
    if question.source_key is not None and (question.source_key == question.key or not question.changed):
        raise BankError(f"{where}source_key: expected another key than ours, and `changed` to say why")
    return question


def _options(raw: dict, kind: str, where: str) -> tuple[Option, ...]:
    letters = list(ascii_uppercase[: len(raw)])
    if len(raw) < 2 or list(raw) != letters:
        raise BankError(
            f"{where}options: expected letters A, B, ... in order, got {', '.join(map(str, raw))}"
        )
    options = []
    for letter, entry in raw.items():
        here = f"{where}options.{letter}."
        fields = fields_of(
            entry, here, {"text": str, "correct": bool, "reason": str}, {"claims": list}, "an option"
        )
        options.append(Option(letter, **fields | {"claims": claims_of(fields, here)}))
    right = sum(option.correct for option in options)
    if right == 0 or (kind == "single" and right > 1):
        wanted = "exactly one" if kind == "single" else "at least one"
        raise BankError(f"{where}options: a {kind} choice needs {wanted} correct option, got {right}")
    return tuple(options)


def _variant(raw: dict, where: str) -> Variant:
    texts = {"title": str, "text": str, "answer": str, "explanation": str}
    fields = fields_of(raw, where, texts | {"numbers": dict, "tolerance": NUMBER}, {"code": str}, "a variant")
    if not fields["tolerance"] > 0:
        raise BankError(f"{where}tolerance: expected more than 0, got {fields['tolerance']}")
    for name, values in fields["numbers"].items():
        numbers = isinstance(values, list) and all(isinstance(value, NUMBER) for value in values)
        if not str(name).isidentifier() or not numbers or len(set(values)) < 2:
            raise BankError(f"{where}numbers.{name}: expected a name and two numbers or more, got {values!r}")
    try:
        used = {node.id for node in ast.walk(ast.parse(fields["answer"])) if isinstance(node, ast.Name)}
    except SyntaxError as error:
        raise BankError(f"{where}answer: no expression: {fields['answer']!r}") from error
    if unknown := used - set(fields["numbers"]) - {"math"}:
        raise BankError(f"{where}answer: {', '.join(sorted(unknown))}: not among the numbers")
    fields["numbers"] = {name: tuple(values) for name, values in fields["numbers"].items()}
    return Variant(**fields)


def _rows(raw: dict, question: str, where: str) -> tuple[Row, ...]:
    found = []
    for name, entry in raw.items():
        here = f"{where}rows.{name}."
        if not re.fullmatch(rf"\d{{3}}-{re.escape(question)}(-\w+)*", str(name)):
            raise BankError(f"{where}rows.{name}: expected an id such as 000-{question} or 000-{question}-B")
        if isinstance(entry, dict) and isinstance(entry.get("verdict"), bool):
            entry = entry | {"verdict": str(entry["verdict"]).lower()}  # YAML reads a bare true as a boolean
        optional = {"holds": str, "claims": list, "page": str, "mentions": str}
        fields = fields_of(entry, here, {"said": str, "verdict": str}, optional, "a row")
        verdict, holds = fields["verdict"], fields.get("holds", "")
        if verdict not in VERDICTS:
            raise BankError(f"{here}verdict: expected one of {', '.join(VERDICTS)}, got {verdict!r}")
        if not holds and verdict != "true":
            raise BankError(f"{here}holds: missing (only a plain true may go without)")
        texts = one_line(fields["said"]), verdict, one_line(holds)
        where_to = fields.get("page"), fields.get("mentions")
        found.append(Row(name, *texts, claims_of(fields, here), *where_to))
    return tuple(found)


def _rubric(raw: list, where: str) -> tuple[Criterion, ...]:
    if not raw:
        raise BankError(f"{where}rubric: empty")
    criteria = []
    for number, entry in enumerate(raw, 1):
        here = f"{where}rubric.{number}."
        needed = {"asks": str, "criterion": str, "points": NUMBER}
        fields = fields_of(entry, here, needed, {"half": str}, "a criterion")
        if not fields["points"] > 0:
            raise BankError(f"{here}points: expected more than 0, got {fields['points']}")
        if (fields["points"] > 1) != ("half" in fields):
            raise BankError(f"{here}half: expected where there is more than one point, and only there")
        texts = one_line(fields["asks"]), one_line(fields["criterion"])
        criteria.append(Criterion(*texts, fields["points"], one_line(fields.get("half", ""))))
    return tuple(criteria)
