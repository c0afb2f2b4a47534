"""What is copied of a submission's folder."""

import os

import pytest

from autograder.sandbox.submission import copy_files


def copied(source, tmp_path, **limits):
    copy_files(source, tmp_path / "copy", **{"size": 10_000, "count": 20, **limits})
    return {str(p.relative_to(tmp_path / "copy")): p for p in (tmp_path / "copy").rglob("*") if p.is_file()}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "ada"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "x.csv").write_text("1")
    return folder


def test_files_are_copied_for_reading_and_notebooks_are_not(source, tmp_path):
    (source / "ps1.ipynb").write_text("{}")
    (source / "data" / "old.IPYNB").write_text("{}")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "x.py").write_text("")
    files = copied(source, tmp_path)
    assert set(files) == {"data/x.csv"} and files["data/x.csv"].read_text() == "1"
    assert files["data/x.csv"].stat().st_mode & 0o777 == 0o444


def test_links_lead_nowhere(source, tmp_path):
    (tmp_path / "gradebook.db").write_text("secret")
    (source / "grades").symlink_to(tmp_path / "gradebook.db")
    (source / "up").symlink_to(tmp_path)
    (source / "data" / "shadow").symlink_to("/etc/shadow")
    assert set(copied(source, tmp_path)) == {"data/x.csv"}


def test_pipes_and_devices_are_left_out_and_do_not_block(source, tmp_path):
    os.mkfifo(source / "pipe")
    assert set(copied(source, tmp_path)) == {"data/x.csv"}


@pytest.mark.parametrize("name", ["..\\..\\x.py", "a b.py", "-rf", "naïve\n.py"])
def test_odd_names_are_ordinary(source, tmp_path, name):
    (source / name).write_text("x")
    assert set(copied(source, tmp_path)) == {"data/x.csv", name}


def test_too_much_is_refused_by_name(source, tmp_path):
    (source / "data" / "y.bin").write_bytes(b"x" * 10_001)
    with pytest.raises(ValueError, match=r"data/y\.bin: the submission's files hold more than 10000 bytes"):
        copied(source, tmp_path)


def test_a_sparse_file_counts_with_its_size(source, tmp_path):
    with open(source / "huge", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="huge"):
        copied(source, tmp_path)


def test_too_many_files_are_refused(source, tmp_path):
    for i in range(30):
        (source / f"{i}.txt").write_text("")
    with pytest.raises(ValueError, match="more than 20 files"):
        copied(source, tmp_path)


def test_folders_too_deep_are_refused(source, tmp_path):
    (source / "/".join("d" * 30)).mkdir(parents=True)
    with pytest.raises(ValueError, match="more than 20 deep"):
        copied(source, tmp_path, count=100)


def test_a_file_that_cannot_be_read_is_the_submissions_fault(source, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    (source / "closed.txt").write_text("x")
    (source / "closed.txt").chmod(0)
    with pytest.raises(ValueError, match=r"closed\.txt cannot be read"):
        copied(source, tmp_path)


def test_a_name_that_is_no_text_can_still_be_told(source, tmp_path):
    with open(os.fsencode(source) + b"/\xff.bin", "wb") as file:
        file.truncate(20_000)
    with pytest.raises(ValueError) as refused:
        copied(source, tmp_path)
    assert str(refused.value).startswith("\ufffd.bin: ") and str(refused.value).encode()
