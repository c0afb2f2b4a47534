"""Rewinding, scrubbing and links: the same run again, to the bit."""

import pytest

SMALL = {"widthG": 6, "widthD": 6, "batch": 8, "seed": 11}
KINDS = {
    "plain": {},
    "all that remembers": {
        "batchNorm": True, "spectralNorm": True, "ema": 0.9, "instanceNoise": 0.1, "gradientPenalty": 1.0,
        "criticSteps": 2, "decay": 500, "packing": 2,
    },
    "simultaneous": {"update": "simultaneous", "optimizer": "sgd", "clip": 0.3},
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_ways_back_and_forth_lead_to_the_same_states(engine, name):
    """Seen twice: after each way back, and again on the way forward."""
    script = [["i", 35], ["d", 3], ["goTo", 36], ["goTo", 38], ["g", 2], ["i", 25], ["goTo", 7], ["goTo", 35]]
    script += [["goTo", 65], ["goTo", 0], ["goTo", 65], ["goTo", 36]]
    found = engine("history", settings=SMALL | KINDS[name], script=script)
    assert found["differing"] == []
    assert found["seen"] < len(script)
    assert found["same"]
    assert (found["address"], found["length"]) == ("35i1d", 65)


def test_another_move_in_the_past_makes_another_future(engine):
    """And no snapshot of the old one is left."""
    script = [["i", 50], ["goTo", 20], ["d", 1], ["i", 5]]
    found = engine("history", settings=SMALL, script=script)
    assert (found["address"], found["length"], found["same"]) == ("20i1d5i", 26, True)
    found = engine("history", settings=SMALL, script=[*script, ["i", 30], ["goTo", 0], ["goTo", 47]])
    assert (found["address"], found["length"], found["same"]) == ("20i1d26i", 56, True)


def test_the_same_move_in_the_past_keeps_the_future(engine):
    found = engine("history", settings=SMALL, script=[["i", 50], ["goTo", 20], ["i", 5]])
    assert (found["address"], found["length"]) == ("25i", 50)


def test_long_runs_keep_fewer_snapshots_and_stay_exact(engine):
    """Beyond two hundred snapshots every second one goes."""
    tiny = {"widthG": 2, "widthD": 2, "depthG": 1, "depthD": 1, "batch": 2}
    script = [["i", 2300], ["goTo", 1234], ["goTo", 2055], ["goTo", 1234], ["i", 1], ["goTo", 2300]]
    found = engine("history", settings=tiny, script=script)
    assert (found["differing"], found["same"], found["address"]) == ([], True, "2300i")


@pytest.mark.parametrize("text", ["12", "i", "3x", "3i-1d", "100001i", "99999i2d", "1.5i"])
def test_runs_that_are_none_are_refused(engine, text):
    with pytest.raises(RuntimeError, match="SettingError: run must be numbers of moves such as 120i1d3g"):
        engine("replay", text=text)


def test_runs_in_their_shortest_form(engine):
    assert engine("replay", text="1i2i1d0g1g") == "3i1d1g"
