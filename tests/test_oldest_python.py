"""The code keeps to what Python 3.11.2 has, Debian 12's own, whatever Python runs the tests.

Newer syntax is found by ruff, which reads `requires-python`; newer names and arguments are found here, as far
as they are in these lists.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path
    for folder in ("autograder", "benchmarks", "book", "gan_lib", "notebooks", "questions", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if not {"_build", "release", "submitted", "autograded", "feedback"} & set(path.parts)
)
NAMES = {  # of modules' contents, by the version that brought them
    "3.11.4": """tarfile.data_filter tarfile.tar_filter tarfile.fully_trusted_filter tarfile.FilterError
        tarfile.AbsolutePathError tarfile.OutsideDestinationError tarfile.SpecialFileError
        tarfile.AbsoluteLinkError tarfile.LinkOutsideDestinationError""",
    "3.12": """asyncio.create_eager_task_factory asyncio.eager_task_factory calendar.Day calendar.Month
        collections.abc.Buffer csv.QUOTE_NOTNULL csv.QUOTE_STRINGS inspect.BufferFlags
        inspect.getasyncgenlocals inspect.getasyncgenstate inspect.markcoroutinefunction itertools.batched
        logging.getHandlerByName logging.getHandlerNames math.sumprod os.PIDFD_NONBLOCK os.listdrives
        os.listmounts os.listvolumes os.path.isjunction os.path.splitroot os.setns os.unshare
        random.binomialvariate sys.activate_stack_trampoline
        sys.last_exc sys.monitoring threading.setprofile_all_threads
        threading.settrace_all_threads types.get_original_bases typing.TypeAliasType typing.override""",
    "3.13": """pathlib.UnsupportedOperation sys._is_gil_enabled asyncio.QueueShutDown base64.z85decode
        base64.z85encode copy.replace enum.EnumDict glob.translate math.fma mimetypes.guess_file_type
        os.TFD_CLOEXEC os.grantpt os.path.isreserved os.posix_openpt os.process_cpu_count
        os.timerfd_create os.ptsname os.unlockpt queue.ShutDown re.PatternError statistics.kde
        statistics.kde_random types.CapsuleType typing.NoDefault typing.ReadOnly
        typing.TypeIs typing.get_protocol_members typing.is_protocol warnings.deprecated""",
    "3.14": """annotationlib compression concurrent.interpreters concurrent.futures.InterpreterPoolExecutor
        functools.Placeholder heapq.heapify_max heapq.heappop_max heapq.heappush_max io.Reader io.Writer
        os.readinto pathlib.types string.templatelib sys.remote_exec uuid.uuid6 uuid.uuid7 uuid.uuid8""",
}
METHODS = {"full_match": "3.13", "from_uri": "3.13", "is_junction": "3.12", "copy_into": "3.14"}
ARGUMENTS = {  # of a function or method with this name: what it is to have got later
    ("extract", "filter"): "3.11.4",
    ("extractall", "filter"): "3.11.4",
    ("unpack_archive", "filter"): "3.11.4",
    ("getaddresses", "strict"): "3.13",
    ("parseaddr", "strict"): "3.13",
    ("glob", "case_sensitive"): "3.12",
    ("rglob", "case_sensitive"): "3.12",
    ("match", "case_sensitive"): "3.12",
    ("exists", "follow_symlinks"): "3.12",
    ("is_file", "follow_symlinks"): "3.13",
    ("is_dir", "follow_symlinks"): "3.13",
    ("glob", "recurse_symlinks"): "3.13",
    ("rglob", "recurse_symlinks"): "3.13",
    ("relative_to", "walk_up"): "3.12",
    ("rmtree", "onexc"): "3.12",
    ("NamedTemporaryFile", "delete_on_close"): "3.12",
    ("TemporaryDirectory", "delete"): "3.12",
    ("run", "loop_factory"): "3.12",
    ("nextafter", "steps"): "3.12",
    ("add_argument", "deprecated"): "3.13",
    ("add_parser", "deprecated"): "3.13",
    ("replace", "count"): "3.13",
    ("batched", "strict"): "3.13",
    ("print_exc", "show_group"): "3.13",
    ("format_exception_only", "show_group"): "3.13",
    ("sumprod", "strict"): "3.13",
    ("map", "strict"): "3.14",
    ("connect", "autocommit"): "3.12",
}


def later(text):
    """What in a program Python 3.11.2 lacks: list of (line, name, version)."""
    known = {name: version for version, names in NAMES.items() for name in names.split()}
    tree, modules, found = ast.parse(text), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                top = one.name.partition(".")[0]
                modules[one.asname or top] = one.name if one.asname else top
                if one.name in known:
                    found.append((node.lineno, one.name, known[one.name]))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                name = f"{node.module}.{one.name}"
                modules[one.asname or one.name] = name
                if name in known or node.module in known:
                    found.append((node.lineno, name, known.get(name) or known[node.module]))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if (name := _dotted(node, modules)) in known:
                found.append((node.lineno, name, known[name]))
            elif node.attr in METHODS:
                found.append((node.lineno, node.attr, METHODS[node.attr]))
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for keyword in node.keywords:
                if version := ARGUMENTS.get((called, keyword.arg)):
                    found.append((node.lineno, f"{called}({keyword.arg}=)", version))
    return found


def _dotted(node, modules):
    if isinstance(node, ast.Name):
        return modules.get(node.id, "")
    return f"{_dotted(node.value, modules)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def test_the_oldest_python_that_is_promised_has_all_that_is_used():
    found = {(path.relative_to(ROOT).as_posix(), *one) for path in FILES for one in later(path.read_text())}
    assert not {one for one in found if one[0] != "tests/test_oldest_python.py"}
    assert len(FILES) > 100


@pytest.mark.parametrize(
    "program, name",
    [
        ("import tarfile as t\nt.open('x').extractall('y', filter='data')", "extractall(filter=)"),
        ("from tarfile import data_filter", "tarfile.data_filter"),
        ("import tarfile as t\nt.data_filter", "tarfile.data_filter"),
        ("from itertools import batched as b", "itertools.batched"),
        ("import os\nos.path.splitroot('x')", "os.path.splitroot"),
        ("import shutil\nshutil.rmtree('x', onexc=print)", "rmtree(onexc=)"),
        ("import annotationlib", "annotationlib"),
        ("from pathlib import Path\nPath('x').full_match('y')", "full_match"),
    ],
)
def test_what_is_newer_is_found(program, name):
    assert [found for _, found, _ in later(program)] == [name]


def test_readme_settings_and_scripts_name_the_same_oldest_python():
    for name, pattern in {
        "pyproject.toml": r'requires-python = ">=3\.11\.2"',
        "README.md": r"Python 3\.11\.2 or newer",
        ".ci/system": r"version_info < \(3, 11, 2\)",
        "requirements.txt": r"Python 3\.11\.2 or newer",
    }.items():
        assert re.search(pattern, (ROOT / name).read_text()), f"{name} does not say {pattern}"
