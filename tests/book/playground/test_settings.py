"""Settings in an address: what comes back, and what is refused, in words that help."""

import pytest

UNUSUAL = {
    "data": "drawn",
    "std": 0.1,
    "points": [[0.5, -1.25], [-1e-7, 2]],
    "latentDim": 5,
    "widthG": 7,
    "depthG": 1,
    "activationG": "tanh",
    "batchNorm": True,
    "widthD": 9,
    "depthD": 3,
    "activationD": "tanh",
    "spectralNorm": True,
    "objective": "label_smoothing",
    "realTarget": 0.875,
    "fakeTarget": 0.1,
    "gradientPenalty": 10,
    "centre": 0.3,
    "r1": 0.1,
    "r2": 1e-7,
    "clip": 0.01,
    "packing": 2,
    "instanceNoise": 1 / 3,
    "update": "alternating",
    "freshNoise": True,
    "criticSteps": 5,
    "batch": 64,
    "optimizer": "sgd",
    "rateG": 2e-4,
    "rateD": 0.30000000000000004,
    "beta1": 0,
    "beta2": 0.999,
    "decay": 1000,
    "ema": 0.99,
    "seed": 4294967295,
}


def test_round_trip(engine):
    address = engine("address", settings=UNUSUAL)
    assert engine("fromAddress", address=address) == engine("settings") | UNUSUAL


def test_every_setting_is_in_the_round_trip(engine):
    initial = engine("settings")
    assert UNUSUAL.keys() == initial.keys()
    same = {name for name in initial if initial[name] == UNUSUAL[name]}
    assert same == {"std", "update"}  # the others go with criticSteps; see below
    address = engine("address", settings={"update": "simultaneous", "std": 0.01})
    assert address == "std=0.01&update=simultaneous"


def test_usual_settings_need_no_address(engine):
    assert engine("address", settings={}) == ""
    assert engine("fromAddress", address="") == engine("settings")


REFUSED = {
    "objective=gan": 'objective must be one of minimax, .*; got "gan"',
    "batch=1": 'batch must be a whole number from 2 to 512; got "1"',
    "batch=64.5": "batch must be a whole number",
    "batch=1e2": "batch must be a whole number",
    "rateG=fast": 'rateG must be a number from 0 to 10; got "fast"',
    "rateG=": "rateG must be a number",
    "rateG=0x1": "rateG must be a number",
    "rateG=NaN": "rateG must be a number",
    "rateG=Infinity": "rateG must be a number",
    "r1=-1": 'r1 must be a number from 0 to 1000; got "-1"',
    "batchNorm=true": 'batchNorm must be yes or no; got "true"',
    "points=1,2;3": "points must be at most 40 points x,y;x,y",
    "points=1,2;3,4,5": "points must be at most 40 points",
    "points=1,99": 'a coordinate of points must be a number from -6 to 6; got "99"',
    "points=" + ";".join(["0,0"] * 41): "points must be at most 40 points",
    "data=drawn": "data drawn needs at least one of points",
    "seed=4294967296": "seed must be a whole number from 0 to 4294967295",
    "speed=3": 'there is no setting "speed"',
    "toString=3": 'there is no setting "toString"',
    "batch=64&batch=32": "batch must be given once",
    "batch=9&packing=2": "batch must be a multiple of packing 2; got 9",
    "fakeTarget=0.9": "fakeTarget must be less than realTarget 0.9; got 0.9",
    "update=simultaneous&criticSteps=2": "criticSteps must be 1 where players move simultaneously; got 2",
}


@pytest.mark.parametrize("address", REFUSED)
def test_refusals_name_the_value_and_what_was_expected(engine, address):
    with pytest.raises(RuntimeError, match=f"SettingError: .*{REFUSED[address]}"):
        engine("fromAddress", address=address)
