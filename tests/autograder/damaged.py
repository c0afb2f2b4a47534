"""Right notebooks that tools and hands have damaged on their way: a function for each kind of damage.

Each takes a right notebook as JSON data, with cells by their ids, and changes it in place, or returns the
bytes of a file. `python tests/autograder/damaged.py` grades all of them, and prints a table of their points;
with `--before FOLDER` also those that the code in another folder gives.
"""

import argparse
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook
from right_answers import right_answers

ROOT = Path(__file__).parents[2]
PS = "ps1_minimax"
FUNCTIONS = "step", "smooth", "clear", "noise", "mean"
ANSWERS = "c1-answer", "c9-answer", "c10-answer", "c11-answer", "c12v-answer"
STUDENT = "ada"


def right(source, release):
    """The released notebook with all answers, as JSON data."""
    solutions = {cell.id: cell.source for cell in source.cells if utils.is_solution(cell)}
    answers = right_answers(release_with(source, release), STUDENT)
    data = json.loads(nbformat.writes(release))
    for cell in data["cells"]:
        cell["source"] = "".join(cell["source"])
        if (text := solutions.get(cell["id"])) is not None:
            stub, rest = re.split(r"\s*### BEGIN SOLUTION\n", text)
            rest = re.sub(r"\s*### END SOLUTION\s*", "", rest)
            cell["source"] = f"{stub}\n{rest}"
        cell["source"] = answers.get(cell["id"], cell["source"])
    return data


def release_with(source, release):
    """The released notebook, whose term decides what is asked, with the instructor's answers."""
    solved, own = nbformat.from_dict(release), {cell.id: cell.source for cell in source.cells}
    for cell in solved.cells:
        cell.source = own[cell.id] if "answer" in cell.metadata else cell.source
    return solved


def place(data, name):
    return next(index for index, cell in enumerate(data["cells"]) if cell.get("id") == name)


def by_id(data, name):
    return data["cells"][place(data, name)]


def typed(source, kind="code"):
    """A new cell, as a student makes it."""
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, "id": f"t{abs(hash(source)) % 10**9}"} | code


def blank(data, *names):
    """Cells of answers as they were released; returns the right answers."""
    texts = []
    for name in names:
        cell = by_id(data, name)
        texts.append(cell["source"])
        cell["source"] = data["stubs"][name]
    return texts


# what tools do


def metadata_gone(data):
    for cell in data["cells"]:
        cell["metadata"] = {}


def metadata_and_ids_gone(data):
    data["nbformat_minor"] = 4
    for cell in data["cells"]:
        cell["metadata"] = {}
        del cell["id"]


def some_metadata_gone(data):
    data["nbformat_minor"] = 4
    for number, cell in enumerate(data["cells"]):
        del cell["id"]
        if number % 3 == 0:
            cell["metadata"] = {}


def colab(data):
    data["nbformat_minor"] = 0
    data["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "P"}}
    for cell in data["cells"]:
        cell["metadata"] = {"id": cell.pop("id"), "outputId": "0"}


def through_a_script(data):
    """All code in one cell, as after an export and its way back."""
    code = [cell["source"] for cell in data["cells"] if cell["cell_type"] == "code"]
    data["cells"] = [typed("\n\n".join(code))]


def old_format(data):
    text = json.dumps({name: value for name, value in data.items() if name != "stubs"})
    old = nbformat.convert(nbformat.reads(text, as_version=4), 3)
    return json.dumps(old).encode()


def byte_order_mark(data):
    return b"\xef\xbb\xbf" + written(data)


def other_encoding(data):
    return written(data).decode().encode("utf-16")


def other_line_ends(data):
    for cell in data["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")
        if cell["cell_type"] == "markdown":
            cell["metadata"] = {}


# what hands do


def typed_again_in_place(data):
    for name in ("c1-answer", "step", "mean"):
        data["cells"][place(data, name)] = typed(by_id(data, name)["source"])


def typed_again_at_the_end(data):
    for name in ("step", "c10-answer"):
        data["cells"].append(typed(data["cells"].pop(place(data, name))["source"]))


def answered_in_cells_of_their_own(data):
    for name, text in zip(("step", "c9-answer"), blank(data, "step", "c9-answer"), strict=True):
        data["cells"].insert(place(data, name), typed(text))


def answered_at_the_end(data):
    data["cells"] += [typed(text) for text in blank(data, *FUNCTIONS, *ANSWERS)]


def merged_into_the_one_before(data):
    step = data["cells"].pop(place(data, "step"))
    by_id(data, "c1-answer")["source"] += f"\n\n{step['source']}"


def merged_into_the_one_behind(data):
    step = data["cells"].pop(place(data, "step"))
    by_id(data, "smooth")["source"] = f"{step['source']}\n\n\n{by_id(data, 'smooth')['source']}"


def checks_merged_into_answers(data):
    for answer, check in (("c9-answer", "c9-key"), ("mean", "mean-type")):
        text = data["cells"].pop(place(data, check))["source"]
        by_id(data, answer)["source"] += f"\n\n{text}"


def answers_merged_into_checks(data):
    for answer, check in (("c9-answer", "c9-key"), ("mean", "mean-type")):
        text = data["cells"].pop(place(data, answer))["source"]
        by_id(data, check)["source"] = f"{text}\n\n{by_id(data, check)['source']}"


def answers_typed_into_checks(data):
    for name, check in (("step", "step-generator"), ("c11-answer", "c11-key"), ("mean", "mean-guards")):
        (text,) = blank(data, name)
        by_id(data, check)["source"] += f"\n\n{text}"


def answers_in_the_place_of_checks(data):
    for name, check in (("clear", "clear-none"), ("c12v-answer", "c12v-key")):
        (by_id(data, check)["source"],) = blank(data, name)


def answers_typed_into_the_setup(data):
    by_id(data, "setup")["source"] += "\n\n" + "\n\n".join(blank(data, *FUNCTIONS, *ANSWERS))


def imports_typed_into_the_setup(data):
    setup, mean = by_id(data, "setup"), by_id(data, "mean")
    setup["source"] = setup["source"].replace("import math\n", "import math, functools\nimport numpy as np\n")
    mean["source"] = re.sub(
        r"return (.*)", r"return functools.reduce(float.__add__, [np.float64(\1).item()])", mean["source"]
    )


def checks_changed(data):
    for name in ("step-generator", "mean-type", "noise-device"):
        cell = by_id(data, name)
        cell["source"] = re.sub(r"assert .*", "print('here')\n    assert True, (", cell["source"], count=1)
    cell = by_id(data, "c1-key")
    cell["source"] = cell["source"].replace("<= set", "< set") + "\nprint(answer_C1)"


def split(data):
    """Editors copy the metadata to both halves."""
    for name in FUNCTIONS:
        cell, index = by_id(data, name), place(data, name)
        first = (
            cell
            | typed("SCALE = 0.5\n\n\ndef half(x):\n    return SCALE * x")
            | {"metadata": cell["metadata"]}
        )
        data["cells"].insert(index, copy.deepcopy(first))


def copied(data):
    """Copies of blanks behind right answers, and of right answers ahead of them."""
    for name in (*FUNCTIONS, *ANSWERS):
        index = place(data, name)
        stub = copy.deepcopy(data["cells"][index]) | {"source": data["stubs"][name], "id": f"copy-{name}"}
        data["cells"].insert(index + 1, stub)


def in_another_order(data):
    """All answers behind all checks."""
    for name in (*FUNCTIONS, *ANSWERS):
        data["cells"].append(data["cells"].pop(place(data, name)))


def reversed_order(data):
    data["cells"].reverse()


def answers_turned_into_text(data):
    for name, kind in (("step", "markdown"), ("c9-answer", "raw"), ("mean", "markdown")):
        cell = by_id(data, name)
        index = place(data, name)
        data["cells"][index] = typed(cell["source"], kind) | {"id": name, "metadata": cell["metadata"]}
    by_id(data, "step")["source"] = f"```python\n{by_id(data, 'step')['source']}\n```"


def checks_deleted(data):
    data["cells"] = [cell for cell in data["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")]


def setup_deleted(data):
    del data["cells"][place(data, "setup")]


def answers_deleted(data):
    """What was deleted cannot be given points, and is no blank either."""
    for name in ("step", "c1-answer"):
        del data["cells"][place(data, name)]


KINDS = [
    metadata_gone, metadata_and_ids_gone, some_metadata_gone, colab, through_a_script, old_format,
    byte_order_mark, other_encoding, other_line_ends, typed_again_in_place, typed_again_at_the_end,
    answered_in_cells_of_their_own, answered_at_the_end, merged_into_the_one_before,
    merged_into_the_one_behind, checks_merged_into_answers, answers_merged_into_checks,
    answers_typed_into_checks, answers_in_the_place_of_checks, answers_typed_into_the_setup,
    imports_typed_into_the_setup, checks_changed, split, copied, in_another_order, reversed_order,
    answers_turned_into_text, checks_deleted, setup_deleted, answers_deleted,
]  # fmt: skip


def written(data):
    return json.dumps({name: value for name, value in data.items() if name != "stubs"}).encode()


def damaged(source, release, kinds=KINDS):
    """Files of damaged notebooks: dict from the kind of damage to bytes."""
    files = {}
    for kind in kinds:
        data = right(source, release)
        data["stubs"] = {cell.id: cell.source for cell in release.cells}
        files[kind.__name__] = kind(data) or written(data)
    return files


class Course:
    """A course with the assignment released, by the code in a folder."""

    def __init__(self, folder, code=ROOT):
        self.folder, self.code = Path(folder), code
        package = Path(code, "autograder")
        (source,) = package.glob(f"**/source/{PS}")  # in a checkout from before, the package is the course
        self.typed = self.folder if source.parents[1] == package else self.folder.parent
        shutil.copytree(source, self.folder / "source" / PS)
        shutil.copy(package / "nbgrader_config.py", self.typed)
        self.nbgrader("generate_assignment", PS)
        self.source, self.release = (
            nbformat.read(self.folder / step / PS / f"{PS}.ipynb", as_version=4)
            for step in ("source", "release")
        )

    def nbgrader(self, *words):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "PYTHONPATH": str(self.code)}
        command = [Path(sys.executable).with_name("nbgrader"), *words]
        return subprocess.run(command, cwd=self.typed, env=environment, capture_output=True, text=True)

    def graded(self, kinds=KINDS):
        """Returns: dict from kind to (points, needs a person); points are None for what was refused."""
        files, found = damaged(self.source, self.release, kinds), {}
        for kind, content in files.items():
            submitted = self.folder / "submitted" / kind / PS
            submitted.mkdir(parents=True)
            (submitted / f"{PS}.ipynb").write_bytes(content)
        self.nbgrader("autograde", PS)
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}", "gan") as book:
            for kind in files:
                there = (self.folder / "autograded" / kind / PS).is_dir()
                one = book.find_submission(PS, kind) if there else None
                found[kind] = (one.score, one.needs_manual_grade) if one else (None, False)
        return found


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--before", metavar="FOLDER", help="another checkout, to compare with")
    before = options.parse_args().before
    columns = []
    for code in filter(None, (before, ROOT)):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            columns.append(Course(Path(folder, "course"), code).graded())
    for kind in columns[0]:
        cells = []
        for points, waits in (column[kind] for column in columns):
            cells.append("refused" if points is None else f"{points:g}" + ", waits" * waits)
        print(f"{kind.replace('_', ' '):34}" + "".join(f"{cell:>14}" for cell in cells))


if __name__ == "__main__":
    main()
