"""A claim is a sentence with a number in it that is checked where it stands.

`claim` compares the measured value with what the sentence says, shows the outcome as one line, and adds it to
the record that the environment variable GAN_CLAIMS names (when that is not set, nothing is recorded).

That a value is as stated says little where anything else would give it too. So a claim has one of three kinds
(`kind`): what was trained or sampled comes with a control, the same measure on the dullest alternative, which
must fail; a bound that holds by a theorem names it; and an identity is met to within rounding.
"""

import html
import json
import math
import numbers
import os
import re
from pathlib import Path

from gan_lib.rich import MATH_CLASSES, inline_math, show

RECORD_VARIABLE = "GAN_CLAIMS"
ROUNDING = 1e-4  # of a float32 computation, relative to the value or to 1: what an identity may be off by
LABEL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class ClaimFailed(AssertionError):
    """The measured value is not what the claim says. Attributes: id, measured, wanted (text)."""

    def __init__(self, id, measured, wanted, says):
        super().__init__(
            f"claim {id!r} does not hold: measured {format_value(measured)}, expected {wanted} ({says})"
        )
        self.id, self.measured, self.wanted = id, measured, wanted


class ControlPassed(ClaimFailed):
    """The claim's control is as stated too: the measure does not distinguish. Attribute: control."""

    def __init__(self, id, control, wanted, control_says):
        AssertionError.__init__(
            self,
            f"claim {id!r} does not distinguish: its control ({control_says}) would pass too: "
            f"measured {format_value(control)}, expected {wanted}",
        )
        self.id, self.control, self.wanted = id, control, wanted


def claim(
    id,
    measured,
    *,
    expected=None,
    tolerance=None,
    relative=False,
    above=None,
    below=None,
    control=None,
    control_says=None,
    proof=None,
    says,
    seed=None,
):
    """Check that `measured` is what `says` states, and its control is not; show the result, and record it.

    Args:
        id: lower-case words joined by hyphens, unique in the course; "claim-<id>" is the line's link target.
        measured: a number or truth value: Python, NumPy, or a tensor without dimensions.
        expected: the value stated. Equal exactly, or within `tolerance`: |measured - expected| <= tolerance.
        tolerance: finite and not negative; `relative=True` makes it a share of |expected|.
        above, below: strict bounds, one or both (an open interval), in place of `expected`.
        control: the same measure taken on the dullest alternative (a structureless blob, the networks before
            training, the method without what the sentence credits), or, where the sentence says that nothing
            was found, on a planted case. A number, and not as stated.
        control_says: what the control was taken on, one line; mathematics between dollar signs.
        proof: label of the theorem of the book that gives the bound, such as "thm-jensen".
        says: the sentence, one line; mathematics between dollar signs.
        seed: the statement of the source questions that this settles, such as "000-T3-B".

    Raises:
        ClaimFailed: (an AssertionError) the value is not as stated; NaN never is. Nothing is recorded then.
        ControlPassed: (a ClaimFailed) the control is as stated too. Nothing is recorded then.
        ValueError, TypeError: the claim itself is malformed, or the record already has this id.
    """
    _check_words(id, says, seed)
    bounds = _bounds(expected, tolerance, relative, above, below)
    measured = to_number(measured, "measured")
    beside = _beside(id, control, control_says, proof)
    wanted = format_wanted(bounds)
    path = os.environ.get(RECORD_VARIABLE)
    if path and id in {record["id"] for record in read_record(path)}:
        raise ValueError(f"claim {id!r} is already in the record {path}: every claim needs an id of its own")
    true = holds(measured, bounds)
    show(_html(id, measured, wanted, says, true, beside), _plain(measured, wanted, says, true, beside))
    if not true:
        raise ClaimFailed(id, measured, wanted, says)
    if control is not None and holds(beside["control"], bounds):
        raise ControlPassed(id, beside["control"], wanted, control_says)
    if path:
        fields = {"id": id, "says": says, "measured": measured, **bounds, **beside}
        fields |= {"seed": seed} if seed else {}
        _append(path, {key: _strict(value) for key, value in fields.items()})


def read_record(path):
    """The claims recorded in a file, in order, as dicts; none when there is no file.

    Keys: id, says, measured, then expected (with tolerance, relative) or above and/or below; control with
    control_says, proof and seed if given.
    Infinities stand as "inf" and "-inf", so that the record is JSON for every reader.
    """
    path = Path(path)
    if not path.exists():
        return []
    # What follows the last line break is a line that someone is writing just now.
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def to_number(value, name="value"):
    """Python bool, int or float from a Python, NumPy or tensor scalar without dimensions (else TypeError)."""
    if hasattr(value, "item"):
        if getattr(value, "ndim", 0):
            raise TypeError(f"{name} must be a single number, not an array of shape {tuple(value.shape)}")
        value = value.item()
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"{name} must be a real number or a truth value, not {value!r}")


def format_value(value):
    """A number of a claim for readers: whole ones with separators, others to six significant digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if math.isinf(float(value)):
        return "∞" if float(value) > 0 else "−∞"
    return f"{value:,}" if isinstance(value, int) else f"{value + 0.0:.6g}"  # no "-0"


def format_wanted(bounds):
    """A claim's expected, tolerance, relative, above, below as text: "0.5 ± 0.01", "> 3"."""
    if "expected" in bounds:
        text, tolerance = format_value(bounds["expected"]), bounds.get("tolerance")
        if tolerance is None:
            return text
        return f"{text} ± {tolerance * 100:.6g} %" if bounds.get("relative") else f"{text} ± {tolerance:.6g}"
    if "above" in bounds and "below" in bounds:
        return f"between {format_value(bounds['above'])} and {format_value(bounds['below'])}"
    if "above" in bounds:
        return f"> {format_value(bounds['above'])}"
    return f"< {format_value(bounds['below'])}"


def kind(record):
    """What makes a claim of the record one that could have failed: "control", "proof", "identity" or None.

    An identity states a number and how exactly it is met: `tolerance`, 0 included, within `ROUNDING`.
    """
    for name in ("control", "proof"):
        if name in record:
            return name
    if "tolerance" not in record or not math.isfinite(record["expected"]):
        return None
    return "identity" if width(record) <= ROUNDING * max(1, abs(record["expected"])) else None


def width(bounds):
    """How far a value may be from what a claim's bounds (expected, tolerance, relative) expect."""
    return bounds.get("tolerance", 0) * (abs(bounds["expected"]) if bounds.get("relative") else 1)


def _beside(id, control, control_says, proof):
    """What stands beside the measured value, as a dict without absent entries, after checking it."""
    if (control is None) != (control_says is None):
        raise ValueError(f"claim {id!r}: `control` and `control_says` go together")
    if proof is not None and (not isinstance(proof, str) or not LABEL.fullmatch(proof)):
        raise ValueError(f"claim {id!r}: `proof` must be a label such as 'thm-jensen', not {proof!r}")
    if control is None:
        return {"proof": proof} if proof else {}
    control = to_number(control, "control")
    if math.isnan(control):
        raise ValueError(f"claim {id!r}: the control is NaN, so it shows nothing")
    _check_line(id, "control_says", control_says)
    return {"control": control, "control_says": control_says} | ({"proof": proof} if proof else {})


def _check_words(id, says, seed):
    if not isinstance(id, str) or not LABEL.fullmatch(id):
        raise ValueError(f"a claim's id is made of lower-case words joined by hyphens, not {id!r}")
    _check_line(id, "says", says)
    if seed is not None and (not isinstance(seed, str) or not seed):
        raise ValueError(f"claim {id!r}: `seed` must name a statement such as '000-T3-B', not {seed!r}")


def _check_line(id, name, text):
    if not isinstance(text, str) or not text.strip() or "\n" in text:
        raise ValueError(f"claim {id!r}: `{name}` must be one line of text, not {text!r}")


def _bounds(expected, tolerance, relative, above, below):
    """The expectation as a dict without absent entries, after checking that it makes sense."""
    if (expected is None) == (above is None and below is None):
        raise ValueError("a claim needs either `expected`, or `above` and/or `below`, and not both")
    given = {"expected": expected, "tolerance": tolerance, "above": above, "below": below}
    bounds = {name: to_number(value, name) for name, value in given.items() if value is not None}
    for name, value in bounds.items():
        if math.isnan(value):
            raise ValueError(f"`{name}` is NaN")
    if tolerance is None:
        if relative:
            raise ValueError("`relative` needs a `tolerance`")
    elif expected is None:
        raise ValueError("`tolerance` goes with `expected`, not with `above` or `below`")
    elif not 0 <= bounds["tolerance"] < math.inf:
        raise ValueError(f"`tolerance` must be finite and not negative, not {bounds['tolerance']}")
    elif relative:
        if bounds["expected"] == 0:
            raise ValueError("a tolerance relative to an expected value of 0 is empty: use an absolute one")
        bounds["relative"] = True
    if above is not None and below is not None and not bounds["above"] < bounds["below"]:
        raise ValueError(f"`above` ({bounds['above']}) must be less than `below` ({bounds['below']})")
    return bounds


def holds(measured, bounds):
    """Whether a number is as the bounds (a claim's expected, tolerance, relative, above, below) want it."""
    # NaN compares false with everything, so it never holds.
    if "expected" in bounds:
        expected = bounds["expected"]
        return measured == expected or (math.isfinite(expected) and abs(measured - expected) <= width(bounds))
    low, high = bounds.get("above"), bounds.get("below")
    return (low is None or measured > low) and (high is None or measured < high)


def _strict(value):
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _append(path, record):
    line = json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
    # One write to a file opened for appending: another process's line can come before or after, never inside.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def _html(id, measured, wanted, says, holds, beside):
    mark, word, colour = ("✓", "Holds:", "#009E73") if holds else ("✗", "Does not hold:", "#D55E00")
    control = ""
    if "control" in beside:
        control = (
            f" <span>Control, {inline_math(beside['control_says'])}: "
            f"<strong>{format_value(beside['control'])}</strong>.</span>"
        )
    return (
        f'<p class="gan-claim {MATH_CLASSES}" id="claim-{id}" style="margin:.5em 0;padding:.2em .8em;'
        f'border-left:.25em solid {colour};line-height:1.5">'
        f'<strong aria-label="{word}" role="img">{mark}</strong> {inline_math(says)} '
        f'<span style="white-space:nowrap">Measured <strong>{format_value(measured)}</strong>,</span> '
        f'<span style="white-space:nowrap">expected {html.escape(wanted)}.</span>{control}</p>'
    )


def _plain(measured, wanted, says, holds, beside):
    control = (
        f" Control, {beside['control_says']}: {format_value(beside['control'])}."
        if "control" in beside
        else ""
    )
    return f"{'✓' if holds else '✗'} {says} Measured {format_value(measured)}, expected {wanted}.{control}"
