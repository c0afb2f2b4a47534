import json
import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan_lib.claims import (
    ClaimFailed,
    ControlPassed,
    claim,
    format_value,
    format_wanted,
    holds,
    kind,
    read_record,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.fixture
def record(tmp_path, monkeypatch):
    path = tmp_path / "claims.jsonl"
    monkeypatch.setenv("GAN_CLAIMS", str(path))
    return path


def check(measured, **expectation):
    claim("some-claim", measured, says="A sentence.", **expectation)


@given(NUMBERS, NUMBERS, st.floats(0, 1e6))
def test_tolerance_is_an_absolute_distance(measured, expected, tolerance):
    bounds = {"expected": expected, "tolerance": tolerance}
    assert holds(measured, bounds) == (abs(measured - expected) <= tolerance)


@given(NUMBERS, NUMBERS.filter(bool), st.floats(0, 10))
def test_relative_tolerance_is_a_share_of_the_expected_value(measured, expected, tolerance):
    bounds = {"expected": expected, "tolerance": tolerance, "relative": True}
    assert holds(measured, bounds) == (abs(measured - expected) <= tolerance * abs(expected))


@given(NUMBERS, NUMBERS, NUMBERS)
def test_bounds_are_strict_and_both_count(measured, low, high):
    assert holds(measured, {"above": low}) == (measured > low)
    assert holds(measured, {"below": high}) == (measured < high)
    assert holds(measured, {"above": low, "below": high}) == (low < measured < high)


@pytest.mark.parametrize(
    "expectation",
    [
        {"expected": 0.0, "tolerance": 1e9},
        {"above": -math.inf},
        {"below": 1.0},
        {"above": 0.0, "below": 1.0},
        {"expected": math.inf},
    ],
)
def test_nan_never_holds(expectation):
    with pytest.raises(ClaimFailed):
        check(math.nan, **expectation)


def test_infinities():
    check(math.inf, expected=math.inf)
    check(math.inf, above=3)
    with pytest.raises(ClaimFailed):
        check(math.inf, expected=3, tolerance=1e300)
    with pytest.raises(ClaimFailed):
        check(3.0, expected=math.inf, tolerance=1)


@pytest.mark.parametrize(
    "half",
    [0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5), torch.tensor(0.5).bfloat16(), Fraction(1, 2)],
)
def test_scalars_of_all_kinds(half, record):
    check(half, expected=0.5)
    assert read_record(record)[0]["measured"] == 0.5


def test_a_tensor_with_a_gradient(record):
    check(torch.tensor(2.0, requires_grad=True), expected=2)


def test_truth_values_and_whole_numbers_keep_their_kind(record):
    claim("a-truth", np.bool_(True), expected=True, says="It is so.")
    claim("a-count", torch.tensor(7), expected=7, says="There are seven.")
    measured = [entry["measured"] for entry in read_record(record)]
    assert measured[0] is True and type(measured[1]) is int


@pytest.mark.parametrize("value", [torch.ones(1), np.ones((2, 2)), "0.5", None, 1j, torch.tensor(1j)])
def test_what_is_no_single_real_number_is_refused(value):
    with pytest.raises(TypeError, match="measured must be"):
        check(value, expected=0.5)


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ({}, "either `expected`"),
        ({"expected": 1, "above": 0}, "either `expected`"),
        ({"above": 0, "tolerance": 0.1}, "goes with `expected`"),
        ({"expected": 1, "tolerance": -0.1}, "not negative"),
        ({"expected": 1, "tolerance": math.inf}, "finite"),
        ({"expected": 1, "relative": True}, "needs a `tolerance`"),
        ({"expected": 0, "tolerance": 0.1, "relative": True}, "use an absolute one"),
        ({"expected": math.nan}, "NaN"),
        ({"above": 1, "below": 1}, "must be less than"),
    ],
)
def test_a_malformed_expectation_is_refused(expectation, message):
    with pytest.raises(ValueError, match=message):
        check(1.0, **expectation)


@pytest.mark.parametrize("id", ["", "Claim", "a_b", "a b", "-a", "a--b", "a-", None])
def test_malformed_ids_are_refused(id):
    with pytest.raises(ValueError, match="lower-case words"):
        claim(id, 1, expected=1, says="A sentence.")


@pytest.mark.parametrize("says", ["", "  ", "two\nlines", None])
def test_malformed_sentences_are_refused(says):
    with pytest.raises(ValueError, match="one line of text"):
        claim("some-claim", 1, expected=1, says=says)


def test_a_claim_that_fails_says_what_was_measured_and_is_not_recorded(record, capsys):
    with pytest.raises(ClaimFailed, match=r"some-claim.*measured 0\.7.*expected 0\.5 ± 0\.1") as caught:
        check(0.7, expected=0.5, tolerance=0.1)
    assert isinstance(caught.value, AssertionError)
    assert capsys.readouterr().out.startswith("✗ A sentence.")
    assert not record.exists()


def test_the_record_has_what_the_table_needs(record):
    claim(
        "first-one", 0.5, expected=0.5, tolerance=0.1, relative=True, says="Half, $x$ — ½.", seed="000-T3-B"
    )
    claim("second-one", -math.inf, below=0, says="Low.")
    assert read_record(record) == [
        {
            "id": "first-one",
            "says": "Half, $x$ — ½.",
            "measured": 0.5,
            "expected": 0.5,
            "tolerance": 0.1,
            "relative": True,
            "seed": "000-T3-B",
        },
        {"id": "second-one", "says": "Low.", "measured": "-inf", "below": 0},
    ]

    def refuse(name):
        raise ValueError(name)

    for line in record.read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=refuse)


BLOB = "a Gaussian of the same spread"


def test_a_claim_fails_where_its_control_would_pass_too(record):
    for bounds in ({"above": 0.5}, {"expected": 0.9, "tolerance": 0.1}, {"below": 1, "above": 0.1}):
        with pytest.raises(ControlPassed, match=r"does not distinguish.*same spread.*measured 0\.8"):
            check(0.9, **bounds, control=np.float32(0.8), control_says=BLOB)
    with pytest.raises(ClaimFailed, match=r"does not hold: measured 0\.4"):  # what fails itself says so first
        check(0.4, above=0.5, control=0.8, control_says=BLOB)
    check(0.9, above=0.5, control=0.2, control_says=BLOB)
    (kept,) = read_record(record)
    assert (kept["control"], kept["control_says"]) == (0.2, BLOB)


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ({"control": 0.2}, "go together"),
        ({"control_says": BLOB}, "go together"),
        ({"control": math.nan, "control_says": BLOB}, "NaN"),
        ({"control": 0.2, "control_says": "two\nlines"}, "one line"),
        ({"proof": "Theorem 1"}, "thm-jensen"),
    ],
)
def test_a_malformed_control_or_proof_is_refused(record, beside, message):
    with pytest.raises(ValueError, match=message):
        check(0.9, above=0.5, **beside)
    assert not record.exists()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"above": 0.5}, None),
        ({"expected": 0.9}, None),  # eight of eight islands: how exactly, and beside what?
        ({"expected": 0.9, "tolerance": 0.01}, None),
        ({"expected": 0.9, "tolerance": 0}, "identity"),
        ({"expected": 0.9, "tolerance": 1e-6}, "identity"),
        ({"expected": 0.9, "tolerance": 1e-5, "relative": True}, "identity"),
        ({"expected": 9e5, "tolerance": 1}, "identity"),
        ({"expected": 0.9, "tolerance": 1e-3, "relative": True}, None),
        ({"above": 0.5, "proof": "thm-jensen"}, "proof"),
        ({"above": 0.5, "control": 0.2, "control_says": BLOB}, "control"),
        ({"above": 0.5, "control": 0.2, "control_says": BLOB, "proof": "thm-jensen"}, "control"),
    ],
)
def test_the_kind_of_a_claim(record, given, wanted):
    check(given.get("expected", 0.9), **given)
    assert kind(read_record(record)[0]) == wanted


def test_nothing_is_recorded_when_no_record_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("GAN_CLAIMS", raising=False)
    monkeypatch.chdir(tmp_path)
    check(1, expected=1)
    assert list(tmp_path.iterdir()) == []


def test_an_id_stands_once_in_a_record(record):
    check(1, expected=1)
    with pytest.raises(ValueError, match="already in the record"):
        check(1, expected=1)
    assert len(read_record(record)) == 1


def test_claims_written_at_the_same_time_do_not_mix(record):
    def write(k):
        claim(f"claim-{k}", k, expected=k, says="x" * 5000)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(64)))
    assert sorted(entry["measured"] for entry in read_record(record)) == list(range(64))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456789, "0.123457"), (3838720, "3,838,720"), (True, "true"), (1e-9, "1e-09"), ("-inf", "−∞")],
)
def test_numbers_for_readers(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({"expected": 7}, "7"),
        ({"expected": 0.5, "tolerance": 0.01}, "0.5 ± 0.01"),
        ({"expected": 0.5, "tolerance": 0.01, "relative": True}, "0.5 ± 1 %"),
        ({"above": 1}, "> 1"),
        ({"below": 1}, "< 1"),
        ({"above": 0, "below": 1}, "between 0 and 1"),
    ],
)
def test_expectations_for_readers(bounds, text):
    assert format_wanted(bounds) == text


def test_the_line_is_html_with_an_anchor_and_escaped_text(monkeypatch):
    shown = []
    monkeypatch.setattr("gan_lib.claims.show", lambda html, plain: shown.append((html, plain)))
    claim("a-b", 0.5, below=1, says="For $a<b$ the cost is < \\$5.")
    html, plain = shown[0]
    assert 'id="claim-a-b"' in html
    assert r"For \(a&lt;b\) the cost is &lt; $5." in html
    assert "expected &lt; 1" in html
    assert 'aria-label="Holds:"' in html
    assert plain == "✓ For $a<b$ the cost is < \\$5. Measured 0.5, expected < 1."
    assert "Control" not in html
    claim("a-b", 0.5, below=1, control=3, control_says="of $c<d$", says="x")
    html, plain = shown[1]
    assert r"Control, of \(c&lt;d\): <strong>3</strong>." in html and plain.endswith(" Control, of $c<d$: 3.")
