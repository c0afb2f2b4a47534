"""On a full disk nothing is graded, the command says so, and nobody has a zero in the gradebook."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from small_course import POINTS, PS, RIGHT, filled_in, grades, hand_in, make, nbgrader

KB = 1024


@pytest.fixture
def disk():
    """Function that makes a small disk of its own, from its size in bytes; returns its folder."""
    mounted = []

    def small(size):
        folder = Path(tempfile.mkdtemp(prefix="disk-"))  # a short path: sockets are to fit in it
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            folder.rmdir()
            pytest.skip(f"a disk of a chosen size takes root: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield small
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(folder, room):
    """Leave so many bytes of room on a disk; returns the file that takes the rest."""
    free = os.statvfs(folder)
    filler = folder / "filler"
    with filler.open("wb") as file:
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - room)))
    return filler


def refused(done):
    assert done.returncode != 0, done.stderr
    assert re.search("Nothing was graded|was not graded|disk is full|disk I/O error", done.stderr), (
        done.stderr
    )


@pytest.mark.parametrize("room", [8 * KB, 200 * KB])
def test_no_room_for_temporary_files(disk, tmp_path, room):
    course = tmp_path / "course"
    release = make(course)
    for student in ("ada", "bela"):
        folder = hand_in(course, student, filled_in(release, RIGHT))
        (folder / "table.csv").write_bytes(bytes(300 * KB))
    temporary = disk(1024 * KB)
    filler = fill(temporary, room)
    done = nbgrader(course, "autograde", PS, TMPDIR=str(temporary))
    refused(done)
    assert "No space left on device" in done.stderr
    assert grades(course) == {} and not list((course / "autograded").glob("*/ps"))
    filler.unlink()
    again = nbgrader(course, "autograde", PS)
    assert again.returncode == 0 and grades(course) == {"ada": POINTS, "bela": POINTS}


@pytest.mark.parametrize("room", [0, 8 * KB, 120 * KB])
def test_no_room_for_the_course(disk, room):
    folder = disk(4096 * KB)
    course = folder / "course"
    release = make(course)
    for student in ("ada", "bela"):
        submitted = hand_in(course, student, filled_in(release, RIGHT))
        (submitted / "table.csv").write_bytes(bytes(100 * KB))
    filler = fill(folder, room)
    done = nbgrader(course, "autograde", PS)
    refused(done)
    graded = grades(course)
    assert graded in ({}, {"ada": POINTS}), done.stderr[-3000:]
    assert set(graded) == {path.parent.name for path in (course / "autograded").glob("*/ps")}
    filler.unlink()
    again = nbgrader(course, "autograde", PS)
    assert again.returncode == 0 and grades(course) == {"ada": POINTS, "bela": POINTS}
