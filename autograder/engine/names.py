"""Names that come from outside: which of them are ids, and how any of them is shown."""

import hashlib
import re
import unicodedata

LONGEST = 100  # characters of an id: a gradebook's columns hold 128
ID = re.compile("[a-zA-Z0-9_-]{1,64}")  # of a cell, in notebooks of format 4.5
PLAIN = " .,_-+@'()"
# Letters and marks that show nothing: fillers, variation selectors, joiners.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def student_id(name):
    """The id that the name of a folder stands for, composed (NFC) whatever system has written it.

    Raises: ValueError saying what is wrong with it.
    """
    found = unicodedata.normalize("NFC", name)
    if len(found) > LONGEST:
        raise ValueError(f"an id may have {LONGEST} characters, it has {len(found)}")
    for character in found:
        if character not in PLAIN and not _in_names(character):
            raise ValueError(
                f"an id may hold letters and digits of any script, spaces and {PLAIN.strip()}, not "
                f"{shown(character)} (U+{ord(character):04X})"
            )
    if found.startswith("."):
        raise ValueError("an id may not begin with a dot")
    if found != found.strip():
        raise ValueError("an id may not begin or end with a space")
    if not any(unicodedata.category(character)[0] in "LN" for character in found):
        raise ValueError("an id must have a letter or a digit")
    return found


def _in_names(character):
    kind = unicodedata.category(character)
    return (kind[0] in "LM" or kind == "Nd") and not UNSEEN.match(character)


def cell_id(wanted, text, taken):
    """The id that is wanted for a cell, where that can be one and is not taken; else one made from a
    text, the same at every run."""
    if isinstance(wanted, str) and ID.fullmatch(wanted) and wanted not in taken:
        return wanted
    number = 0
    while (made := hashlib.sha256(f"{number} {text}".encode()).hexdigest()[:12]) in taken:
        number += 1
    return made


def listed(names, most):
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def shown(text, *, lines=False):
    r"""A text from outside as a terminal, a log or a page may have it.

    What would steer a terminal, turn the direction of writing or is no character at all is written as in
    Python's own texts (``\x1b``, ``\u202e``); line ends and tabs too, unless `lines`.
    """
    text, kept = str(text), "\n\t" if lines else ""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in kept else one.encode("unicode_escape").decode() for one in text
    )
