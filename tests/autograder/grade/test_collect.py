"""Archives as an LMS makes them, and as no LMS does: what is honest is collected, the rest is named."""

import contextlib
import gzip
import io
import os
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from batches import grade, table
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from small_course import CONFIG, HALF, POINTS, PS, RIGHT, SETTINGS, SOURCE, filled_in, grades, nbgrader

from autograder.__main__ import main
from autograder.engine.failures import Unreadable
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
            status = main(["collect", str(archive), PS, "--course", str(course.parent), *words])
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


def with_students(course, *students):
    """Add students to the gradebook: tuples of id, first and last name, number in the LMS."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        for one, first, last, number in students:
            book.add_student(one, first_name=first, last_name=last, lms_user_id=number)
    return course


def inner(tmp_path, files):
    return zipped(tmp_path / "inner.zip", files).read_bytes()


@pytest.mark.parametrize("name", ["hw/timestamp.txt", "hw/TimeStamp.TXT", "ｔimestamp.txt"])
@pytest.mark.parametrize("layout", ["moodle", "moodle, own zip", "folders, own zip"])
def test_no_student_says_when_it_was_handed_in(collect, course, tmp_path, right, half, name, layout):
    files = {f"hw/{PS}.ipynb": right, name: b"2020-01-01 00:00:00 UTC"}
    if "zip" in layout:
        files = {"hw.zip": inner(tmp_path, files)}
    first, second = ("ada", "umit") if "folders" in layout else MOODLE
    files = {f"{first}/{one}": data for one, data in files.items()} | {f"{second}/{PS}.ipynb": half}
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert done.returncode == 1 and "not for the student to say" in done.stderr
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": right, f"umit/{PS}/{PS}.ipynb": half}


def test_the_instructors_own_times_are_kept(collect, course, tmp_path, right):
    files = {f"ada/{PS}/{PS}.ipynb": right, f"ada/{PS}/timestamp.txt": b"2026-01-01 10:00:00 UTC"}
    assert collect(course, zipped(tmp_path / "all.zip", files)).returncode == 0
    assert f"ada/{PS}/timestamp.txt" in there(course)


@pytest.mark.parametrize(
    "more",
    [
        "__MACOSX/x/._ps.ipynb",
        "Ada Lovelace_77_assignsubmission_onlinetext_/onlinetext.html",
        "Ümit Öz_78_assignsubmission_onlinetext/onlinetext.html",
    ],
)
@pytest.mark.parametrize("students", [True, False])
def test_an_entry_of_another_kind_is_alone(
    collect, empty, course, tmp_path, request, right, half, more, students
):
    files = {f"{MOODLE[0]}/{PS}.ipynb": right, f"{MOODLE[1]}/{PS}.ipynb": half, more: b"1"}
    if not students:
        (course / "gradebook.db").write_bytes(request.getfixturevalue("without_students"))
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert done.returncode == 0, done.stderr
    names = ("ada", "umit") if students else ("Ada Lovelace", "Ümit Öz")
    assert there(course) == dict(zip((f"{one}/{PS}/{PS}.ipynb" for one in names), (right, half), strict=True))


@pytest.fixture
def without_students(course):
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        for one in list(book.students):
            book.remove_student(one.id)
    return (course / "gradebook.db").read_bytes()


TIME = "attempt_2026-11-29-10-00-00"
EVE = ("eve", "Eve", "Evil", "666")
CREDITED = {  # more students; names in an archive with who is to get each, "" for nobody
    "a number that is another's id": (
        [("12345", "Bob", "B", None), EVE],
        {f"lovelaceada_12345_1_{PS}.ipynb": "ada"},
    ),
    "a number that is only another's id": ([("777", "Bob", "B", None)], {f"who_777_1_{PS}.ipynb": ""}),
    "a name that is another's id": ([EVE], {f"umit_666_1_{PS}.ipynb": ""}),
    "a name that is another's": (
        [EVE],
        {f"lovelaceada_12345_1_{PS}.ipynb": "ada", f"adalovelace_666_2_{PS}.ipynb": ""},
    ),
    "a name that is another's, of a number nobody knows": (
        [],
        {f"lovelaceada_12345_1_{PS}.ipynb": "ada", f"adalovelace_666_2_{PS}.ipynb": ""},
    ),
    "two of one name": (
        [("ada2", "Ada", "Lovelace", "12346")],
        {f"lovelaceada_12345_1_{PS}.ipynb": "ada", f"lovelaceada_12346_2_{PS}.ipynb": "ada2"},
    ),
    "a file called as by another LMS": (
        [EVE],
        {f"evileve_666_1_ada_{TIME}_{PS}.ipynb": ""},
    ),
    "a user name with a line": (
        [("a_b", "A", "B", None), ("b", "B", "B", None)],
        {f"Set 1_a_b_{TIME}_x.ipynb": ""},
    ),
    "a user name with a line, the title known": (
        [("b", "B", "B", None)],
        {f"Set 1_a_b_{TIME}_x.ipynb": "", f"Set 1_umit_{TIME}_x.ipynb": "umit"},
    ),
    "names that are no ids": (
        [("ob", "Seán", "O’Brien", None), ("g", "Gal·la", "Puig", None)],
        {
            f"Seán O’Brien_7_assignsubmission_file_/{PS}.ipynb": "ob",
            f"Gal·la Puig_8_assignsubmission_file_/{PS}.ipynb": "g",
        },
    ),
}


@pytest.mark.parametrize("case", CREDITED)
def test_nobody_gets_what_another_has_sent(collect, course, tmp_path, right, case):
    students, sent = CREDITED[case]
    path = zipped(tmp_path / "all.zip", dict.fromkeys(sent, right))
    done = collect(with_students(course, *students), path)
    assert set(there(course)) == {f"{who}/{PS}/{PS}.ipynb" for who in sent.values() if who}, done.stderr
    for name, who in sent.items():
        assert bool(who) != (f"{name}: " in done.stderr)


def test_a_tar_that_ends_in_a_zip_is_a_tar(collect, course, tmp_path, right, half):
    last = inner(tmp_path, {f"umit/{PS}.ipynb": b"1"})
    path = tarred(
        tmp_path / "all.tar", {f"ada/{PS}.ipynb": right, f"umit/{PS}.ipynb": half, "zoe/x.zip": last}
    )
    done = collect(course, path)
    assert "zoe/x.zip: no student" in done.stderr
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": right, f"umit/{PS}/{PS}.ipynb": half}


ENDS = """
import os, signal, sys
from autograder.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background are born without it
rename = os.rename
def ends(one, other):
    rename(one, other)
    if str(one).endswith("submitted/ada/ps"):
        os.kill(os.getpid(), getattr(signal, sys.argv[-1]))
os.rename = ends
main(sys.argv[1:-1])
"""


@pytest.mark.parametrize("ending", ["SIGINT", "SIGKILL"])
def test_an_end_between_two_renames_loses_nothing(collect, course, tmp_path, right, half, ending):
    collect(course, zipped(tmp_path / "1.zip", {f"ada/{PS}.ipynb": half}))
    path = zipped(tmp_path / "2.zip", {f"ada/{PS}.ipynb": right})
    words = ["collect", path, PS, "--course", course.parent, "--update", ending]
    done = subprocess.run([sys.executable, "-c", ENDS, *words], capture_output=True)
    assert done.returncode == -getattr(signal, ending)
    if ending == "SIGINT":
        assert there(course) == {f"ada/{PS}/{PS}.ipynb": half}
    collect(course, zipped(tmp_path / "3.zip", {f"umit/{PS}.ipynb": right}))
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": half, f"umit/{PS}/{PS}.ipynb": right}
    assert not list((course / "submitted").glob(".*"))


def test_nobody_uses_up_what_others_may_hand_in(collect, course, tmp_path, monkeypatch, right):
    many = {f"ada/{n}.bin": bytes(20 << 20) for n in range(8)}
    files = {f"ada/{PS}.ipynb": right} | many | {f"umit/{PS}.ipynb": right, "umit/data": bytes(30 << 20)}
    monkeypatch.setattr(collecting, "BYTES", 150 << 20)
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert "ada/7.bin: " in done.stderr and "umit/" not in done.stderr
    assert f"umit/{PS}/{PS}.ipynb" in there(course)


def test_a_full_disk_is_no_students_fault(collect, course, tmp_path, monkeypatch, right):
    monkeypatch.setattr(collecting, "SLACK", 1 << 60, raising=False)
    fails_whole(
        collect, course, zipped(tmp_path / "all.zip", {f"ada/{PS}.ipynb": right}), "No space left on device"
    )


def test_nobodys_bad_names_hide_what_became_of_another(collect, course, tmp_path, right):
    files = {f"ada/x\u200b{n}": b"" for n in range(300)} | {f"ada/{PS}.ipynb": right}
    files |= {"umit/other.ipynb": b"{}", "umit/\u200b": b""}
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert "ada: 280 files more" in done.stderr and len(done.stderr.splitlines()) == 24
    assert "umit/\\u200b: its name" in done.stderr and "umit: other.ipynb is no notebook" in done.stderr
    assert table(done)["refused"] == 302


def test_folders_count_as_for_the_one_who_grades(collect, course, tmp_path, right, half):
    files = {f"ada/d{n}/{m}.txt": b"" for n in range(20) for m in range(49)} | {f"ada/{PS}.ipynb": half}
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert "more than 1000 files and folders" in done.stderr
    place = course / "submitted" / "ada" / PS
    assert not (place / f"{PS}.ipynb").exists() or collecting._fingerprint(place)


def test_what_cannot_be_read_is_not_unchanged(collect, course, tmp_path, monkeypatch, right):
    path = zipped(tmp_path / "all.zip", {f"ada/{PS}.ipynb": right})
    collect(course, path)
    (course / "submitted" / "ada" / PS / "link").symlink_to("/etc")
    done = collect(course, path)
    assert "ada: another submission of this student is there" in done.stderr
    assert table(collect(course, path, "--update"))["collected"] == 1
    monkeypatch.setattr(collecting, "walk", lambda *_: (_ for _ in ()).throw(Unreadable("too slow")))
    done = collect(course, path)
    assert "ada: too slow" in done.stderr and table(done)["unchanged"] == 0


def test_of_several_attempts_the_newest_counts(collect, course, tmp_path, right, half):
    files = {
        f"{PS}_ada_attempt_2026-11-28-10-00-00_{PS}.ipynb": half,
        f"{PS}_ada_attempt_2026-11-29-10-00-00_final.ipynb": right,
        f"{PS}_ada_attempt_2026-11-27-10-00-00_{PS}.ipynb": half,
        f"{PS}_umit_attempt_2026-11-28-10-00-00_{PS}.ipynb": half,
    }
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert done.returncode == 0 and done.stderr.count("there is a newer attempt, of 2026-11-29") == 2
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": right, f"umit/{PS}/{PS}.ipynb": half}


def test_a_zip_in_a_zip_counts_for_itself(collect, course, tmp_path, right):
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as file:
        for number in range(archives.ENTRIES + 1):
            file.writestr(str(number), b"")
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ada/x.zip", many.getvalue())
        file.writestr(f"umit/{PS}.ipynb", right)
    done = collect(course, path)
    assert f"ada/x.zip: it holds more than {archives.ENTRIES} files" in done.stderr
    assert there(course) == {f"umit/{PS}/{PS}.ipynb": right}


def test_a_name_that_only_says_it_is_utf8_fails_alone(collect, course, tmp_path, right):
    files = {f"ada/{PS}.ipynb": right, "ada/é.txt": b"1", f"umit/{PS}.ipynb": right}
    path = zipped(tmp_path / "all.zip", files)
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xfe"))
    done = collect(course, path)
    assert done.returncode == 1 and "ada/\\x7f\\x7f.txt: its name holds" in done.stderr
    assert there(course) == {f"{who}/{PS}/{PS}.ipynb": right for who in ("ada", "umit")}


def test_contents_that_look_like_a_list_of_files_stay_as_they_are(collect, course, tmp_path, right):
    data = b"PK\1\2" + b"\xff" * 60
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.writestr("ada/data", data)
        file.writestr(f"ada/{PS}.ipynb", right)
    assert collect(course, tmp_path / "all.zip").returncode == 0
    assert there(course)[f"ada/{PS}/data"] == data


def test_a_damaged_version_takes_no_place(collect, course, tmp_path, right, half):
    collect(course, zipped(tmp_path / "1.zip", {f"ada/{PS}.ipynb": right, "ada/data.csv": b"1"}))
    path = tmp_path / "2.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ada/data.csv", os.urandom(3000))
        file.writestr(f"ada/{PS}.ipynb", half)
    raw = bytearray(path.read_bytes())
    raw[60:1000] = bytes(940)
    path.write_bytes(raw)
    done = collect(course, path, "--update")
    assert "ada: the submission that is there stays" in done.stderr and "ada/data.csv: " in done.stderr
    assert there(course) == {f"ada/{PS}/{PS}.ipynb": right, f"ada/{PS}/data.csv": b"1"}


def test_a_damaged_time_of_the_instructors_is_no_time(collect, course, tmp_path, right, half):
    files = {f"ada/{PS}.ipynb": right, "ada/timestamp.txt": b"2026-01-01 10:00:00 UTC"}
    collect(course, zipped(tmp_path / "1.zip", files))
    before, path = there(course), zipped(tmp_path / "2.zip", files | {f"ada/{PS}.ipynb": half})
    raw = bytearray(path.read_bytes())
    raw[raw.rindex(b"PK\1\2") + 16] ^= 1  # of its checksum
    path.write_bytes(raw)
    done = collect(course, path, "--update")
    assert "ada/timestamp.txt: Bad CRC" in done.stderr and there(course) == before


def test_names_of_pictures_are_taken_and_shown_as_they_are(collect, course, tmp_path, right):
    files = {
        "ada/Screenshot at 1.00.00\u202fPM.png": b"1",
        "ada/C: x.txt": b"2",
        "ada/:smile:\x07": b"3",
        f"ada/{PS}.ipynb": right,
    }
    done = collect(course, zipped(tmp_path / "all.zip", files))
    assert set(there(course).values()) == {b"1", b"2", right} and "ada/:smile:\\x07: " in done.stderr


def test_what_lies_beside_a_notebook_comes_along(collect, course, tmp_path, right):
    files = {"x/hw.zip": inner(tmp_path, {f"hw/{PS}.ipynb": right, "hw/helper.py": b"1", "hw/d/e": b"2"})}
    files = {f"{MOODLE[0]}/x/hw.zip": files["x/hw.zip"], f"{MOODLE[0]}/x/report.pdf": b"3"}
    assert collect(course, zipped(tmp_path / "all.zip", files)).returncode == 0
    more = {"helper.py": b"1", "d/e": b"2", "x/report.pdf": b"3", f"{PS}.ipynb": right}
    assert there(course) == {f"ada/{PS}/{name}": data for name, data in more.items()}


def test_two_notebooks_are_told_by_their_cells(tmp_path, collect):
    course = tmp_path / "two" / "course"
    folder = course / "source" / PS
    folder.mkdir(parents=True)
    (course.parent / "nbgrader_config.py").write_text(CONFIG.read_text() + SETTINGS)
    cells = {"a": ("setup", "double", "double-check"), "b": ("setup", "letters", "letters-key")}
    for name, ids in cells.items():
        nbformat.write(new_notebook(cells=[one for one in SOURCE if one.id in ids]), folder / f"{name}.ipynb")
    assert nbgrader(course, "generate_assignment", PS).returncode == 0
    data = {
        name: nbformat.writes(filled_in(course / "release" / PS / f"{name}.ipynb", RIGHT)).encode()
        for name in cells
    }
    with_students(course, *((who, who, who, None) for who in ("ada", "bo", "cy", "di", "eve")))
    sent = {
        "ada/a-1.ipynb": data["a"],
        "ada/b-1.ipynb": data["b"],
        "bo/a.ipynb": data["a"],
        "bo/b-2.ipynb": data["b"],
        "cy/x.zip": inner(tmp_path, {"x/my.ipynb": data["b"], "y/more.ipynb": data["a"], "y/z": b"1"}),
        "di/only.ipynb": data["b"],
        "eve/a-1.ipynb": data["a"],
        "eve/a-2.ipynb": data["a"],
    }
    done = collect(course, zipped(tmp_path / "all.zip", sent))
    both = {f"{who}/{PS}/{name}.ipynb": data[name] for who in ("ada", "bo", "cy") for name in data}
    assert there(course) == both | {f"cy/{PS}/z": b"1", f"di/{PS}/b.ipynb": data["b"]}
    assert done.returncode == 1 and "eve: there is no a.ipynb or b.ipynb, but a-1.ipynb" in done.stderr
