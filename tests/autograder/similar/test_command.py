"""The command, on a course with honest students, copies, and what nobody can read."""

import importlib.util
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from disguises import KNOWN, disguised
from measure import TASKS, functions, texts
from small_course import PS, cell, filled_in, hand_in, make, stub

from autograder.__main__ import main

GAN_LIB = Path(importlib.util.find_spec("gan_lib").origin).parent
NOTEBOOK = GAN_LIB.parent / "notebooks" / "02_wasserstein.ipynb"
NAMES = TASKS["ps2"][1]
HEADS = next(functions(text) for text in texts("ps2").values())
CELLS = [
    cell("setup", "import torch\nfrom torch import nn"),
    *(
        cell(
            name,
            stub(head.split("\n")[0], "return 'the solution of the course' + str(1 + 2 * 3)"),
            solution=True,
        )
        for name, head in zip(NAMES, HEADS, strict=True)
    ),
    cell("letters", "answer = set()\n### BEGIN SOLUTION\nanswer = {'A'}\n### END SOLUTION", solution=True),
]
EVIL = "\n\nevil = '</pre><script>alert(1)</script>'\nprint(evil.upper().lower().title(), len(evil))"


def answers(text):
    return dict(zip(NAMES, functions(text), strict=True)) | {"letters": "answer = {'A', 'B'}"}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with submissions of every kind, and a folder of an earlier year."""
    course = tmp_path_factory.mktemp("similar") / "course"
    release = make(course, cells=CELLS)
    honest = {name: text for name, text in texts("ps2").items() if "apart_0" in name}
    for name, text in honest.items():
        hand_in(course, name, filled_in(release, answers(text)))
    source = honest["ps2_apart_03"]
    copied = answers(disguised(source, 1))
    copied["clip"] += EVIL
    hand_in(course, "copier", filled_in(release, copied))
    original = answers(source)
    original["clip"] += EVIL
    hand_in(course, "ps2_apart_03", filled_in(release, original))
    elsewhere = filled_in(release, answers(disguised(honest["ps2_apart_08"], 2)))
    moved = [one for one in elsewhere.cells if one.get("id") in NAMES]
    for one in moved:  # into cells of one's own, below those that ask for it
        elsewhere.cells.append({"cell_type": "code", "metadata": {}, "source": one.source, "outputs": []})
        one.source = "pass"
    hand_in(course, "mover", json.dumps(elsewhere).encode())
    library = (GAN_LIB / "divergences.py").read_text()
    (distance,) = re.findall(r"^def wasserstein_1d\(.*?\n\n\n", library, re.DOTALL | re.MULTILINE)
    taken = {"distance": disguised(distance, 3, KNOWN)}
    hand_in(course, "reader", filled_in(release, answers(texts("ps2")["ps2_tuning_12"]) | taken))
    hand_in(course, "blank", filled_in(release, {}))
    hand_in(course, "broken", b'{"cells": [')
    hand_in(course, "huge", filled_in(release, {"clip": "x = 1\n" * 20_000}))
    hand_in(course, "null", filled_in(release, {"clip": "x = 1\0 + f(2) * g(3) - h(4)"}))
    hand_in(course, "deep", filled_in(release, {"clip": "[" * 20_000}))
    (hand_in(course, "link", b"{}") / "more").symlink_to("/etc")
    earlier = course.parent / "2025"
    shutil.copytree(
        hand_in(course, "old", filled_in(release, answers(disguised(source, 4)))), earlier / "old" / PS
    )
    shutil.rmtree(course / "submitted" / "old")
    return course


@pytest.fixture(scope="module")
def similar(course):
    """Function that runs the command in this process: (exit status, the page)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.environ["PATH"])  # the command changes it
        patch.chdir(course.parent)

        def run(*words, assignment=PS):
            path = course / f"similar-{assignment}.html"
            path.unlink(missing_ok=True)
            status = main(["similar", assignment, "--course", str(course.parent), *map(str, words)])
            return status, path.read_text() if path.is_file() else None

        yield run


@pytest.fixture(scope="module")
def page(course, similar):
    against = "--against", GAN_LIB / "divergences.py", "--against", NOTEBOOK
    status, page = similar("--earlier", course.parent / "2025", *against, "--top", 8)
    assert status == 1  # some are not compared
    return page


def pairs(page):
    return re.findall(r'<a href="#pair-\d+">(.*?) · (.*?)</a>', page)


def test_copies_come_first_whoever_handed_them_in(page):
    assert set(pairs(page)[:4]) == {
        ("copier", "ps2_apart_03"),
        ("ps2_apart_03", "old (earlier year)"),
        ("copier", "old (earlier year)"),
        ("mover", "ps2_apart_08"),
    }
    assert len(pairs(page)) == 8


def test_matches_stand_side_by_side_and_escaped(page):
    assert "<script" not in page and "</pre><" not in page.replace("</pre></figure>", "")
    assert "&lt;/pre&gt;&lt;script&gt;" in page
    block = page.partition("<summary>copier · ps2_apart_03")[2].partition("</details>")[0]
    assert block.count("<figcaption>copier") == block.count("<figcaption>ps2_apart_03") >= 4
    assert "<mark>" in block
    assert not re.search(r"(src|href)=.?(?!#)[^ >]*//", page)  # nothing from elsewhere


def test_what_anybody_can_read_is_no_pair(page):
    read = page.partition("<h2>What anybody can read</h2>")[2]
    assert re.search(r"<summary>reader, distance: divergences.py: wasserstein_1d\s+\(\d\d%\)", read)
    assert "reader" not in {name for pair in pairs(page)[:4] for name in pair}


def test_what_cannot_be_compared_is_named(page):
    table = page.partition("<h2>Not compared</h2>")[2]
    for name, why in (
        ("blank", "no code but what students were given"),
        ("broken", "not JSON"),
        ("huge", "above the limit"),
        ("link", "is a link"),
    ):
        assert re.search(rf'<th scope="row">{name}</th><td>[^<]*{why}', table), name
    assert "letters" not in page  # an answer is no code


def test_error_rates_are_beside_each_score(page):
    assert re.search(r"<td>0 of 255</td>\s*<td>\d+ of 88</td>", page)


def test_what_is_wrong_is_said(similar, capsys, course, tmp_path):
    assert similar(assignment="ps9") == (1, None)
    assert "Run nbgrader generate_assignment ps9 first" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert similar("--earlier", tmp_path / "empty") == (1, None)
    assert "nothing was handed in" in capsys.readouterr().err
    for words, said in (
        (("--earlier", tmp_path / "none"), "there is no"),
        (("--earlier", NOTEBOOK), "is no folder"),
        (("--against", tmp_path / "none"), "there is no"),
        (("--top", "0"), "'0' is no number from 1 on"),
    ):
        with pytest.raises(SystemExit):
            similar(*words)
        assert said in capsys.readouterr().err


def test_one_submission_is_too_few(similar, capsys, course):
    every = course / "submitted"
    every.rename(course / "others")
    try:
        shutil.copytree(course / "others" / "copier", every / "copier")
        shutil.copytree(course / "others" / "broken", every / "broken")
        assert similar() == (1, None)
        said = capsys.readouterr().err
        assert "ps has 1 submissions with code to compare" in said and "not JSON" in said
    finally:
        shutil.rmtree(every)
        (course / "others").rename(every)
