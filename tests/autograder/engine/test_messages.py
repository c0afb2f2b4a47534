"""What a student reads of a failed check: the property, the case, what was seen, and whose code raised."""

import pytest
from engine.conftest import cell

from autograder.engine import messages

HELPER = "def helper(x):\n    return {}[x]"
SECRET = "s3cret"
ANSWER = """class Mine(ValueError):
    pass


def f(x):
    # a comment
    if x == "stop":
        raise StopIteration
    if x == "own":
        raise Mine(x)
    if x == "said":
        raise ValueError(x)
    if x == "helper":
        return helper(x)
    if x == "none":
        return None.field
    if callable(x):
        return x()
    if x == "function":
        return lambda: 1
    return None


def slow():
    while True:
        pass
"""
CHECK = """# The value comes back.
# Whatever it is.
{visible}
### BEGIN HIDDEN TESTS
{hidden}
### END HIDDEN TESTS"""
CASES = "from autograder.cases import cases, case\n"
PROBE = """from autograder.probe import probe
@probe
def seen_s3cret(f):
    return f(None).shape


@probe
def seen_calling(f, x):
    return f(x)
"""
SAID = {  # the visible and the hidden part of a cell, and what is read
    "visible": (("assert f(1) == 1, 'f(1) is not 1'", ""), "AssertionError", "Check: f(1) is not 1"),
    "hidden": (("", "assert f(1) == 1, 'f(1) is not 1'"), "AssertionError", "Hidden check: f(1) is not 1"),
    "case": (
        ("", CASES + "for name, x in cases({'one': 1, 'two': 2}):\n    assert x == 1, 'no'"),
        *("AssertionError", "Hidden check (two): no"),
    ),
    "nested": (
        ("", CASES + "with case('outer'):\n    for name, x in cases({'one': 1}):\n        f('stop')"),
        *("StopIteration", "Hidden check (outer, one): StopIteration in line 8 of the cell with your f"),
    ),
    "a-round-with-a-label": (
        ("for what, x in (('ones', 1), ('own words', 'own')):\n    f(x)", ""),
        *(messages.OWN, f"Check (own words): {messages.OWN} in line 10 of the cell with your f"),
    ),
    "a-round-of-numbers": (
        ("def once(x):\n    for y in ([2, 0.5],):\n        f('none')\nfor x in (1, 2):\n    once(x)", ""),
        *("AttributeError", "Check (x=1, y=[2, 0.5]): AttributeError in line 16 of the cell with your f: "
          "something is None"),
    ),
    "a-round-with-what-is-expected": (
        ("for x, wanted in ((1, 2),):\n    f('own')", ""),
        *(messages.OWN, f"Check (x=1): {messages.OWN} in line 10 of the cell with your f"),
    ),
    "a-long-line": (
        ("f('own')  # " + "of many words " * 9, ""),
        *(messages.OWN, f"Check (f('own')  # of many words of many words of many words of man …): "
          f"{messages.OWN} in line 10 of the cell with your f"),
    ),
    "a-hidden-round": (
        ("", f"for what in ('{SECRET}',):\n    f('own')"),
        *(messages.OWN, f"Hidden check: {messages.OWN} in line 10 of the cell with your f"),
    ),
    "after-the-cases": (
        ("", CASES + "for _ in cases({'one': 1}):\n    pass\nassert f(1) == 1, 'no'"),
        *("AssertionError", "Hidden check: no"),
    ),
    "a-case-that-was-caught": (
        ("", CASES + "for _, x in cases({'one': 'helper', 'two': 3}):\n    try:\n        with"
         " case('inner'):\n            f(x)\n        assert False, 'no'\n    except KeyError:\n        pass"),
        *("AssertionError", "Hidden check (two): no"),
    ),
    "own-class": (
        ("f('own')", ""),
        *(messages.OWN, f"Check (f('own')): {messages.OWN} in line 10 of the cell with your f"),
    ),
    "no-words-of-theirs": (
        ("", f"f({SECRET!r} and 'said')"),
        *("ValueError", "Hidden check: ValueError in line 12 of the cell with your f"),
    ),
    "elsewhere": (
        ("f('helper')", ""),
        *("KeyError", "Check (f('helper')): KeyError in line 2 of another cell of yours"),
    ),
    "a-meaning": (
        ("f('none')", ""),
        *("AttributeError", "Check (f('none')): AttributeError in line 16 of the cell with your f: something "
          "is None"),
    ),
    "in-the-checks'-own": (
        ("def bad():\n    raise OSError\nf(bad)", ""),
        *("OSError", "Check (f(bad)): OSError in line 18 of the cell with your f, inside what these checks "
          "gave to it"),
    ),
    "a-probe": (
        ("", PROBE + "seen_s3cret(f)"),
        *("AttributeError", "Hidden check: AttributeError where these checks use what your code returned: "
          "something is None"),
    ),
    "within-a-probe": (
        ("", PROBE + "seen_calling(f, 'none')"),
        *("AttributeError", "Hidden check: AttributeError in line 16 of the cell with your function: "
          "something is None"),
    ),
    "elsewhere-within-a-probe": (
        ("", PROBE + "seen_calling(f, 'helper')"),
        *("KeyError", "Hidden check: KeyError in line 2 of another cell of yours"),
    ),
    "what-came-back": (
        ("import autograder.checks\na, b = f(1)", ""),
        *("TypeError", "Check (a, b = f(1)): your f returned None, and these checks stopped with TypeError: "
          "cannot unpack non-iterable NoneType object"),
    ),
    "a-function-that-came-back": (
        ("g = f('function')\ng(1, 2)", ""),
        *("TypeError", "Check (g(1, 2)): TypeError, raised by what your function returned: a function was "
          "called with other arguments than it takes"),
    ),
    "a-type-of-theirs": (
        ("assert False, f'not {type(f).__name__}'", ""),
        *("AssertionError", "Check: not your own"),
    ),
    "on-purpose": (
        ("raise NotImplementedError('still blank')", ""),
        *("NotImplementedError", "Check: still blank"),
    ),
    "too-long": (("", "slow()"), "TimeoutError", "Hidden check: your slow took longer than it may"),
}  # fmt: skip


@pytest.fixture(scope="module")
def read(execute):
    """What became of each of them, of one notebook."""
    checks = [
        cell(name, CHECK.format(visible=visible, hidden=hidden), points=1)
        for name, ((visible, hidden), *_) in SAID.items()
    ]
    done = execute(
        cell("help", HELPER, locked=False), cell("f", ANSWER, locked=False), *checks, call_seconds=1.0
    )
    return {one.metadata.nbgrader.grade_id: one.outputs for one in done.cells}


@pytest.mark.parametrize("name", SAID)
def test_a_message_names_the_property_the_case_and_whose_code_raised(read, name):
    _, kind, said = SAID[name]
    (output,) = [one for one in read[name] if one.output_type == "error"]
    assert (output.ename, output.evalue) == (kind, f"The value comes back. Whatever it is.\n{said}")
    assert SECRET not in output.evalue


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Trying to backward through the graph a second time (or directly ...", "twice"),
        ("element 0 of tensors does not require grad and does not have a grad_fn", "no graph"),
        ("a variable needed for gradient computation was modified by an inplace operation", "in place"),
        ("One of the differentiated Tensors appears to not have been used in the graph.", "does not depend"),
        ("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)", "sizes"),
        ("mat1 and mat2 must have the same dtype, but got Float and Double", "dtypes"),
        ("f() missing 1 required positional argument: 'z'", "other arguments"),
        ('"normal_kernel_cpu" not implemented for \'Long\'', "does not exist for that dtype"),
        ("anything else", None),
    ],
)  # fmt: skip
def test_what_an_exception_means_is_said_in_our_words(message, said):
    words, kind = messages.raised([["RuntimeError", "Exception"], message, [3, True, False]], "f")
    head, _, meaning = words.partition(": ")
    assert (kind, head) == ("RuntimeError", "RuntimeError in line 3 of the cell with your f")
    assert (said in meaning) if said else not meaning


@pytest.mark.parametrize("where", [[1, True], ["1", True, True], [1, 1, True], None, []])
def test_a_reply_that_does_not_say_where_is_refused(where):
    assert messages.raised([["ValueError"], "x", where], "f") is None


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("\"softplus\" not implemented for 'Half'", "this operation does not exist for that dtype (float16)"),
        (
            "expected m1 and m2 to have the same dtype, but got: float != double",
            "dtypes met that do not go together (float and double)",
        ),
        (
            "expected scalar type Float but found Double",
            "dtypes met that do not go together (float32 and float64)",
        ),
        ("dtype of s3cret", "dtypes met that do not go together"),
        (
            "One of the differentiated Tensors does not require grad",
            "a gradient was asked for in what requires none",
        ),
        (
            "Target size (torch.Size([4, 1])) must be the same as input size (torch.Size([6, 1]))",
            "targets have another shape than what they belong to",
        ),
        (
            "linalg.eigh: The algorithm failed to converge: the input matrix contained non-finite values.",
            "a decomposition met numbers that are nan, infinite or out of its range",
        ),
        ("name 's3cret' is not defined", "a name was used that nothing defines"),
    ],
)
def test_what_a_message_means_is_said_in_words_of_the_engine(message, meaning):
    said, _ = messages.raised([["RuntimeError"], message, [3, True, False]], "f")
    assert said == f"RuntimeError in line 3 of the cell with your f: {meaning}"
