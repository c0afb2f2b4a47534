"""What the points of an assignment rest on: on values that a call gives, on what it did to its arguments, or
on what a probe has seen.

    python -m autograder.bank.probe_share course/source/ps1_minimax/ps1_minimax.ipynb

A hostile notebook could make up what a probe returns, and what its process says of arguments after a call. A
call whose result a cell does not use can only be judged by the state that it has left: that is "state". (An
update is as hard to make up as to make; that nothing has changed is easy to say, and how many points such
lies win is measured by tests/autograder/attacks/test_liars.py.)
"""

import ast
import sys

import nbformat
from nbgrader import utils


def contacts(notebook):
    """How each cell of checks with points meets the student's code.

    Args:
        notebook: the source of an assignment.

    Returns: dict from the cell's name to its points and a set of "value", "state" and "probe".
    """
    student, functions, probes, cells = set(), {}, set(), []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        defined = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        if utils.is_solution(cell):
            student |= {node.name for node in defined}
            student |= {
                target.id
                for node in tree.body
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
        elif utils.is_grade(cell):
            functions |= {node.name: node for node in defined}
            probes |= {
                node.name for node in defined if any(_name(one) == "probe" for one in node.decorator_list)
            }
            cells.append((cell.metadata.nbgrader, tree))
    return {
        marks.grade_id: (marks.points, _touched(tree, student, functions, probes, set()))
        for marks, tree in cells
        if marks.points
    }


def resting_on_probes(notebook):
    """The cells of checks whose only contact with the student's code is through probes: name to points."""
    return {name: points for name, (points, ways) in contacts(notebook).items() if ways == {"probe"}}


def _touched(tree, student, functions, probes, seen):
    """How some code, or what it calls, meets the student's: a set of "value", "state", "probe"."""
    ways = set()
    score = tree.body[-1:] if isinstance(tree, ast.Module) else []  # what a cell ends with is its score
    unused = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and node not in score}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        loose = isinstance(node, ast.Name) and node.id in student and id(node) not in called
        if loose and not _is_argument(node, tree):  # an answer, or an alias
            ways.add("value")
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        arguments = {_name(one) for one in [*node.args, *(keyword.value for keyword in node.keywords)]}
        if name in probes:
            ways.add("probe")
        elif name in student or arguments & student:
            ways.add("state" if id(node) in unused else "value")
        elif name in functions and name not in seen:
            ways |= _touched(functions[name], student, functions, probes, seen | {name})
    return ways


def _is_argument(name, tree):
    return any(
        name is one
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for one in [*node.args, *(keyword.value for keyword in node.keywords)]
    )


def _name(node):
    return node.id if isinstance(node, ast.Name) else None


def main(paths):
    """Print a table for each notebook: points by what they rest on, and the cells without a value."""
    for path in paths:
        met = contacts(nbformat.read(path, as_version=4))
        total = sum(points for points, _ in met.values())
        print(f"{path}: {total:g} points")
        kinds = {}
        for name, (points, ways) in met.items():
            kinds.setdefault(" and ".join(sorted(ways)) or "nothing of the student's", {})[name] = points
        for kind, cells in sorted(kinds.items()):
            named = "" if "value" in kind else f"  ({', '.join(cells)})"
            print(f"  {kind}: {sum(cells.values()):g}{named}")


if __name__ == "__main__":
    main(sys.argv[1:])
