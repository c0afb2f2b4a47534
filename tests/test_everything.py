"""The scripts that run what takes hours: their rows, tables and verdicts."""

import importlib.util
from pathlib import Path

import pytest


def script(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


everything, processors = script("everything"), script("processors")


def test_a_row_that_fails_stops_no_other_and_decides_the_status(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(everything, "LOGS", tmp_path / "logs")
    rows = {"bad": ["sh -c 'echo first; exit 3'", "echo second"], "good": ["echo fine"]}
    monkeypatch.setattr(everything, "ROWS", rows)
    assert everything.main([]) == 1
    _, bad, good = capsys.readouterr().out.splitlines()[-3:]
    assert bad.split()[:2] == ["bad", "FAILS"] and bad.endswith("second")
    assert good.split()[:2] == ["good", "passes"] and good.endswith("fine")
    assert (tmp_path / "logs" / "bad.log").read_text().splitlines()[1] == "first"
    assert everything.main(["good"]) == 0


@pytest.mark.parametrize("name", ["everything", "processors"])
def test_what_is_unknown_is_refused_before_anything_runs(name, capsys):
    with pytest.raises(SystemExit):
        script(name).main(["nonsense"])
    assert "nonsense; there are " in capsys.readouterr().err


def test_a_claim_is_named_where_machines_differ_by_more_than_a_third_of_its_margin():
    def claims(first, second):
        return {
            "bound": {"measured": first, "above": 1.0},
            "both": {"measured": second, "expected": 2.0, "tolerance": 0.1, "relative": True},
            "exact": {"measured": 3, "expected": 3},
        }

    said = list(processors.narrow({"plain": claims(1.3, 2.1), "other": claims(1.21, 2.13)}))
    assert said == []  # margins .3 and .1 beside changes of .09 and .03
    said = list(processors.narrow({"plain": claims(1.3, 2.1), "other": claims(1.18, 2.14)}))
    assert [line.partition(":")[0] for line in said] == ["bound", "both"]
