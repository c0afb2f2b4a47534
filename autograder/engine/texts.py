"""The texts of cells: what they define, how alike two are, and what one has that the other has not.

Nothing here runs a student's code; it is parsed at most.
"""

import ast
import collections
import difflib
import functools
import re
import warnings
from dataclasses import dataclass

LONG = 100_000  # characters; nobody writes so much code into one cell, and a parser's time must have an end
FEW = 200  # statements that are compared with each other letter by letter
ALIKE = 0.7
_BINDS = re.compile(r"^(?:async +def|def|class) +(\w+)|^(\w+) *(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_MAGIC = re.compile(r"^([ \t]*)[%!].*", re.MULTILINE)
_FENCED = re.compile(r"\s*```[^\n`]*\n(.*?)\n?```\s*", re.DOTALL)


@dataclass(frozen=True)
class Statement:
    """A statement at the top of a cell.

    Attributes:
        text: its lines, with the comments above it.
        form: the same for all ways to write it.
        names: that it binds.
        is_empty: whether it is a function that does nothing but raise NotImplementedError.
    """

    text: str
    form: str
    names: frozenset
    is_empty: bool


def plain(text):
    """A text without blanks at the ends of its lines, and without blank lines around it."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def words(text):
    """Lists of words are the same however a text's lines are broken."""
    return text.split()


def unfenced(text):
    """Code that was pasted into a text between fences, without them."""
    found = _FENCED.fullmatch(text)
    return found[1] if found and "```" not in found[1] else text


@functools.lru_cache(maxsize=4096)
def statements(code):
    """The statements at the top of a cell, and the comment below the last one.

    Returns: (tuple of Statement, text), or None for what is no Python.
    """
    if len(code) > LONG:
        return None
    for text in (code, _MAGIC.sub(r"\1pass", code)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(text).body
                found = [(node.end_lineno, ast.dump(node), _bound(node), _is_empty(node)) for node in body]
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        lines, last, parts = code.split("\n"), 0, []
        for end, *rest in found:
            parts.append(Statement("\n".join(lines[last:end]), *rest))
            last = max(last, end)
        return tuple(parts), "\n".join(lines[last:])
    return None


def _bound(node):
    """Names that a statement gives a value in the cell's own namespace."""
    names, left = set(), [node]
    while left:
        node = left.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            left += ast.iter_child_nodes(node)
    return frozenset(names)


def _is_empty(node):
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    kinds = [
        isinstance(part, ast.Pass)
        or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        or (isinstance(part, ast.Raise) and part.exc and "NotImplementedError" in ast.dump(part.exc))
        for part in node.body
    ]
    return all(kinds)


def defined(code):
    """The names that a cell defines; where it is no Python, those that its lines seem to define."""
    found = statements(code)
    if found is None:
        return {name for pair in _BINDS.findall(code[:LONG]) for name in pair if name}
    return {name for statement in found[0] for name in statement.names}


def is_stub(code, own):
    """Whether a cell does no more than the released one: the same statements, or functions without a body."""
    found, wanted = statements(code), statements(own)
    if found is None or wanted is None:
        return False
    forms = {one.form for one in wanted[0]}
    return all(one.form in forms or one.is_empty for one in found[0])


def likeness(text, own):
    """How much of an own text is in another one, from 0 to 1."""
    if plain(text) == plain(own):
        return 1.0
    found, wanted = statements(text), statements(own)
    if found and wanted and wanted[0]:
        forms, names = {one.form for one in found[0]}, {name for one in found[0] for name in one.names}
        same = [one.form in forms or bool(one.names and one.names <= names) for one in wanted[0]]
        return sum(same) / len(same) - 0.01
    there, wanted = _threes(text), _threes(own)
    return len(there & wanted) / len(wanted) - 0.01 if wanted else 0.0


@functools.lru_cache(maxsize=4096)
def _threes(text):
    listed = words(text)
    return frozenset(zip(listed, listed[1:], listed[2:], strict=False))


def added_text(text, own):
    """The lines of a text that are not in the own one."""
    if words(text) == words(own):
        return ""
    known = {line.strip() for line in own.splitlines()}
    return "\n".join(line for line in text.splitlines() if line.strip() not in known).strip("\n")


def added_code(code, own, locked, *, is_test):
    """What was written into a cell of the assignment's own code.

    Args:
        code: as it was handed in.
        own: as students got it.
        locked: all own codes of the assignment; what stands in any of them was not added.
        is_test: whether it is a cell of checks: of these a changed version is kept, but not run.

    Returns: (ahead, behind, kept): code that stood ahead of the own, code that stood behind, and what is not
        to be run: changed checks, comments, lines that are no Python by themselves.
    """
    ahead, behind, kept = [], [], []
    known = {line.strip() for text in locked for line in text.splitlines()}
    found = statements(code)
    if found is None:
        for block in _blocks(code, known):
            (kept if statements(block) is None else behind).append(block)
        return "", "\n\n".join(behind), "\n\n".join(kept)
    own_ones = [one for text in locked for one in (statements(text) or ((), ""))[0]]
    forms = {one.form for one in own_ones}
    names = {
        name for one in own_ones if one.form.startswith(("FunctionDef", "ClassDef")) for name in one.names
    }
    there = {one.form for one in found[0]}
    lost = [one.text for one in (statements(own) or ((), ""))[0] if one.form not in there][:FEW]
    seen = False
    for number, one in enumerate(found[0]):
        if one.form in forms:
            seen = True
            comments = [line for line in one.text.splitlines() if line.strip().startswith("#")]
            kept += [line for line in comments if line.strip() not in known]
        elif is_test and (one.names & names or (number < FEW and _one_like(one.text, lost))):
            seen = True
            kept.append(one.text)
        else:
            (behind if seen or not is_test else ahead).append(one.text)
    kept += [line for line in found[1].splitlines() if line.strip() not in known]
    return tuple("\n".join(part).strip("\n") for part in (ahead, behind, kept))


def _one_like(text, others):
    text = text.strip()[:2000]
    matchers = (difflib.SequenceMatcher(None, other.strip()[:2000], text, autojunk=False) for other in others)
    return any(one.quick_ratio() > ALIKE and one.ratio() > ALIKE for one in matchers)


def _blocks(code, known):
    """The runs of lines that are not known; blank lines are part of one."""
    blocks = collections.deque([[]])
    for line in code.splitlines():
        if line.strip() and line.strip() in known:
            blocks.append([])
        else:
            blocks[-1].append(line)
    return ["\n".join(block).strip("\n") for block in blocks if any(map(str.strip, block))]
