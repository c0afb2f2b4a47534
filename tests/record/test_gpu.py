"""The runner of what needs a GPU: parts pass, fail, are cut off, and are taken up again. These need none."""

import importlib.util
import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest

RECORD = Path(__file__).parents[2] / "book/record"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(RECORD))
    try:
        spec = importlib.util.spec_from_file_location("record_gpu", RECORD / "gpu.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(RECORD))
    return module


def run(script, folder, parts, minutes=2.0, again=False):
    file = folder / "gpu.json"
    records = json.loads(file.read_text()) if file.exists() else {}
    options = Namespace(minutes=minutes, again=again, work=folder / "work")
    status = script.run_all(list(parts), parts, records, file, options)
    return status, json.loads(file.read_text()) if file.exists() else {}


def test_a_part_that_passed_is_not_run_again(script, tmp_path):
    mark = tmp_path / "mark"
    part = {"one": ["-c", f"open({str(mark)!r}, 'a').write('x'); print('done')"]}
    for times, again in ((1, False), (1, False), (2, True)):
        status, records = run(script, tmp_path, part, again=again)
        assert status == 0 and mark.read_text() == "x" * times
    assert records["one"]["status"] == "passed" and records["one"]["said"] == "done\n"
    assert {"device", "versions", "seconds", "peak_mib", "command"} <= records["one"].keys()


def test_a_part_that_fails_says_why_and_the_next_goes_on(script, tmp_path):
    parts = {"bad": ["-c", "raise SystemExit('no such thing')"], "good": ["-c", "pass"]}
    status, records = run(script, tmp_path, parts)
    assert status == 1
    assert [records[name]["status"] for name in parts] == ["failed", "passed"]
    assert "no such thing" in records["bad"]["said"]


def test_a_part_that_is_cut_off_is_taken_up_again(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "LEAST", 0.1)
    mark = tmp_path / "mark"
    code = (
        f"import os, time; p = {str(mark)!r}; seen = os.path.exists(p); open(p, 'w'); seen or time.sleep(60)"
    )
    status, records = run(script, tmp_path, {"long": ["-c", code]}, minutes=0.03)
    assert status == 2 and records["long"]["status"] == "cut off"
    status, records = run(script, tmp_path, {"long": ["-c", code]})
    assert status == 0 and records["long"]["status"] == "passed"


def test_nothing_is_begun_without_time(script, tmp_path):
    assert run(script, tmp_path, {"one": ["-c", "pass"]}, minutes=0.1) == (2, {})


def test_every_part_is_a_script_or_module_of_the_project(script):
    root = RECORD.parents[1]
    for name, words in script.parts(Path("work")).items():
        if words[0] == "-m":
            assert importlib.util.find_spec(words[1]), name
        else:
            assert (root / words[0]).is_file(), name
