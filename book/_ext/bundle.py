"""Joins JavaScript modules into one expression: from `file://` a browser loads neither modules nor workers.

What it understands is what the modules of this book use: named imports and `import * as`, from relative
paths, and named exports of declarations. It refuses the rest.
"""

import re

IMPORT = re.compile(r'^import (?:\{([^}]*)\}|\* as (\w+)) from "(\.[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) (\w+))", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def bundle(entry):
    """The modules that a module needs, and itself.

    Args:
        entry: `pathlib.Path` of the module.

    Returns: text of an expression, a call of a function, whose value is an object of the entry's exports.
    Raises: ValueError on an import or export of another form, and on modules that import each other.
    """
    modules = {}
    _collect(entry.resolve(), modules, ())
    names = {path: f"module{k}" for k, path in enumerate(modules)}
    parts = [f"const {names[path]} = {_wrapped(path, names)};" for path in modules]
    return "(() => {\n" + "\n".join(parts) + f"\nreturn {names[entry.resolve()]};\n}})()"


def _collect(path, modules, importers):
    """Add a module to the others after all that it imports."""
    if path in importers:
        raise ValueError(f"modules import each other: {' -> '.join(p.name for p in (*importers, path))}")
    if path in modules:
        return
    for match in IMPORT.finditer(path.read_text(encoding="utf-8")):
        _collect((path.parent / match[3]).resolve(), modules, (*importers, path))
    modules[path] = None


def _wrapped(path, names):
    """The call of a function around a module's text that returns the object of its exports."""
    text = path.read_text(encoding="utf-8")
    exports = [match[1] for match in EXPORT.finditer(text)]

    def constant(match):
        wanted = f"{{{match[1].replace(' as ', ': ')}}}" if match[1] else match[2]
        return f"const {wanted} = {names[(path.parent / match[3]).resolve()]};"

    text = EXPORT.sub("", IMPORT.sub(constant, text))
    if other := OTHER.search(text):
        raise ValueError(f"{path.name}: cannot bundle {other[0]!r}")
    return f'(() => {{\n"use strict";\n{text}\nreturn {{ {", ".join(exports)} }};\n}})()'
