"""Whose the files are that an LMS has put into an archive."""

import re
import unicodedata

from autograder.engine.names import listed, shown, student_id
from autograder.grade.archive import Refused

LITTER = r"(?:.*/)?(?:\.[^/]*|__MACOSX|[^/]*_attempt_[\d-]+\.txt)(?:/.*)?"  # of systems, and of Blackboard
# What an LMS makes of a sender and a file. A file's name is the sender's choice: it never says who that is.
ATTEMPT = r"(?P<student>{})_attempt_\d{{4}}(?:-\d\d){{5}}_(?P<file>.+)"
OWN = r"(?P<student>[^/]+)/(?:ASSIGNMENT/)?(?P<file>.+)"
PATTERNS = (
    r"(?P<student>[^/]+?)_(?P<count>\d+)_assignsubmission_file[_/]+(?P<file>.+)",  # Moodle
    r"ASSIGNMENT_" + ATTEMPT.format("[^/]+?"),  # Blackboard
    r"(?:[^/]*?_)??" + ATTEMPT.format("[^/_]+"),  # Blackboard, where the assignment has another name
    r"(?P<student>[^/_]+)_(?:LATE_)?(?P<number>\d+)_(?:LATE_)?\d+_(?P<file>[^/]+)",  # Canvas
    OWN,
)


def is_litter(path):
    """Whether a file is one that systems leave everywhere."""
    return re.fullmatch(LITTER, path) is not None


def not_time(path):
    """The path of a file of a student's. Raises: Refused for one that says when it was handed in."""
    if path.casefold() == "timestamp.txt":
        raise Refused("when it was handed in is not for the student to say")
    return path


class Roster:
    """Who is in the gradebook. Without anybody in it, the name that a sender has is the id."""

    def __init__(self, book):
        self.ids, self.called = {one.id for one in book.students}, {}
        for one in book.students:
            first, last = one.first_name or "", one.last_name or ""
            for text in {_letters(first + last), _letters(last + first), one.lms_user_id or ""} - {""}:
                self.called.setdefault(text, set()).add(one.id)

    def find(self, texts):
        """The id that an id, a number in the LMS or a name stands for. Raises: Refused."""
        try:
            ids = [student_id(text) for text in texts]
        except ValueError as error:
            raise Refused(str(error)) from error
        if not self.ids:
            return ids[0]
        for student in ids:
            if student in self.ids:
                return student
        for text in texts:
            found = self.called.get(text) or self.called.get(_letters(text)) or ()
            if len(found) == 1:
                return next(iter(found))
            if found:
                raise Refused(f"{shown(text)!r} can be {listed(sorted(found), 5)}")
        raise Refused(f"no student of the gradebook is {' or '.join(shown(repr(one)) for one in texts)}")


def _letters(text):
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in plain if one.isalnum())


class Senders:
    """Who has sent the files of one archive.

    Args:
        roster: Roster.
        assignment: name.
        pattern: regular expression for a path, with groups `student` and `file`, or None.
        paths: of all files; the pattern of PATTERNS that fits most of them is the archive's.
    """

    def __init__(self, roster, assignment, pattern, paths):
        self.roster, self.seen = roster, {}
        known = [one.replace("ASSIGNMENT", re.escape(assignment)) for one in PATTERNS]
        short = [one.removeprefix("./") for one in paths if len(one) < 1000]
        fits = [sum(re.fullmatch(one, path) is not None for path in short) for one in known]
        self.pattern = pattern or known[fits.index(max(fits))]
        self.is_ours = bool(pattern) or self.pattern == known[PATTERNS.index(OWN)]

    def whose(self, path):
        """The student, and the path below the submission's folder. Raises: Refused."""
        match = re.fullmatch(self.pattern, path)
        if not match or not match["student"] or not match["file"]:
            raise Refused("its name says no student")
        groups = match.groupdict()
        number = [groups["number"]] if groups.get("number") else []
        student = self.roster.find([match["student"], *number])
        sender = match["student"], groups.get("count") or groups.get("number")
        self.seen.setdefault(student, set()).add(sender)
        return student, match["file"] if self.is_ours else not_time(match["file"])

    def check(self, student):
        """See that nobody else has this student's id. Raises: Refused."""
        if len(senders := sorted(name for name, _ in self.seen[student])) > 1:
            raise Refused(f"more than one sender can be this student: {listed([*map(shown, senders)], 5)}")
