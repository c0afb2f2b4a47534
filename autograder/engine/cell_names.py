"""The names in a cell's code: what it takes from outside, and what it gives to the notebook."""

import ast
import builtins
import collections
import contextlib
import importlib
import re
import symtable

# Where code that does not compile seems to name something.
GIVEN = re.compile(r"\b(?:def|class|import|as|for|global|del)\s+(\w+)|\b(\w+)\s*:?=(?!=)")
MAGICS = ["time"], ["timeit"], ["capture"], ["prun"]  # commands whose last argument is Python code


def names_needed(source, shell):
    """Names that the code of a cell takes from outside of it: globals that are no built-ins.

    Returns: set of str, empty where the code does not compile (running it says why).
    """
    needed = set()
    for code in _codes(source, shell):
        cell = symtable.symtable(code, "cell", "exec")
        symbols = cell.get_symbols()
        own = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
        tables = [cell]
        while tables:
            table = tables.pop()
            for symbol in table.get_symbols():
                outer = table is cell or (symbol.is_global() and symbol.get_name() not in own)
                if outer and symbol.is_referenced() and not symbol.is_imported():
                    needed.add(symbol.get_name())
            tables += table.get_children()
    return {name for name in needed if not hasattr(builtins, name)} - {"get_ipython", "__name__"}


def names_defined(source, shell):
    """Names that the code of a cell gives to something, or takes away for good, in the notebook.

    Where the code does not compile: names in places where a name is given.
    """
    codes, defined = _codes(source, shell), set()
    if not codes:
        return {name for names in GIVEN.findall(source) for name in names if name}
    for code in codes:
        tables = [(symtable.symtable(code, "cell", "exec"), True)]
        while tables:
            table, top = tables.pop()
            for symbol in table.get_symbols():
                if (symbol.is_assigned() or symbol.is_imported()) and (top or symbol.is_global()):
                    defined.add(symbol.get_name())
            tables += [(child, False) for child in table.get_children()]
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and not node.level:
                defined |= _exported(node.module)
        defined -= _given_back(tree)
    return defined


def _given_back(tree):
    """Names that are deleted, and afterwards are what they were: ``kept = f``, ``del f``, …, ``f = kept``."""
    bound, copied, deleted = collections.Counter(), {}, set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(name)], ast.Name(other)):
                copied.setdefault(name, []).append(other)
            case ast.Name(name, ast.Del()):
                deleted.add(name)
        if not isinstance(node, ast.Name) or isinstance(node.ctx, ast.Store):
            bound.update({getattr(node, part, None) for part in ("id", "name", "asname", "rest")})

    def is_kept(name, other):
        return copied.get(other) == [name] and bound[other] == 1

    return {
        name
        for name in deleted & copied.keys()
        if len(copied[name]) == bound[name] and all(is_kept(name, other) for other in copied[name])
    }


def imports(source, shell):
    """The lines of a cell that import, and stand alone."""
    codes = _codes(source, shell)
    lines = ast.parse(codes[0]).body if codes else []
    return "\n".join(ast.unparse(line) for line in lines if isinstance(line, ast.Import | ast.ImportFrom))


def _exported(module):
    """Names that `from module import *` gives."""
    with contextlib.suppress(Exception):  # whatever a module raises: the cell itself will say it
        names = vars(importlib.import_module(module))
        return set(names.get("__all__", [name for name in names if not name.startswith("_")]))
    return set()


def _codes(source, shell):
    """The Python code of a cell, and that in its magic commands (`%time x = f()`, `%%capture`).

    Returns: list of str, without what does not compile.
    """
    left, codes = [source], []
    while left:
        try:
            code = shell.transform_cell(left.pop())
            symtable.symtable(code, "cell", "exec")
        except (SyntaxError, ValueError):
            continue
        codes.append(code)
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                if node.func.attr in ("run_line_magic", "run_cell_magic") and values[:1] in MAGICS:
                    left.append(str(values[-1]))
    return codes
