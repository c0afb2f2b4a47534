"""What stops the build: a small book of one page with the course's own configuration and extensions."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
RECORD = {"id": "half-of-it", "says": "It is $1/2$.", "measured": 0.5, "expected": 0.5, "page": "intro"}


@pytest.fixture
def build(tmp_path):
    """build(text, *records) -> (succeeded, log, HTML of the page)"""

    def run(text, *records):
        for name in ("_config.yml", "references.bib"):
            shutil.copy(BOOK / name, tmp_path)
        for name in ("_ext", "_static"):
            shutil.copytree(BOOK / name, tmp_path / name)
        (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
        (tmp_path / "claims.json").write_text(json.dumps(records))
        (tmp_path / "intro.md").write_text(f"# A page\n\n{text}\n")
        command = [Path(sys.executable).with_name("jupyter-book"), "build", tmp_path, "-W", "--keep-going"]
        done = subprocess.run(command, capture_output=True, text=True)
        page = tmp_path / "_build/html/intro.html"
        return done.returncode == 0, done.stdout + done.stderr, page.read_text() if page.exists() else ""

    return run


def test_measured_values_stand_in_the_text_linked_and_formatted(build):
    infinite = RECORD | {"id": "no-end", "measured": "inf", "expected": "inf"}
    text = "A {claim}`half-of-it`, B {claim}`half-of-it:.2f`, C {claim}`no-end`.\n\n```{claims-table}\n```"
    succeeded, log, page = build(text, RECORD, infinite)
    assert succeeded, log
    assert page.count('href="#claim-half-of-it"') == 3
    for value in (">0.5</a>", ">0.50</a>", ">∞</a>"):
        assert value in page
    assert "2 claims, 2 checked." in page


def test_what_is_unknown_stops_the_build(build):
    text = "{claim}`no-such-claim` {claim}`half-of-it:.2q`\n\n```{essay} Q99\n```"
    succeeded, log, _ = build(text, RECORD)
    assert not succeeded
    assert "no claim 'no-such-claim' was recorded" in log
    assert "claim 'half-of-it' cannot be written as '.2q'" in log
    assert "no essay question 'Q99'" in log


def test_a_record_that_does_not_hold_stops_the_build(build):
    succeeded, log, _ = build("```{claims-table}\n```", RECORD | {"measured": 0.6})
    assert not succeeded
    assert "1 recorded claims do not hold" in log
