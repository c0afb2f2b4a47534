"""What of this machine a sandbox sees: the system, the Python environment, the course's public modules."""

import importlib.util
import os
import sys
from pathlib import Path

# What students' code and the student's side of the engine import, relative to the folder that holds
# `autograder`. No key, no reference solution and no hidden test may stand in these files.
PUBLIC = (
    "autograder/__init__.py",
    "autograder/checks.py",
    "autograder/probe.py",
    "autograder/engine",
    "autograder/notes.py",
)

# Packages that are not seen where they are installed: keys, and functions that assignments ask for.
HIDDEN = "autograder", "questions", "gan_lib"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")


def course_root():
    """The folder that holds the package `autograder`."""
    return Path(__file__).resolve().parents[2]


def public_modules(root=None, public=PUBLIC):
    """Returns: dict from the name below the sandbox's course folder to the file or folder on this machine."""
    root = root or course_root()
    return {name: root / name for name in public if (root / name).exists()}


def packages(names):
    """Where packages and modules lie that a course shows its students' code.

    Args:
        names: as they are imported, without dots.

    Returns: dict like that of `public_modules`.
    Raises: ValueError for a name that this Python does not find, or that is no package of one folder.
    """
    found = {}
    for name in names:
        spec = importlib.util.find_spec(name) if name.isidentifier() else None
        places = [] if spec is None else list(spec.submodule_search_locations or [spec.origin])
        if len(places) != 1 or not Path(places[0] or "").is_absolute():
            raise ValueError(f"{name!r} must be a package or a module that this Python finds in one place")
        found[Path(places[0]).name] = Path(places[0])
    return found


def python_paths():
    """The folders of the running Python: its environment, the interpreter below it, and where links lead."""
    paths = {Path(prefix) for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)}
    paths |= {path.resolve() for path in paths}
    executable = Path(sys.executable).resolve()
    if not any(executable.is_relative_to(path) for path in paths):
        paths.add(executable)
    return sorted(paths)


def links():
    """System folders that are links, such as /bin. Returns: dict from the link to where it leads."""
    return {path: os.readlink(path) for path in SYSTEM if os.path.islink(path)}


def shown_paths(show=()):
    """Returns: the paths to bind read-only where they are: system, Python, and what the caller names."""
    system = [path for path in SYSTEM if os.path.isdir(path) and not os.path.islink(path)]
    settings = [path for path in SETTINGS if os.path.exists(path)]
    return sorted({Path(path) for path in (*system, *settings, *python_paths(), *show)})


def hidden_paths(shown, hide=()):
    """What must not be seen although it lies below a shown path: the course, and what the caller names.

    Args:
        shown: paths that the sandbox binds.
        hide: more folders, such as the one with the gradebook.

    Returns: the folders to cover, as they would be seen.
    Raises: ValueError where a shown path itself is to be hidden.
    """
    course = [course_root()] if (course_root() / "pyproject.toml").is_file() else []
    for package in HIDDEN:
        spec = importlib.util.find_spec(package)
        course += [Path(place) for place in (spec.submodule_search_locations if spec else ())]
    covered = set()
    for path in {Path(path).resolve() for path in (*course, *hide)}:
        for place in shown:
            if path == place.resolve():
                raise ValueError(f"a sandbox needs {place} (system or Python environment), so cannot hide it")
            if path.is_dir() and path.is_relative_to(place.resolve()):
                covered.add(place / path.relative_to(place.resolve()))
    return sorted(covered)
