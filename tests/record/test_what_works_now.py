"""The record of one change at a time: what differs between two runs, and that a record is gone on with."""

import json

import pytest
import torch

from gan_lib.regularizers import r1_penalty, r2_penalty

pytestmark = pytest.mark.filterwarnings("ignore:64 samples")


@pytest.fixture(scope="module")
def script(script_named):
    threads = torch.get_num_threads()
    yield script_named("what_works_now")
    torch.set_num_threads(threads)


def test_penalties_are_half_gamma_times_what_their_name_says(script):
    real, fake = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(0))
    one, two = r1_penalty(torch.sin, real), r2_penalty(torch.sin, fake)
    assert script.penalty_of("none", 0.0) is None
    for name, expected in (("R1", one), ("R2", two), ("R1 + R2", one + two)):
        torch.testing.assert_close(script.penalty_of(name, 3.0)(torch.sin, real, fake), 1.5 * expected)


def test_either_loss_is_played_under_every_rule_and_penalty(script):
    tasks = list(script.toy_tasks([1, 2]))
    assert len(tasks) == len(set(tasks))
    by_loss = [
        {(*task[:2], *task[3:]) for task in tasks if task[2] == objective} for objective in script.OBJECTIVES
    ]
    assert by_loss[0] == by_loss[1]


def test_a_record_is_gone_on_with_and_other_settings_begin_anew(script, tmp_path):
    def record(*words):
        script.main([*words, "--image-seeds", "0", "--out", str(tmp_path / "record.json")])
        return json.loads((tmp_path / "record.json").read_text())

    short = record("--seeds", "1", "--steps", "1")
    assert len(short["runs"]) == len(list(script.toy_tasks([1])))
    assert {run["seed"] for run in short["runs"]} == {1}
    marked = short | {"runs": [run | {"kl": -1.0} for run in short["runs"]]}
    (tmp_path / "record.json").write_text(json.dumps(marked))
    assert record("--seeds", "1", "--steps", "1") == marked
    longer = record("--seeds", "1", "--steps", "2")
    assert longer["settings"]["toys"]["steps"] == 2
    assert all(run["kl"] >= 0 for run in longer["runs"])


def test_a_game_on_images_repeats_with_its_seed(script, monkeypatch):
    monkeypatch.setattr(script, "IMAGES", script.IMAGES | {"width": 2, "batch": 16, "samples": 64})
    fashion = script.Fashion()
    task = ("fashion", "images", "pairing", "R1 + R2", 2.0, 1)
    first, second = (fashion.play(*task, steps=2) for _ in range(2))
    other = fashion.play(*task[:-1], 2, steps=2)
    assert first["frechet"] == second["frechet"] != other["frechet"]
    assert fashion.floor()["frechet"] < first["frechet"]
