"""What is read of a check that failed: three parts for students, and the lines of the cell for instructors.

The property is the comment that the cell begins with; the case is in the checks' words (`autograder.cases`);
then what was seen. Of an exception in a student's code only its type, its line and words of this module reach
the page: the message could quote what that code has seen of the checks.
"""

import ast
import builtins
import re
import sys
import traceback

from autograder import cases
from autograder.engine import protocol
from autograder.notes import Waits

SAID = 2000  # characters of an error's message
HIDDEN = "### BEGIN HIDDEN TESTS"
OWN = "an exception class of your own"
NO_SNAPSHOT = "no snapshot of your notebook was made before this cell"
RESULT = "the result of a call"  # what a function is called that a student's function has returned
KINDS = {name for name, kind in vars(builtins).items() if isinstance(kind, type)} | {
    *("LinAlgError", "OutOfMemoryError")
}
ROUND = 60  # characters of a value, or of a line, that names what a cell was at
ANSWERS = {"wanted", "by_hand", "found", "charged"}  # in a loop of checks: no part of the case
LINES = 999  # the last line of a student's cell that a message names
# What an exception of a student's code means, where its message says it in words that are known.
KNOWN = (
    (
        r"backward through the graph a second time",
        "a graph was gone through twice: something was not detached, computed again, or kept (retain_graph)",
    ),
    (
        r"One of the differentiated Tensors does not require grad",
        "a gradient was asked for in what requires none",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "a backward pass began at what has no graph: it was detached, or computed without gradients",
    ),
    (
        r"modified by an inplace operation",
        "a value that a backward pass still needed was changed in place, as an optimizer's step does",
    ),
    (
        r"appears to not have been used|allow_unused=True",
        "what is differentiated does not depend on what it is differentiated by",
    ),
    (r"a leaf Variable that requires grad", "a parameter was changed in place while gradients are recorded"),
    (
        r"not positive.definite",
        "a decomposition met a matrix that is not positive definite: it may be singular",
    ),
    (r"on the same device", "tensors on different devices met"),
    (r"not implemented for ['\"]", "this operation does not exist for that dtype"),
    (
        r"can't be cast to the desired output type",
        "a tensor of integers, such as a buffer that counts, was to hold other numbers",
    ),
    (r"(scalar|data) type|dtype", "dtypes met that do not go together"),
    (
        r"view size is not compatible",
        "a view was asked for of numbers that lie in another order; reshape copies them where it must",
    ),
    (r"Target size .* must be the same as input size", "targets have another shape than what they belong to"),
    (
        r"contained? non-finite|failed to converge|is not positive-definite",
        "a decomposition met numbers that are nan, infinite or out of its range",
    ),
    (r"^name '.*' is not defined", "a name was used that nothing defines"),
    (
        r"must match the (existing )?size|cannot be multiplied|size mismatch|broadcast|Sizes of tensors must "
        r"match|equal size|is invalid for input of size|of size|expected input\[|[Dd]imension",
        "sizes met that do not go together",
    ),
    (
        r"Expected more than 1 value per channel",
        "batch normalisation in training mode met one value per channel",
    ),
    (r"No module named", "this module is not there where notebooks are graded"),
    (r"numpy\(\) on [Tt]ensor that requires grad", "a tensor with a gradient was made a NumPy array"),
    (
        r"unexpected keyword argument|positional argument|required keyword-only",
        "a function was called with other arguments than it takes",
    ),
    (r"truth value|Boolean value of Tensor", "more than one value was used as a condition"),
    (r"NoneType", "something is None"),
)
# Names of dtypes in PyTorch's messages.
DTYPES = {"Half": "float16", "BFloat16": "bfloat16", "Float": "float32", "Double": "float64"}
DTYPES |= {"Bool": "bool", "Byte": "uint8", "Char": "int8", "Short": "int16", "Int": "int32", "Long": "int64"}
DTYPES |= {name: name for name in ("float", "double", "float32", "float64", "bfloat16", "float16", "int64")}


def failure_output(error, source, link=None):
    """An error as an output.

    Args:
        error: what a cell of checks raised.
        source: of the cell.
        link: the `proxies.Link` through which it called a student's functions, or None.
    """
    if isinstance(error, Waits):
        return error_output(Waits.__name__, str(error))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_cell(frame.filename)]
    lines = [f"line {frame.lineno}, in {frame.name}: {frame.line}" for frame in frames]
    own = [frame.lineno for frame in frames if frame.filename == frames[0].filename]
    visible = source.partition(HIDDEN)[0]
    hidden = bool(own) and HIDDEN in source and own[-1] > visible.count("\n")
    said = _said(error, frames[-1] if frames else None, link)
    name = getattr(error, "kind", None) or type(error).__name__
    if own:
        case = cases.present()
        if not (case or hidden or isinstance(error, AssertionError)):
            case = _round(error, frames[0].filename, source) or _line(visible, own[-1])
        head = "Hidden check" if hidden else "Check"
        said = f"{head} ({case}): {said}" if case else f"{head}: {said}"
        said = "\n".join(filter(None, [_property(visible), said.removesuffix(": ")]))
    message = _text(error)
    return error_output(name, message, lines, said)


def error_output(name, message, lines=(), shown=None):
    """An error as an output: its message, or what is shown in its place; instructors find both."""
    message = protocol.utf8(message[:SAID])
    return {
        "output_type": "error",
        "ename": name,
        "evalue": message if shown is None else protocol.utf8(shown[:SAID]),
        "traceback": [*lines, f"{name}: {message}"],
    }


def raised(payload, name):
    """What a student reads of an exception in the student's process, and its type.

    Args:
        payload: of the reply: names of its type and of those that it derives from, its message, and where it
            was raised: [line, of the cell of the function that was called, beyond the student's code].
        name: of the function of the student's that was called, or None: a probe.

    Returns: (words, name of the type), or None where the payload is not in the agreed form.
    """
    match payload:
        case [[kind, *_] as kinds, str() as message, [int() as line, bool() as called, bool() as beyond]] if (
            all(isinstance(one, str) for one in kinds)
        ):
            pass
        case _:
            return None
    kind = kind.lstrip("_") if kind.lstrip("_") in KINDS else OWN
    whose = "what your function returned" if name == RESULT else f"your {name or 'function'}"
    if line > 0:
        place = f"in line {line} of" if line <= LINES else "in"
        words = f"{kind} {place} {'another cell of yours' if not called else f'the cell with {whose}'}"
        words += ", inside what these checks gave to it" if beyond else ""
    elif name:
        words = f"{kind}, raised by {whose}"
    else:
        words = f"{kind} where these checks use what your code returned"
    meaning = next((words for pattern, words in KNOWN if re.search(pattern, message)), None)
    if meaning and "dtype" in meaning:
        named = dict.fromkeys(DTYPES[name] for name in re.findall(rf"\b({'|'.join(DTYPES)})\b", message))
        meaning += f" ({' and '.join(list(named)[:2])})" if named else ""
    return f"{words}: {meaning}" if meaning else words, kind


def _said(error, last, link):
    """What was seen against what was expected, or what an exception says to a student."""
    if (shown := getattr(error, "shown", None)) is not None:
        return shown
    if isinstance(error, SyntaxError):
        return f"{error.msg} (line {error.lineno})"
    message = _text(error)
    if isinstance(error, protocol.Malformed):
        return message.partition(": ")[0]
    if isinstance(error, AssertionError) or last is None or (last.line or "").startswith("raise "):
        return message
    stopped = f"these checks stopped with {type(error).__name__}: {message}"
    checks = sys.modules.get("autograder.checks")
    if link is None or link.last is None or checks is None:
        return stopped
    name, value = link.last
    return f"your {name} returned {checks.shown(value)}, and {stopped}"


def _round(error, filename, source):
    """Which round of its loops a cell was in when it met an exception: labels, or numbers with their names.

    Args:
        filename: of the cell.
    """
    loops = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.For)]
    labels, numbers = [], []
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename != filename:
            continue
        for loop in loops:
            if loop.body[0].lineno <= line <= loop.end_lineno:
                names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
                names = [name for name in names if name not in ANSWERS]
                here = {name: frame.f_locals.get(name) for name in names}
                labels += [value for value in here.values() if type(value) is str][:1]
                said = {repr(value): name for name, value in reversed(here.items()) if _plain(value)}
                numbers += [
                    f"{name}={value}" for value, name in reversed(said.items()) if len(value) <= ROUND
                ]
    return ", ".join(labels or numbers)


def _line(visible, number):
    """A line of the checks that students see, which names a case where nothing else does."""
    text = visible.splitlines()[number - 1].strip(" :(")
    if text.startswith("raise "):
        return ""
    return text if len(text) <= ROUND else f"{text[:ROUND]} …"


def _plain(value):
    """Whether it is a number, or a list or tuple of numbers."""
    return type(value) in (bool, int, float) or (type(value) in (list, tuple) and all(map(_plain, value)))


def _property(visible):
    """The sentence that a cell begins with, a comment."""
    words = []
    for line in visible.splitlines():
        if not line.startswith("#"):
            break
        words.append(line.lstrip("# "))
    return " ".join(words)


def _text(error):
    try:
        return str(error)
    except Exception:
        return ""


def _is_cell(filename):
    return "ipython-input" in filename or "ipykernel" in filename
