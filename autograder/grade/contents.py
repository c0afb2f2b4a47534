"""What a submission must hold, and what it may not: notebooks, a time, files in the instructor's places."""

import codecs
import os
import re
import warnings
from datetime import datetime
from pathlib import Path

import dateutil.parser
from dateutil.tz import gettz
from nbgrader.utils import parse_utc

from autograder.engine.failures import Unreadable
from autograder.engine.names import shown
from autograder.grade.submitted import listed_names

TIMESTAMP = 200  # bytes of a timestamp.txt; the time to read one grows with its square


def notebooks_of(folder, called, names):
    """The notebooks of a submission that the assignment has, as paths in a copy.

    Args:
        folder: that `walk` has made.
        called: the folder in messages.
        names: of the assignment's notebooks, as files.

    Raises: Unreadable where there is none.
    """
    there = sorted(os.listdir(folder))
    for name in names:
        if os.path.isdir(os.path.join(folder, name)):
            raise Unreadable(f"{called}/{name} is a folder, and should be the notebook")
    if found := [name for name in names if name in there]:
        return [os.path.join(folder, name) for name in found]
    raise Unreadable(f"there is no {' or '.join(names)} in {called}, but {listed_names(there) or 'nothing'}")


def renamed(folder, names):
    """What a submission has in the place of notebooks that it lacks.

    Args:
        folder: that `walk` has made.
        names: of the assignment's notebooks.

    Returns: dict from each that is missing to what is there instead, as a sentence; empty where no file is
        left that could be one.
    """
    missing = [name for name in names if not os.path.isfile(os.path.join(folder, f"{name}.ipynb"))]
    known, others = {f"{name}.ipynb" for name in names}, []
    for place, _, files in os.walk(folder):
        found = [name for name in sorted(files) if ".ipynb" in name.lower() and not name.startswith(".")]
        below = os.path.relpath(place, folder)
        others += [os.path.normpath(os.path.join(below, name)) for name in found]
    others = [path for path in others if path not in known]
    if not others:
        return {}
    there = f"there is {listed_names(others)}, which no notebook of the assignment is called"
    return {name: f"{name}.ipynb is missing; {there}" for name in missing}


def check_beside(folder, called, source):
    """See that what the instructor's files take the place of are files. Raises: Unreadable."""
    for place, folders, files in os.walk(source):
        below = os.path.relpath(place, source)
        for names, is_one, kind in ((folders, os.path.isdir, "folder"), (files, os.path.isfile, "file")):
            for name in names:
                path = os.path.normpath(os.path.join(below, name))
                if os.path.exists(own := os.path.join(folder, path)) and not is_one(own):
                    raise Unreadable(f"{called}/{shown(path)} should be a {kind}, the assignment's own")


def check_time(folder, called):
    """See that the time in a submission's ``timestamp.txt`` can be read, and make the file plain text.

    Returns: whether there is a time; an empty file says none, as for nbgrader.
    Raises: Unreadable: what cannot be read must not count as in time.
    """
    path = Path(folder, "timestamp.txt")
    if not path.exists():
        return False
    what = f"{called}/timestamp.txt"
    if not path.is_file():
        raise Unreadable(f"{what} is a folder, and should be a file with the time of the submission")
    if (size := path.stat().st_size) > TIMESTAMP:
        raise Unreadable(f"{what} has {size} bytes; a time has {TIMESTAMP} at most")
    text = _text(path.read_bytes()).strip()
    if not text:
        path.write_text("")
        return False
    try:
        with warnings.catch_warnings(action="error"):
            _complete(text)
            parse_utc(text)
    except Exception as error:  # whatever a parser of any text raises
        raise Unreadable(
            f"{what} holds {shown(text)!r}, and should hold a time such as 2026-01-31 10:00:00 UTC"
        ) from error
    path.write_text(text, encoding="utf-8")
    return True


def _text(data):
    """A text that some editor has written, with or without a mark of the order of its bytes."""
    wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return data.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _complete(text):
    """Raises: ValueError where a text names no day, or a time zone that there is not."""
    parts = text.split(" ")
    if len(parts) == 3:
        zone = parts.pop()
        known = re.fullmatch(r"[+-]?\d+", zone) or (re.fullmatch(r"[A-Za-z][\w+/-]*", zone) and gettz(zone))
        if not known:
            raise ValueError(f"there is no time zone {zone}")
    for_another_day = (datetime(2001, 1, 1), datetime(2002, 2, 2))
    first, second = (dateutil.parser.parse(" ".join(parts), default=one) for one in for_another_day)
    if first.date() != second.date():
        raise ValueError("it names no day")
