"""What only a GPU shows, at the size of a toy on the CPU, where everything repeats itself."""

import json

import pytest
import torch


@pytest.fixture(scope="module")
def script(script_named):
    return script_named("cuda_craft")


def test_on_the_cpu_every_run_repeats_and_only_a_scaler_scales(script, tmp_path):
    words = ["--device", "cpu", "--steps", "20", "--batch-size", "4", "--width", "2", "--out", tmp_path]
    script.main(list(map(str, words)))
    record = json.loads((tmp_path / "cuda_craft.json").read_text())
    assert set(record["sums"].values()) == {0.0}
    assert [run["apart"] for run in record["training"].values()] == [0.0] * 3
    scales = {name: run["scale"] for name, run in record["precision"].items()}
    assert scales.pop("float16 with scaler") == 65536.0
    assert set(scales.values()) == {1.0}
    losses = [run["losses"] for run in record["precision"].values()]
    assert all(loss == pytest.approx(losses[0], abs=0.02) for loss in losses)
    assert losses[0] != losses[1]
    assert (record["steps"], record["batch_size"], record["width"]) == (20, 4, 2)


def test_how_far_apart_results_are_is_that_of_the_worst_pair(script):
    ones = torch.ones(3)
    assert script.apart([ones, ones.clone()]) == 0.0
    assert script.apart([2 * ones, 2 * ones, torch.tensor([2.0, 2.5, 1.9])]) == 0.25


def test_the_switches_are_set_for_a_block_alone(script):
    with script.switched(deterministic=True):
        assert torch.are_deterministic_algorithms_enabled()
    with pytest.raises(KeyError), script.switched(benchmark=True, deterministic=True):
        assert torch.backends.cudnn.benchmark
        raise KeyError
    assert not torch.backends.cudnn.benchmark
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--steps", "3"], "--steps must be at least 20, got 3"), (["--device", "tpu"], "'tpu'")],
)
def test_bad_words_are_named_and_nothing_is_written(script, tmp_path, capsys, words, says):
    with pytest.raises(SystemExit):
        script.main([*words, "--out", str(tmp_path)])
    assert says in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
