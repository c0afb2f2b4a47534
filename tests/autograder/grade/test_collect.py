"""Archives as an LMS makes them, and as no LMS does: what is honest is collected, the rest is named."""

import contextlib
import gzip
import io
import os
import stat
import struct
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from batches import grade, table
from nbgrader.api import Gradebook
from small_course import HALF, POINTS, PS, RIGHT, filled_in, grades

from autograder.__main__ import main
from autograder.grade import archive as archives
from autograder.grade import collect as collecting

ADA, UMIT = {"first_name": "Ada", "last_name": "Lovelace"}, {"first_name": "Ümit", "last_name": "Öz"}


@pytest.fixture
def collect(monkeypatch, capsys, tmp_path):
    """Function that runs the command in this process; returns its exit status and what it has written."""
    monkeypatch.setenv("PATH", os.environ["PATH"])  # the command changes it
    monkeypatch.chdir(tmp_path)

    def run(course, archive, *words):
        try:
            status = main(["collect", str(archive), PS, "--course", str(course), *words])
        except SystemExit as ended:
            status = ended.code
        return subprocess.CompletedProcess((), status, *capsys.readouterr())

    return run


@pytest.fixture
def course(empty):
    """A course with two students in the gradebook."""
    course, _ = empty
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        book.add_student("ada", lms_user_id="12345", **ADA)
        book.add_student("umit", **UMIT)
    return course


@pytest.fixture
def right(empty):
    """The bytes of a right notebook."""
    return nbformat.writes(filled_in(empty[1], RIGHT)).encode()


@pytest.fixture
def half(empty):
    return nbformat.writes(filled_in(empty[1], HALF)).encode()


def zipped(path, files):
    """A zip of a dict (or of pairs) from name or ZipInfo to bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items() if isinstance(files, dict) else files:
            file.writestr(name, data, zipfile.ZIP_DEFLATED)
    return path


def tarred(path, files):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as file:
        for name, data in files.items() if isinstance(files, dict) else files:
            one = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            one.size = len(data or b"")
            file.addfile(one, io.BytesIO(data or b""))
    return path


def there(course):
    """What lies in submitted/, by path."""
    top = course / "submitted"
    return {str(one.relative_to(top)): one.read_bytes() for one in sorted(top.rglob("*")) if one.is_file()}


MOODLE = [f"{who}_assignsubmission_file_" for who in ("Ada Lovelace_77", "Ümit Öz_78")]
BLACKBOARD = [f"_{who}_attempt_2026-11-29-10-00-00_" for who in ("ada", "umit")]
NAMES = {  # how ada's and ümit's notebooks are called in an archive
    "moodle": [f"{MOODLE[0]}/{PS}.ipynb", f"{MOODLE[1]}/{PS} (1).ipynb"],
    "moodle, no folders": [f"{MOODLE[0]}{PS}.ipynb", f"{MOODLE[1]}x.ipynb"],
    "canvas": [f"lovelaceada_12345_67890_{PS}.ipynb", f"ozumit_LATE_999_67891_{PS}-1.ipynb"],
    "canvas, by number": [f"anybody_12345_67890_{PS}.ipynb", f"özümit_999_LATE_67891_{PS}-2.ipynb"],
    "blackboard": [f"{PS}{one}{PS}.ipynb" for one in BLACKBOARD],
    "blackboard, another title": [f"Set 1{one}my.ipynb" for one in BLACKBOARD],
    "folders": [f"ada/{PS}/{PS}.ipynb", f"./umit/{PS}-1.ipynb"],
    "own zips": [f"{MOODLE[0]}/hw.zip", f"{MOODLE[1]}/x.ZIP"],
}


@pytest.mark.parametrize("lms", NAMES)
@pytest.mark.parametrize("kind", [zipped, tarred])
def test_what_an_lms_gives_is_collected(collect, course, tmp_path, lms, kind, right, half):
    files = dict(zip(NAMES[lms], (right, half), strict=True))
    if lms == "own zips":
        for name, data in files.items():
            inner = {f"hw/{PS}-final.ipynb": data, "hw/more.txt": b"1", "__MACOSX/hw/._x.ipynb": b"2"}
            files[name] = zipped(tmp_path / "inner.zip", inner).read_bytes()
    files |= {f"{PS}_ada_attempt_2026-11-29-10-00-00.txt": b"Name: Ada", ".DS_Store": b""}
    done = collect(course, kind(tmp_path / ("all.zip" if kind is zipped else "all.tar.gz"), files))
    assert done.returncode == 0, done.stderr
    found = there(course)
    assert found.pop(f"ada/{PS}/{PS}.ipynb") == right
    assert found.pop(f"umit/{PS}/{PS}.ipynb") == half
    more = {f"{who}/{PS}/more.txt": b"1" for who in ("ada", "umit")}
    assert found == (more if lms == "own zips" else {})
    assert table(done) == {"collected": 2, "unchanged": 0, "refused": 0, "missing": 0}


def test_what_is_collected_is_graded(collect, course, tmp_path, right, half):
    files = dict(zip(NAMES["canvas"], (right, half), strict=True))
    assert collect(course, zipped(tmp_path / "all.zip", files)).returncode == 0
    done = grade(course, "--workers", "2")
    assert done.returncode == 0, done.stderr
    found = grades(course)
    assert found["ada"] == POINTS and found["umit"]["ranks-check"] == 0


def test_a_second_archive_changes_only_what_it_may(collect, course, tmp_path, right, half):
    first = zipped(tmp_path / "1.zip", {f"ada/{PS}.ipynb": half})
    done = collect(course, first)
    assert done.returncode == 0 and "handed in nothing: umit" in done.stderr
    assert table(collect(course, first))["unchanged"] == 1
    second = zipped(tmp_path / "2.zip", {f"ada/{PS}.ipynb": right})
    done = collect(course, second)
    assert done.returncode == 1 and "ada: another submission" in done.stderr and "--update" in done.stderr
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": half}
    assert table(collect(course, second, "--update"))["collected"] == 1
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": right}
    assert not list((course / "submitted").glob(".*"))


def test_a_pattern_of_ones_own_says_whose_a_file_is(collect, course, tmp_path, right):
    path = zipped(tmp_path / "all.zip", {f"all/{PS}--ada--x.ipynb": right, "all/read.me": b""})
    done = collect(course, path, "--pattern", r"all/\w+--(?P<student>\w+)--(?P<file>.+)")
    assert done.returncode == 1 and "all/read.me: its name says no student" in done.stderr
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": right}
    for pattern, said in (("(", "no regular expression"), ("(?P<student>x)", "needs the groups")):
        done = collect(course, path, "--pattern", pattern)
        assert done.returncode == 2 and said in done.stderr


def link(name, target, kind=tarfile.SYMTYPE):
    one = tarfile.TarInfo(name)
    one.type, one.linkname = kind, target
    return one


def unix(name, mode):
    one = zipfile.ZipInfo(name)
    one.create_system, one.external_attr = 3, mode << 16
    return one


def bad_names():
    """From an entry's name to what is said of it; each could be ada's."""
    elsewhere, unseen = "leads elsewhere", "cannot be shown"
    return {
        "ada/../../../slip": elsewhere,
        "../slip": elsewhere,
        "/tmp/q-slip": elsewhere,
        "ada//slip": elsewhere,
        "C:/slip": elsewhere,
        "ada/..": elsewhere,
        "ada/new\nline": unseen,
        "ada/\x1b]0;gone\x07": unseen,
        "ada/r\u202eda": unseen,
        "<b>/x.ipynb": "an id may hold",
        "eve/x.ipynb": "no student of the gradebook is 'eve'",
        "d/" * 21 + "x": "20 folders",
        "ada/" + "x" * 1000: "1000 bytes",
        "top.ipynb": "says no student",
    }


@pytest.mark.parametrize("kind", [zipped, tarred])
def test_a_bad_entry_fails_alone_and_by_name(collect, course, tmp_path, kind, right):
    bad = bad_names()
    files = [(name, b"x") for name in bad]
    files += [
        (f"ada/{PS}.ipynb", right),
        (f"ada/{PS.upper()}.ipynb", b"2"),
        (f"umit/{PS}.ipynb/x", b""),
    ]
    bad |= {f"ada/{PS.upper()}.ipynb": "another file of this name", "umit": f"there is no {PS}.ipynb"}
    if kind is zipped:
        files += [(unix("ada/link", stat.S_IFLNK), b"/etc"), (unix("ada/pipe", stat.S_IFIFO), b"")]
        files += [("ada\\..\\..\\slip", b"x"), (f"ada/{PS}.ipynb", b"again")]
        bad |= {"ada/link": "it is a link", "ada/pipe": "no file", "ada/../../slip": "leads elsewhere"}
    else:
        files += [(link("ada/link", "/etc"), None), (link("ada/hard", "ada/link", tarfile.LNKTYPE), None)]
        files += [(link("ada/dev", "", tarfile.CHRTYPE), None), ("ada/\udcff", b"x")]
        bad |= {"ada/link": "it is a link", "ada/hard": "it is a link", "ada/dev": "no file"}
        bad |= {"ada/\udcff": "cannot be shown"}
    with pytest.warns(UserWarning) if kind is zipped else contextlib.nullcontext():  # there twice
        path = kind(tmp_path / "all.zip", files)
    done = collect(course, path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    for name, said in bad.items():
        assert any(line.startswith(f"{collecting.shown(name)}: ") and said in line for line in lines), name
    assert not {"\x1b]", "\x07", "\u202e"} & set(done.stderr)
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": right}
    assert not Path("/tmp/q-slip").exists() and not list(tmp_path.rglob("slip"))


def bomb(size):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.ipynb", "w") as one:
        for _ in range(size >> 20):
            one.write(bytes(1 << 20))
    return data.getvalue()


def lying(path, name, data):
    """A zip with an entry that says it has 10 bytes."""
    zipped(path, {name: data})
    raw = bytearray(path.read_bytes())
    for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = raw.index(mark) + place
        raw[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(raw)
    return path


def test_a_bomb_takes_no_room(collect, course, tmp_path, right):
    inside = bomb(300 << 20)
    files = {"ada/x.zip": inside, f"umit/{PS}.ipynb": right}
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert done.returncode == 1 and "ada/x.ipynb: with its 314572800 bytes there are too many" in done.stderr
    assert there(course) == {f"umit/{PS}/{PS}.ipynb": right}
    done = collect(course, lying(tmp_path / "lying.zip", "ada/x.ipynb", bytes(1 << 20)))
    assert done.returncode == 1 and "ada/x.ipynb: " in done.stderr and "Traceback" not in done.stderr


def fails_whole(collect, course, path, said):
    begun = time.monotonic()
    done = collect(course, path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Nothing was collected" in done.stderr and said in done.stderr, done.stderr
    assert not (course / "submitted").exists() or there(course) == {}
    assert time.monotonic() - begun < 60


def test_an_archive_that_cannot_be_read_changes_nothing(collect, course, tmp_path, right):
    files = {f"ada/{PS}.ipynb": right, "umit/more.txt": os.urandom(100_000)}
    whole = zipped(tmp_path / "whole.zip", files).read_bytes()
    packed = tarred(tmp_path / "whole.tar.gz", files).read_bytes()
    for name, data in {
        "cut.zip": whole[:-50],
        "cut.tar.gz": packed[:-50_000],
        "text.zip": b"no",
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
        fails_whole(collect, course, tmp_path / name, str(tmp_path / name))
    fails_whole(collect, course, tmp_path / "none.zip", "No such file")
    many = tmp_path / "many.zip"
    with zipfile.ZipFile(many, "w") as file:
        for number in range(100_000):
            file.writestr(f"ada/{number}", b"")
    fails_whole(collect, course, many, f"more than {archives.ENTRIES} files")
    huge = tarfile.TarInfo("ada/x")
    huge.type, huge.size = tarfile.XHDTYPE, 1 << 40
    (tmp_path / "huge.tar.gz").write_bytes(gzip.compress(huge.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 22)))
    fails_whole(collect, course, tmp_path / "huge.tar.gz", "too large")


def test_a_thousand_files_are_enough(collect, course, tmp_path, right):
    files = {f"ada/{PS}.ipynb": right} | {f"ada/{number}.txt": b"" for number in range(1100)}
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert (
        done.returncode == 1 and "ada/999.txt: with it the submission has more than 1000 files" in done.stderr
    )
    assert len(there(course)) == 1000


def test_an_encrypted_entry_is_named(collect, course, tmp_path, right):
    raw = bytearray(
        zipped(tmp_path / "all.zip", {f"ada/{PS}.ipynb": b"1", f"umit/{PS}.ipynb": right}).read_bytes()
    )
    raw[raw.index(b"PK\3\4") + 6] |= 1
    raw[raw.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "all.zip").write_bytes(raw)
    done = collect(course, tmp_path / "all.zip")
    assert done.returncode == 1 and f"ada/{PS}.ipynb: it is encrypted" in done.stderr
    assert there(course) == {f"umit/{PS}/{PS}.ipynb": right}


@pytest.mark.parametrize(
    "way", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_broken_contents_are_named(collect, course, tmp_path, right, way):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", way) as file:
        file.writestr(f"ada/{PS}.ipynb", os.urandom(3000))
        file.writestr(f"umit/{PS}.ipynb", right)
    raw = bytearray(path.read_bytes())
    raw[60:1000] = bytes(940)
    path.write_bytes(raw)
    done = collect(course, path)
    assert done.returncode == 1 and f"ada/{PS}.ipynb: " in done.stderr and "Traceback" not in done.stderr
    assert there(course) == {f"umit/{PS}/{PS}.ipynb": right}


def test_nobody_hands_in_for_somebody_else_or_at_another_time(collect, course, tmp_path, right, half):
    """A name of a file is the sender's choice."""
    sent = "eveevil_666_1_"
    files = {
        f"{sent}lovelaceada_12345_2_{PS}.ipynb": half,
        f"{sent}Ada Lovelace_77_assignsubmission_file_{PS}.ipynb": half,
        f"{sent}{PS}_ada_attempt_2026-11-29-10-00-00_{PS}.ipynb": half,
        f"ozumit_7_8_{PS}.ipynb": right,
        "ozumit_7_8_timestamp.txt": b"2020-01-01",
    }
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert done.returncode == 1 and "not for the student to say" in done.stderr
    assert there(course) == {f"umit/{PS}/{PS}.ipynb": right}
    two = {f"Ada Lovelace_{n}_assignsubmission_file_/{n}.ipynb": right for n in (1, 2)}
    done = collect(course, zipped(tmp_path / "two.zip", two))
    assert "ada: more than one sender can be this student" in done.stderr and len(there(course)) == 1


def test_a_notebook_is_not_guessed(collect, course, tmp_path, right):
    other = right.replace(b"-check", b"-other").replace(b'"', b'"')
    for name in ("double", "letters", "ranks", "area", "essay", "setup"):
        other = other.replace(f'"{name}'.encode(), f'"x{name}'.encode())
    files = {"ada/a.ipynb": right, "ada/b.ipynb": right, "umit/other.ipynb": other}
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert done.returncode == 1 and there(course) == {}
    assert f"ada: there is no {PS}.ipynb, but" in done.stderr and "a.ipynb" in done.stderr
    assert "umit: other.ipynb has no cell of the assignment" in done.stderr


def test_without_students_in_the_gradebook_a_name_is_an_id(collect, empty, tmp_path):
    course, release = empty
    data = nbformat.writes(filled_in(release, RIGHT)).encode()
    path = zipped(tmp_path / "all.zip", {f"u\u0308mit/{PS}.ipynb": data, "x\u200b/a.ipynb": data})
    done = collect(course, path)
    assert done.returncode == 1 and list(there(course)) == [f"ümit/{PS}/{PS}.ipynb"]


def test_a_link_in_the_place_of_a_submission_is_not_followed(collect, course, tmp_path, right):
    (course / "submitted").mkdir()
    (course / "submitted" / "ada").symlink_to(tmp_path)
    done = collect(course, zipped(tmp_path / "all.zip", {f"ada/{PS}.ipynb": right}))
    assert (
        done.returncode == 1
        and "ada: its folder in the course is a link" in done.stderr
        and not (tmp_path / PS).exists()
    )
