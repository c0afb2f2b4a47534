"""What has been graded already, and who may enter grades."""

import contextlib
import fcntl
import hashlib
import json
import os
from pathlib import Path

from nbgrader.utils import find_all_files


class AnotherOne(RuntimeError):
    """Another process enters grades of this course."""


class Record:
    """The fingerprints of the submissions that this command has graded, kept in a file.

    Args:
        path: of the file; a line is added for each submission; an interruption costs at most the last.
    """

    def __init__(self, path):
        self.path, self.graded = Path(path), {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):  # a line that an interruption has cut
                    student, fingerprint = json.loads(line)
                    self.graded[student] = fingerprint

    def add(self, student, fingerprint):
        """Note that a submission has been graded as it is; on disk when this returns."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps([student, fingerprint])}")
            file.flush()
            os.fsync(file.fileno())
        self.graded[student] = fingerprint


def fingerprint(folder, ignore):
    """A text that changes with the names and contents of the files in a folder, ``timestamp.txt`` among them.

    Args:
        folder: of a submission, without links, pipes and devices.
        ignore: names and globs of what does not count, as nbgrader's ``CourseDirectory.ignore``.
    """
    digest = hashlib.sha256()
    for path in sorted(find_all_files(str(folder), ignore)):
        name = os.fsencode(os.path.relpath(path, folder))
        digest.update(b"%d %d " % (len(name), os.path.getsize(path)) + name)
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


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
