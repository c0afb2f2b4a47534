"""The runner of what needs a GPU: parts pass, fail, are cut off, and are taken up again. These need none."""

import importlib.util
import json
from argparse import Namespace
from pathlib import Path

import pytest

from gan_lib.training import PRESETS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_named):
    return script_named("gpu")


def run(script, folder, parts, minutes=2.0, again=False):
    file = folder / "gpu.json"
    records = json.loads(file.read_text()) if file.exists() else {}
    options = Namespace(minutes=minutes, again=again, work=folder / "work", out=folder)
    status = script.run_all(list(parts), lambda: parts, records, file, options)
    return status, json.loads(file.read_text()) if file.exists() else {}


def parts(script, folder=Path("/runs"), budget=10_000, records=None):
    return script.parts(folder / "work", folder / "out", budget, records or {})


def test_a_part_that_passed_is_not_run_again(script, tmp_path):
    mark = tmp_path / "mark"
    part = {"one": ["-c", f"open({str(mark)!r}, 'a').write('x'); print('done')"]}
    for times, again in ((1, False), (1, False), (2, True)):
        status, records = run(script, tmp_path, part, again=again)
        assert status == 0 and mark.read_text() == "x" * times
    assert records["one"]["status"] == "passed" and records["one"]["said"] == "done\n"
    assert {"device", "versions", "seconds", "peak_mib", "command"} <= records["one"].keys()


def test_what_passed_with_another_command_has_not_passed(script, tmp_path):
    mark = tmp_path / "work/mark"
    mark.parent.mkdir()
    code = f"import sys; open({str(mark)!r}, 'a').write(sys.argv[1])"
    for word, written in (("5", "5"), ("5", "5"), ("9", "59"), ("9", "59")):
        status, records = run(script, tmp_path, {"one": ["-c", code, word]})
        assert status == 0 and mark.read_text() == written
    assert str(tmp_path) not in records["one"]["command"]


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
    for name, words in parts(script).items():
        if words[0] == "-m":
            assert importlib.util.find_spec(words[1]), name
        else:
            assert (ROOT / words[0]).is_file(), name


def test_a_budget_is_made_of_generator_steps(script):
    for name in script.METHODS:
        preset = PRESETS[name]
        assert script.epochs_of(name, 40_000) == preset.epochs  # the budget that the presets were made for
        for budget in (1, 10_000):
            epochs = script.epochs_of(name, budget)
            fewer, steps = (n * (50_000 // preset.batch_size) / preset.n_critic for n in (epochs - 1, epochs))
            assert fewer < budget <= steps
            words = parts(script, budget=budget)[name]
            assert words[words.index("--epochs") + 1] == str(epochs)


def test_the_table_is_of_the_methods_that_have_passed_with_this_budget(script):
    work, out = Path("/runs/work"), Path("/runs/out")
    records = {}
    for name, status, budget in (
        ("wgan-gp", "cut off", 100),
        ("sngan", "passed", 100),
        ("ns-ema", "passed", 90_000),
    ):
        command = script.in_words(parts(script, budget=budget)[name], work, out)
        records[name] = {"status": status, "command": command}
    words = parts(script, budget=100, records=records)["methods"]
    assert [word for word in words if word.startswith(str(work))] == [str(work / "sngan")]
    assert list(parts(script)).index("methods") > max(list(parts(script)).index(m) for m in script.METHODS)


@pytest.mark.usefixtures("tiny")
@pytest.mark.filterwarnings("ignore:24 samples")
def test_the_long_runs_write_records_that_the_lab_tells_apart(script, script_named, tmp_path):
    """Their own words, shortened and on a CPU: the later of two equal options counts."""
    runs = {name: words for name, words in parts(script, tmp_path).items() if name.startswith("dcgan")}
    for script_file, *words in runs.values():
        less = ["--device", "cpu", "--epochs", "1", "--samples", "24"]
        script_named(Path(script_file).stem).main([*words, *less])
    files = sorted((tmp_path / "out").glob("dcgan_cifar10*.json"))
    settings = [json.loads(file.read_text())["settings"] for file in files]
    assert {(found["precision"], found["seed"]) for found in settings} == {
        ("bfloat16", 0),
        ("bfloat16", 1),
        ("bfloat16", 2),
        ("float32", 0),
    }
    pictures = {path.stem for pattern in ("*.webp", "*.png") for path in (tmp_path / "out").glob(pattern)}
    assert pictures == {"dcgan_cifar10", "dcgan_cifar10_walk"}


def test_a_method_goes_on_when_its_budget_is_raised(script, tmp_path):
    """The words of its part, shortened and on a CPU: the later of two equal options counts."""
    words = parts(script, tmp_path)["ns-ema"]
    less = ["--device", "cpu", "--dataset", "fashion_mnist_10k", "--limit", "128", "--width", "2"]
    for epochs in (1, 2):
        part = {"ns-ema": [*words, *less, "--epochs", str(epochs)]}
        status, records = run(script, tmp_path, part)
        assert status == 0, records["ns-ema"]["said"]
        assert len((tmp_path / "work/ns-ema/log.jsonl").read_text().splitlines()) == epochs
    assert "holds 1 of 2 epochs" in records["ns-ema"]["said"]


def test_a_part_finds_the_library_and_what_the_caller_has_put_into_the_path(script, tmp_path, monkeypatch):
    (tmp_path / "carried_along.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    code = "import carried_along, gan_lib; print(gan_lib.__file__)"
    status, records = run(script, tmp_path / "out", {"one": ["-c", code]})
    assert status == 0
    assert Path(records["one"]["said"].strip()) == ROOT / "gan_lib/__init__.py"
