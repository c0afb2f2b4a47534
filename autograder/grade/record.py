"""What has been graded already, and who may enter grades."""

import contextlib
import fcntl
import hashlib
import json
import os
from pathlib import Path


class AnotherOne(RuntimeError):
    """Another process enters grades of this course."""


class Record:
    """What this command has graded, kept in a file.

    Args:
        path: of the file; a line is added for each submission; an interruption costs at most the last.

    Attributes:
        graded: dict from student to the fingerprint of the submission that was graded.
        about: dict from student to a dict with "state", a name in `states`, and what `state.entered` returned
            afterwards. Empty for one that an older version has graded.
        states: what the assignment was (`assignment_state.py`), by a name.
    """

    def __init__(self, path):
        self.path, self.graded, self.about, self.states = Path(path), {}, {}, {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):  # a line that an interruption has cut
                    self._read(json.loads(line))

    def _read(self, line):
        if isinstance(line, dict):
            self.states |= line
        else:
            student, fingerprint, *about = line
            self.graded[student], self.about[student] = fingerprint, dict(*about)

    def add(self, student, fingerprint, state, **about):
        """Note that a submission has been graded as it is; on disk when this returns.

        Args:
            state: of the assignment.
            about: of this submission, from `state.entered`.
        """
        name = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]
        lines = [[student, fingerprint, {"state": name, **about}]]
        if name not in self.states:
            lines.insert(0, {name: state})
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("".join(f"\n{json.dumps(line)}" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        for line in lines:
            self._read(line)


@contextlib.contextmanager
def only_writer(folder):
    """Hold the right to enter grades of a course, for as long as the block runs.

    Args:
        folder: where the lock is; the right ends with this process, however it ends.

    Raises: AnotherOne where another process holds it.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder, "lock"), "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AnotherOne("another run of this command is entering grades of this course") from error
        yield
