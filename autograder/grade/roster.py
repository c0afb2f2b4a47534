"""Whose the files are that an LMS has put into an archive."""

import re
import unicodedata
from dataclasses import dataclass

from autograder.engine.names import listed, shown, student_id
from autograder.grade.archive import Refused

# A file's name is the sender's choice: it never says who that is. What is chosen by nobody comes first.
MOODLE = r"(?P<student>[^/]+?)_(?P<count>\d+)_assignsubmission_file[_/]+(?P<file>.+)"
BLACKBOARD = r"(?P<student>[^/]+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})_(?P<file>.+)"  # TITLE_USER
CANVAS = r"(?P<student>[^/_]+)_(?:LATE_)?(?P<count>\d+)_(?:LATE_)?\d+_(?P<file>[^/]+)"
OWN = r"(?P<student>[^/]+)/(?:ASSIGNMENT/)?(?P<file>.+)"
# Of systems anywhere; of Blackboard and Moodle, beside what was sent.
LITTER = (
    r"(?:.*/)?(?:\.(?!\.?(?:/|$))[^/]*|__MACOSX)(?:/.*)?"
    r"|[^/]*_attempt_\d{4}(?:-\d\d){5}\.txt|[^/]*_\d+_assignsubmission_onlinetext[_/].*"
)
NOT_TIME = "when it was handed in is not for the student to say"
LONG = 1000  # characters of a path that are looked at


def is_litter(path):
    """Whether a file is one that systems leave everywhere."""
    return _fits(LITTER, path) is not None


def is_time(path):
    """Whether a file could be taken for one that says when it was handed in, if it were moved."""
    return any(unicodedata.normalize("NFKC", one).casefold() == "timestamp.txt" for one in path.split("/"))


def _fits(pattern, path):
    return re.fullmatch(pattern, path[:LONG], re.DOTALL)


def _letters(text):
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in plain if one.isalnum())


class Roster:
    """Who is in the gradebook.

    Attributes:
        ids: set. Where it is empty, the name that a sender has is the id.
        called: dict from the letters of a name to the ids of those who have it.
        numbered: dict from a number in the LMS to the ids that have it; there should be one.
    """

    def __init__(self, book):
        self.ids, self.called, self.numbered = {one.id for one in book.students}, {}, {}
        for one in book.students:
            first, last = one.first_name or "", one.last_name or ""
            for text in {_letters(first + last), _letters(last + first)} - {""}:
                self.called.setdefault(text, set()).add(one.id)
            if one.lms_user_id:
                self.numbered.setdefault(one.lms_user_id, set()).add(one.id)

    def exactly(self, text):
        """The id that a text is, as a set."""
        return {unicodedata.normalize("NFC", text)} & self.ids

    def named(self, text):
        return self.called.get(_letters(text), set())

    def the_one(self, found, text):
        """The only one of those who were found by a text. Raises: Refused."""
        if len(found) > 1:
            raise Refused(f"{shown(text)!r} can be {listed(sorted(found), 5)}; --pattern can say who")
        if not found:
            _id(text)
            raise Refused(f"no student of the gradebook is {shown(repr(text))}")
        return next(iter(found))


def _id(text):
    try:
        return student_id(text)
    except ValueError as error:
        raise Refused(str(error)) from error


@dataclass
class Sent:
    """Whose an entry is.

    Attributes:
        sender: as the archive calls them; for one that it does not name, how the path begins.
        student: id, or None.
        file: path below the submission's folder.
        wrong: why it is not taken, or None.
        is_older: whether that is because there is a newer attempt.
    """

    sender: str
    student: str | None
    file: str
    wrong: str | None = None
    is_older: bool = False


class Senders:
    """Who has sent the files of one archive.

    Args:
        roster: Roster.
        assignment: name.
        pattern: regular expression for a path, with groups `student` and `file`, or None.
        paths: of all files. The form of the LMS that fits most of them is the archive's; where none fits
            any, it is ``STUDENT/FILE``.
    """

    def __init__(self, roster, assignment, pattern, paths):
        self.roster, self.seen, self.newest = roster, {}, {}
        paths = [one for one in paths if not is_litter(one)]
        fits = {one: sum(bool(_fits(one, path)) for path in paths) for one in (MOODLE, BLACKBOARD, CANVAS)}
        most = max(fits.values())
        self.is_ours = bool(pattern) or not most
        self.forms = [one for one in fits if fits[one] == most]
        if self.is_ours:
            self.forms = [pattern or OWN.replace("ASSIGNMENT", re.escape(assignment))]
        for match in filter(None, (_fits(BLACKBOARD, path) for path in paths)):
            sender = match["student"]
            self.newest[sender] = max(match["time"], self.newest.get(sender, ""))
        titles = [set(_splits(one)) for one in self.newest]
        self.titles = set.intersection(*titles) if titles else set()
        if assignment in self.titles:
            self.titles = {assignment}

    def whose(self, path):
        """Returns: Sent."""
        found = [self._by(form, path) for form in self.forms]
        first = found[0]
        if len({one.student for one in found}) > 1:
            said = "its name can be read in two ways that give two students; --pattern can say which is right"
            return Sent(first.sender, None, path, said)
        if first.student and not first.is_older:
            self.seen.setdefault(first.student, set()).add(first.sender)
        return first

    def _by(self, form, path):
        match = _fits(form, path)
        if not match or not match["student"] or not match["file"]:
            return Sent(path.partition("/")[0], None, path, "its name says no student")
        groups = match.groupdict()
        sender = "_".join(filter(None, (groups["student"], groups.get("count"))))
        try:
            student = self._student(form, groups)
        except Refused as error:
            return Sent(sender, None, groups["file"], str(error))
        if form == BLACKBOARD and groups["time"] < (newest := self.newest[groups["student"]]):
            return Sent(sender, student, groups["file"], f"there is a newer attempt, of {newest}", True)
        wrong = NOT_TIME if not self.is_ours and is_time(groups["file"]) else None
        return Sent(sender, student, groups["file"], wrong)

    def _student(self, form, groups):
        """The id of a sender. Raises: Refused."""
        roster, name = self.roster, groups["student"]
        if form == BLACKBOARD:
            return self._user(name)
        if not roster.ids:
            return _id(name)
        if form == MOODLE:
            return roster.the_one(roster.exactly(name) | roster.named(name), name)
        if form == CANVAS:
            return self._numbered(name, groups["count"])
        return roster.the_one(roster.exactly(name) or roster.numbered.get(name) or roster.named(name), name)

    def _numbered(self, name, number):
        """Canvas's sender: the number says who, and the name, which students may choose, must not differ."""
        roster = self.roster
        others = set().union(*(ids for one, ids in roster.numbered.items() if one != number))
        found, named = roster.numbered.get(number, set()), roster.named(name)
        known = named | roster.exactly(name)
        if (found and known and not found & known) or (not found and named and named <= others):
            raise Refused(f"the name {shown(name)!r} is another student's than the number {number}")
        return roster.the_one((found & named or found) if found else named - others, name)

    def _user(self, text):
        """Blackboard's sender: what comes after the title, and both may hold a ``_``."""
        splits = _splits(text)
        users = [splits[one] for one in sorted(self.titles, key=len)]
        if not self.roster.ids:
            return _id(users[-1])
        known = set().union(*map(self.roster.exactly, splits.values()))
        if len(known) > 1:
            return self.roster.the_one(known, text)
        for find in (self.roster.exactly, self.roster.named):
            if found := set().union(*map(find, users)):
                return self.roster.the_one(found, text)
        return self.roster.the_one(set(), users[-1])

    def check(self, student):
        """See that nobody else has this student's id. Raises: Refused."""
        if len(senders := sorted(self.seen[student])) > 1:
            raise Refused(f"more than one sender can be this student: {listed([*map(shown, senders)], 5)}")


def _splits(text):
    """The ways to divide ``TITLE_USER``, as a dict from title to user."""
    parts = text.split("_")
    return {"_".join(parts[:n]): "_".join(parts[n:]) for n in range(len(parts)) if "_".join(parts[n:])}
