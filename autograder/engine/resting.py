"""Which points of an assignment rest on probes alone: what a probe returns, a hostile notebook could make up.

python -m autograder.engine.resting source/ps1_minimax/ps1_minimax.ipynb
"""

import ast
import sys

import nbformat
from nbgrader import utils


def resting_on_probes(notebook):
    """The cells of checks whose only contact with the student's code is through probes.

    Args:
        notebook: the source of an assignment.

    Returns: dict from the cell's name to its points.
    """
    student, functions, probes, cells = set(), {}, set(), []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        defined = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        if utils.is_solution(cell):
            student |= {node.name for node in defined}
        elif utils.is_grade(cell):
            functions |= {node.name: node for node in defined}
            probes |= {
                node.name for node in defined if any(_name(one) == "probe" for one in node.decorator_list)
            }
            cells.append((cell.metadata.nbgrader, tree))
    resting = {}
    for marks, tree in cells:
        touched = _touched(tree, student, functions, probes, set())
        if marks.points and touched == {"probe"}:
            resting[marks.grade_id] = marks.points
    return resting


def _touched(tree, student, functions, probes, seen):
    """Whether some code meets the student's: by "probe", by "call" (itself, or what it calls), or both."""
    ways = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        arguments = {_name(one) for one in [*node.args, *(keyword.value for keyword in node.keywords)]}
        if name in probes:
            ways.add("probe")
        elif name in student or arguments & student:
            ways.add("call")
        elif name in functions and name not in seen:
            ways |= _touched(functions[name], student, functions, probes, seen | {name})
    return ways


def _name(node):
    return node.id if isinstance(node, ast.Name) else None


def main(paths):
    """Print the list and its share of each notebook."""
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        resting = resting_on_probes(notebook)
        total = sum(cell.metadata.nbgrader.points for cell in notebook.cells if utils.is_grade(cell))
        print(f"{path}: {sum(resting.values()):g} of {total:g} points rest on probes alone")
        for name, points in resting.items():
            print(f"  {name}: {points:g}")


if __name__ == "__main__":
    main(sys.argv[1:])
