"""The runner, on small notebooks in a folder of their own, with real kernels."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SCRIPT = Path(__file__).resolve().parents[2] / "notebooks/run.py"
SPEC = importlib.util.spec_from_file_location("run", SCRIPT)
run = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(run)

CLAIM = "from gan_lib.claims import claim\nclaim({id!r}, {value}, expected=2, says='It is two.')"
STARTED = f"""
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("run", {str(SCRIPT)!r})
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)
run.leave(run.main(["--jobs", "1"], pathlib.Path({{root!r}})))
"""


@pytest.fixture
def root(tmp_path):
    for folder in ("notebooks", "gan_lib", "questions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "gan_lib/part.py").write_text("x = 1\n")
    (tmp_path / "requirements.txt").write_text("torch==1\n")
    return tmp_path


def write(root, stem, *cells, **parameters):
    first = new_code_cell("n = 2", metadata={"tags": ["parameters"]})
    notebook = new_notebook(cells=[new_markdown_cell("# Page"), first, *map(new_code_cell, cells)])
    nbformat.write(notebook, root / f"notebooks/{stem}.ipynb")
    profiles = root / "notebooks/profiles.yml"
    known = json.loads(profiles.read_text()) if profiles.exists() else {"cpu": {}}
    known["cpu"][stem] = parameters
    profiles.write_text(json.dumps(known))


def read(root, stem):
    return nbformat.read(root / f"book/notebooks/{stem}.ipynb", as_version=4)


def test_a_run_fills_the_book(root):
    marks = "import os, sys\nprint(sys.executable, repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    write(root, "01_page", marks, CLAIM.format(id="is-two", value="n"))
    write(root, "02_page", CLAIM.format(id="is-two-again", value="n - 1"), n=3)
    assert run.main([], root) == 0

    first, second = read(root, "01_page"), read(root, "02_page")
    assert first.cells[2].outputs[0].text == f"{sys.executable} ''\n"
    injected = [cell for cell in second.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert ["remove-cell" in cell.metadata.tags for cell in injected] == [True]
    assert "profile cpu with `n = 3`; Python" in second.cells[-1].source
    assert str(root) not in nbformat.writes(first) and "papermill" not in first.metadata
    claims = json.loads((root / "book/claims.json").read_text())
    assert [(claim["id"], claim["page"]) for claim in claims] == [
        ("is-two", "notebooks/01_page"),
        ("is-two-again", "notebooks/02_page"),
    ]


def test_a_recorded_run_on_a_gpu_is_shown_below_its_page(root):
    (root / "book/results").mkdir(parents=True)
    passed = {
        "status": "passed",
        "seconds": 12,
        "peak_mib": 1536,
        "device": "one X1",
        "versions": {"torch": "2.1+x"},
    }
    records = {"01_page": passed, "02_page": passed | {"status": "cut off"}}
    (root / "book/results/gpu.json").write_text(json.dumps(records))
    for name in records:
        write(root, name, "pass")
    assert run.main([], root) == 0
    line = "On one X1 with profile gpu it took 12 s and 1.5 GiB of GPU memory (recorded; torch 2.1)."
    assert line in read(root, "01_page").cells[-1].source
    assert "On one X1" not in read(root, "02_page").cells[-1].source


def test_only_what_changed_is_run_again(root, capsys):
    write(root, "01_page", "print(n)")
    output = root / "book/notebooks/01_page.ipynb"
    assert run.main([], root) == 0

    def runs_again(*arguments):
        before = output.stat().st_mtime_ns
        assert run.main([*arguments], root) == 0
        return output.stat().st_mtime_ns != before

    assert not runs_again()
    assert "unchanged" in capsys.readouterr().out
    assert runs_again("--force")
    (root / "gan_lib/part.py").write_text("x = 2\n")
    assert runs_again()
    (root / "book/results").mkdir()
    (root / "book/results/long.json").write_text("{}")
    assert runs_again()
    (root / "notebooks/profiles.yml").write_text("cpu: {01_page: {n: 5}}\n")
    assert runs_again()
    assert not runs_again()


def test_a_failing_claim_fails_the_run_and_leaves_no_output(root, capsys):
    write(root, "01_page", CLAIM.format(id="is-two", value="n"))
    write(root, "02_page", "print(n)")
    assert run.main([], root) == 0
    before = (root / "book/claims.json").read_text()

    write(root, "01_page", CLAIM.format(id="is-two", value="n"), n=3)
    assert run.main([], root) == 1
    error = capsys.readouterr().err
    assert "01_page.ipynb, cell 3" in error
    assert "ClaimFailed: claim 'is-two' does not hold: measured 3, expected 2" in error
    assert not (root / "book/notebooks/01_page.ipynb").exists()
    assert (root / "book/notebooks/02_page.ipynb").exists()
    assert (root / "book/claims.json").read_text() == before


def test_a_kernel_that_dies_is_named(root, capsys):
    write(root, "01_page", "import os\nos._exit(1)")
    assert run.main([], root) == 1
    assert "01_page.ipynb: the kernel died" in capsys.readouterr().err


def test_a_run_killed_in_the_middle_goes_on_where_it_stopped(root):
    write(root, "01_page", "print(n)")
    write(root, "02_page", "import time\ntime.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED.format(root=str(root))],
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    first = root / "book/notebooks/01_page.ipynb"
    try:
        while not first.exists() and process.poll() is None:
            time.sleep(0.1)
        time.sleep(1)  # the second notebook has begun
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert [path.name for path in first.parent.iterdir()] == ["01_page.ipynb"]

    before = first.stat().st_mtime_ns
    write(root, "02_page", "print(n)")
    assert run.main([], root) == 0
    assert first.stat().st_mtime_ns == before
    assert (root / "book/notebooks/02_page.ipynb").exists()


MEETS = """
import pathlib, time
pathlib.Path({own!r}).touch()
end = time.monotonic() + 120
while not pathlib.Path({other!r}).exists():
    assert time.monotonic() < end
    time.sleep(0.05)
"""


def test_notebooks_run_side_by_side_and_keep_their_claims_apart(root):
    for own, other in (("01_page", "02_page"), ("02_page", "01_page")):
        write(root, own, MEETS.format(own=own, other=other), CLAIM.format(id=f"of-{own[:2]}", value="n"))
    assert run.main(["--jobs", "2"], root) == 0
    claims = json.loads((root / "book/claims.json").read_text())
    assert [(claim["id"], claim["page"]) for claim in claims] == [
        ("of-01", "notebooks/01_page"),
        ("of-02", "notebooks/02_page"),
    ]


def test_notebooks_run_side_by_side_each_in_their_folder(root):
    """papermill saves after every cell, from where the process stood: where a kernel started, then."""
    there = "import os, pathlib\nassert os.path.samefile(pathlib.Path.cwd(), {!r})".format(
        str(root / "notebooks")
    )
    for page in range(1, 7):
        write(root, f"0{page}_page", *[there] * (100 if page % 2 else 1))
    here = os.getcwd()
    assert run.main(["--jobs", "4"], root) == 0
    assert os.getcwd() == here


def test_jobs_must_be_one_at_least(root, capsys):
    with pytest.raises(SystemExit):
        run.main(["--jobs", "0"], root)
    assert "--jobs must be at least 1, got 0" in capsys.readouterr().err


def test_an_interrupted_run_leaves_no_kernel_and_says_how_to_go_on(root):
    write(root, "01_page", "import pathlib, time\npathlib.Path('running').touch()\ntime.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED.format(root=str(root))],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not (root / "notebooks/running").exists():
        assert process.poll() is None
        time.sleep(0.1)
    kernels = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert b"interrupted; what has finished is kept" in process.communicate(timeout=60)[1]
    assert process.returncode == 1 and not psutil.wait_procs(kernels, timeout=10)[1]


def test_an_id_that_two_notebooks_use_is_an_error(root, capsys):
    write(root, "01_page", CLAIM.format(id="is-two", value="n"))
    write(root, "02_page", CLAIM.format(id="is-two", value="n"))
    assert run.main([], root) == 1
    assert "'is-two' stands in notebooks/01_page and in notebooks/02_page" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["03_page"], "no notebook 03_page; there are 01_page"),
        (["--profile", "tpu"], "no profile 'tpu' in notebooks/profiles.yml; there are cpu"),
    ],
)
def test_what_does_not_exist_is_named(root, capsys, arguments, message):
    write(root, "01_page", "print(n)")
    assert run.main(arguments, root) == 1
    assert message in capsys.readouterr().err


def test_a_notebook_missing_from_the_profile_is_an_error(root, capsys):
    write(root, "01_page", "print(n)")
    (root / "notebooks/profiles.yml").write_text("cpu: {}\n")
    assert run.main([], root) == 1
    assert "says nothing about 01_page" in capsys.readouterr().err


def test_one_notebook_can_be_run_alone(root):
    write(root, "01_page", "print(n)")
    write(root, "02_page", "print(n)")
    assert run.main(["notebooks/02_page.ipynb"], root) == 0
    assert [path.name for path in (root / "book/notebooks").iterdir()] == ["02_page.ipynb"]
