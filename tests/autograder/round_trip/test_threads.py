"""What a right notebook starts beside its work (threads, processes, compilers) costs it no points."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from autograder.engine.grade import execute
from autograder.engine.notebooks import SourceCell

PS = "ps1_minimax"
BACKWARD = "net(torch.ones(4, 3)).sum().backward()"
STARTS = {
    "simulated tensors": """
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode(): torch.ones(3)
torch.export.export(net, (torch.ones(4, 3),))
torch.jit.script(net)(torch.ones(4, 3)).sum().backward()
""",
    "compilers": """
torch.compile(net, backend="eager")(torch.ones(4, 3)).sum().backward()
torch.compile(net)(torch.ones(4, 3)).sum().backward()
mean_as_float = torch.compile(lambda t: t.mean().item()); mean_as_float(torch.ones(3))
""",
    "threads and processes": """
import concurrent.futures, multiprocessing.pool, threading
def work(n): torch.set_num_threads(2); torch.randn(300, 300) @ torch.randn(300, 300); return n
pool = concurrent.futures.ThreadPoolExecutor(4); list(pool.map(work, range(8)))
other = multiprocessing.pool.ThreadPool(4); other.map(work, range(8))
threading.Thread(target=lambda: threading.Event().wait(), daemon=True).start()
torch.set_num_threads(4); torch.randn(600, 600) @ torch.randn(600, 600)
data = torch.utils.data.DataLoader(torch.ones(32, 3), batch_size=8, num_workers=2, persistent_workers=True)
for batch in data: pass
torch.nn.DataParallel(net)(torch.ones(4, 3))
""",
}


@pytest.mark.parametrize("name", STARTS)
def test_no_points_are_lost(course, name):
    source = course.source(PS)
    cells = {}
    for cell in source.cells:
        marks = cell.metadata.get("nbgrader", {})
        if "grade_id" in marks and cell.cell_type == "code":
            cells[marks.grade_id] = SourceCell(
                name=marks.grade_id, kind="code", source=cell.source, locked=marks.locked, grade=marks.grade,
                solution=marks.solution, task=False, points=marks.get("points"), checksum="",
            )  # fmt: skip
    more = f"import torch\nnet = torch.nn.Linear(3, 1)\n{STARTS[name]}\n{BACKWARD}"
    place = next(at for at, cell in enumerate(source.cells) if cell.id == "setup") + 1
    made = [*source.cells[:place], new_code_cell(more), *source.cells[place:], new_code_cell(BACKWARD)]
    next(cell for cell in made if cell.id == "id").source = 'my_id = "ada"'
    waits, notes = execute(nbformat.v4.new_notebook(cells=made), list(cells.values()), student="ada")
    assert waits == notes == []
    assert not [output for output in made[place].outputs if output.output_type == "error"]
    wrong = {
        cell.id: [output.evalue for output in cell.outputs if output.output_type == "error"]
        for cell in made
        if cell.id in cells and cells[cell.id].is_test
    }
    assert wrong and not any(wrong.values()), wrong
