"""What the test cells of the assignments import: scores of answers, and measurements of behaviour.

Nothing here is a key or a reference solution: a student's code can read this module while it is graded. Keys
and references stand in the hidden part of the test cells.
"""

import builtins
import hashlib
import math
import numbers

import numpy as np
import torch
from torch import nn

# What a message may say of a student's value: it could hold, or spell, an input that is hidden.
TYPES = (
    *(kind for kind in vars(builtins).values() if isinstance(kind, type)),
    *(kind for kind in vars(np).values() if isinstance(kind, type)),
    *(type(None), type(lambda: 0), type(len), type(math), type(n for n in ())),
    *(torch.Tensor, torch.Size, torch.device, torch.dtype, torch.Generator, torch.memory_format),
    *(nn.Parameter, nn.Module, nn.ParameterList, nn.ModuleList, nn.Sequential),
)
ERRORS = (
    *(kind for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, BaseException)),
    *(torch.OutOfMemoryError, torch.linalg.LinAlgError, np.linalg.LinAlgError),
)
DIGITS = 6  # of each number
LENGTHS = 6  # of a shape


def choice_score(answer, key, letters, points):
    r"""Points for a question with lettered options.

    .. math:: \text{points} \cdot \Big(\frac{\text{right letters chosen}}{|\text{key}|}
        - \frac{\text{wrong letters chosen}}{|\text{letters}| - |\text{key}|}\Big)

    Choosing every letter and choosing none both earn nothing, and so does guessing, on average: what is lost
    where it goes wrong is no less than what is won where it goes well. So a score may be negative; the points
    of a set are not (`autograder.plugins.points`). Where every letter is right, nothing is subtracted.

    Args:
        answer: set of letters.
        key: set of the right letters, not empty.
        letters: the letters of all options, such as "ABCD".
        points: what the full answer earns.

    Returns: float in [-points, points].
    Raises:
        TypeError: the answer is not a set.
        ValueError: the answer names a letter that is no option, or the key is empty or not among the letters.
    """
    options, key = set(letters), set(key)
    if not key or not key <= options:
        raise ValueError(f"key {sorted(key)} must be one or more of {sorted(options)}")
    if not isinstance(answer, (set, frozenset)):
        raise TypeError(f"answer with a set of letters, such as {{'A', 'B'}}; got {shown(answer)}")
    if answer - options:
        choose = f"choose from {', '.join(sorted(options))}"
        raise ValueError(f"{shown(answer)} holds what is no option of this question: {choose}")
    wrong_options = len(options - key)
    penalty = len(answer - key) / wrong_options if wrong_options else 0.0
    return points * (len(answer & key) / len(key) - penalty)


def numeric_score(answer, expected, tolerance, points):
    """Points for a number: all of them when |answer - expected| <= tolerance, else none.

    Args:
        answer: int or float (a bool is refused).
        expected, tolerance: numbers, the tolerance absolute and >= 0.
        points: what the right answer earns.

    Returns: float, 0 or points.
    Raises: TypeError where the answer is not a number.
    """
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        raise TypeError(f"answer with a number; got {shown(answer)}")
    return float(points) if abs(answer - expected) <= tolerance else 0.0


def look_again(question, missed):
    """Print that an answer deserves a second look: the feedback page can have the reasons there.

    Args:
        question: its id, such as "T1".
        missed: dict from the letters that were judged wrongly to their statements, which are named by the ids
            of `questions.pools`; or whether the answer is wrong. Without, no line.
    """
    if isinstance(missed, dict):
        ids = {letter: hashlib.sha256(text.encode()).hexdigest()[:8] for letter, text in missed.items()}
        missed = ", ".join(f"{letter} ({ids[letter]})" for letter in sorted(ids))
    if missed:
        print(f"{question}: look again{f' at {missed}' if isinstance(missed, str) else ''}")


class Counted(nn.Module):
    """Counts the forward passes of a module, apart for evaluation and training mode.

    The counts are a registered buffer, so they go wherever the module's state goes: into copies, state dicts,
    and to another process and back. A hook's closure does not.

    Attributes:
        module: the wrapped module; shapes in and out are its own.
        calls: int64 tensor (2,), forward passes in evaluation mode and in training mode.
    """

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.register_buffer("calls", torch.zeros(2, dtype=torch.int64))

    def forward(self, *args):
        self.calls[int(self.training)] += 1
        return self.module(*args)


def fill_gradients(module, generator, scale=100.0):
    """Give every parameter a gradient of noise, like one left behind by an earlier step.

    Args:
        module: its parameters get new gradients, of their own dtype and device.
        generator: torch.Generator on the CPU that the noise is drawn from.
        scale: standard deviation of the noise.
    """
    for parameter in module.parameters():
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator).to(parameter)


def snapshot(module):
    """Copies of all that a call could change in a module.

    Returns: dict from name to tensor or bool: parameters, buffers, gradients (absent where None),
    requires_grad of each parameter and the training flag of each submodule.
    """
    state = {name: value.detach().clone() for name, value in module.state_dict().items()}
    for name, parameter in module.named_parameters():
        state[f"{name}.requires_grad"] = parameter.requires_grad
        if parameter.grad is not None:
            state[f"{name}.grad"] = parameter.grad.detach().clone()
    state |= {f"{name or 'module'}.training": child.training for name, child in module.named_modules()}
    return state


def snapshot_of(**values):
    """Copies of all that a call could change in tensors that it is given.

    Args:
        values: tensors, by the names that messages call them.

    Returns: dict as of `snapshot`: values, gradients (absent where None) and requires_grad.
    """
    state = {}
    for name, tensor in values.items():
        state |= {name: tensor.detach().clone(), f"{name}.requires_grad": tensor.requires_grad}
        if tensor.is_leaf and tensor.grad is not None:
            state[f"{name}.grad"] = tensor.grad.detach().clone()
    return state


def same(what, got, expected):
    """Assert that two snapshots are equal, bit for bit (nan equals nan).

    Raises: AssertionError that begins with `what`, the property in words, and names the first difference.
    """
    for name in [*expected, *(name for name in got if name not in expected)]:
        if name not in got:
            raise AssertionError(f"{what}: {name} is gone")
        if name not in expected:  # a new name is a student's, but for that of a gradient
            known = name.endswith(".grad") and name.removesuffix(".grad") in expected
            raise AssertionError(f"{what}: {name if known else 'something new'} appeared")
        if isinstance(expected[name], bool):
            if got[name] is not expected[name]:
                raise AssertionError(f"{what}: {name} is {shown(got[name])}, was {expected[name]}")
        else:
            _compare(f"{what}: {name}", got[name], expected[name], 0.0, 0.0, nan=True)


def close(what, got, expected, *, rtol=1e-5, atol=1e-5):
    """Assert that two numbers or tensors agree in type, shape, dtype, device and value.

    What is expected is never nan; an infinity equals itself alone.

    Args:
        what: the property in words; a failure begins with it and gives both values or the largest difference.
        got, expected: both a tensor, or both a Python number of one type.
        rtol, atol: |got - expected| <= atol + rtol * |expected|.

    Raises: AssertionError.
    """
    _compare(what, got, expected, rtol, atol, nan=False)


def _compare(what, got, expected, rtol, atol, *, nan):
    """`close`, and `same` for one value: nan says whether nan equals nan, or fails on either side."""
    if not isinstance(expected, torch.Tensor):
        if type(got) is not type(expected):
            raise AssertionError(f"{what}: got {shown(got)} where {shown(expected)} was expected")
        if not _within(got, expected, rtol, atol, nan):
            alike = shown(got) == shown(expected)  # in the digits that are shown
            more = f", {shown_number(abs(got - expected))} apart" if alike else ""
            raise AssertionError(f"{what}: got {shown(got)}, expected {shown(expected)}{more}")
        return
    if not isinstance(got, torch.Tensor) or _form(got) != _form(expected):
        raise AssertionError(f"{what}: got {shown(got)} where {shown(expected)} was expected")
    got, expected = got.detach(), expected.detach()
    exact = not (expected.is_floating_point() or expected.is_complex())
    if exact and not (rtol or atol):
        agree = got == expected
    else:
        double = torch.complex128 if expected.is_complex() else torch.float64
        got, expected = got.to(double), expected.to(double)
        agree = torch.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=nan)
    if not agree.all():
        place = tuple(torch.nonzero(~agree)[0].tolist())
        where = f" at {shown_size(place)}" if place else ""
        raise AssertionError(
            f"{what}: got {shown(got[place].item())}, expected {shown(expected[place].item())}{where}; "
            f"{shown(int((~agree).sum()))} of {shown(agree.numel())} entries differ"
        )


def _within(got, expected, rtol, atol, nan):
    if got == expected:
        return True
    if got != got or expected != expected:
        return nan and got != got and expected != expected
    gap = abs(got - expected)
    return math.isfinite(gap) and gap <= atol + rtol * abs(expected)


def _form(tensor):
    return tensor.shape, tensor.dtype, tensor.device, tensor.layout


def shown(value):
    """A value of a student's in a message: a number in a few digits, of anything else only the type.

    Messages reach students, and a text, a long number or the entries of a list could spell a hidden input.
    The visible parts of the cells cannot import this module: the setup cell of a notebook has a `shown` for
    them, and the hidden parts beside them use that one, too.

    Returns: str, such as "0.25", "numpy.float64 0.25", "a float32 tensor of shape (2, 3)", "a list of 3",
    "an object of your own type".
    """
    kind = type(value)
    if value is None or kind is bool:
        return str(value)
    if kind in (int, float, complex):
        return shown_number(value)
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"a {dtype} tensor of shape {shown_size(value.shape)}"
    if kind is np.ndarray:
        return f"a NumPy array of {value.dtype.name} of shape {shown_size(value.shape)}"
    if isinstance(value, np.number) and kind in TYPES:
        return f"{shown_type(value)} {shown_number(value.item())}"
    if isinstance(value, (list, tuple, set, frozenset, dict)) and kind in TYPES:
        return f"a {shown_type(value)} of {shown_number(len(value))}"
    if isinstance(value, type):
        return "a class"
    name = shown_type(value)
    return name if " " in name else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def shown_number(value):
    """A number in DIGITS digits; a whole number of no more than these as it is."""
    if isinstance(value, numbers.Integral):
        if abs(value) < 10**DIGITS:
            return str(int(value))
        return f"{'-' if value < 0 else ''}10 to the {math.floor(math.log10(abs(value)))} or more"
    return f"{value:.{DIGITS}g}"


def shown_size(sizes):
    """A shape or an index, its first LENGTHS numbers."""
    inside = [shown_number(size) for size in sizes[:LENGTHS]]
    if len(sizes) > LENGTHS:
        inside.append("...")
    return f"({', '.join(inside)}{',' if len(sizes) == 1 else ''})"


def shown_type(value):
    """The name of a value's type where Python, NumPy or PyTorch defines it: names could be messages, too."""
    kind = type(value)
    if not any(kind is one for one in TYPES):
        return "an object of your own type"
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


def shown_error(error):
    """The name of an exception's class where Python, NumPy or PyTorch defines it.

    Args:
        error: an exception, or its class.
    """
    kind = error if isinstance(error, type) else type(error)
    known = any(kind is one for one in ERRORS)
    return kind.__name__.lstrip("_") if known else "an exception class of your own"


def uniform_distance(sample, low, high):
    """Kolmogorov-Smirnov distance between a sample and the uniform distribution on [low, high].

    For n independent uniform draws it exceeds 3/sqrt(n) with a probability below 4e-8.

    Args:
        sample: tensor of any shape, n values.
        low, high: bounds, low < high.

    Returns: float in [0, 1].
    """
    ranked = ((sample.detach().double().flatten().sort().values - low) / (high - low)).clamp(0, 1)
    steps = torch.arange(len(ranked) + 1, dtype=torch.float64) / len(ranked)
    return max((steps[1:] - ranked).max().item(), (ranked - steps[:-1]).max().item())


def correlation(a, b):
    """Pearson correlation of two tensors of one shape, over all entries; 0 where one of them is constant.

    For n pairs of independent draws its standard deviation is about 1/sqrt(n).
    """
    a, b = (x.detach().double().flatten() - x.detach().double().mean() for x in (a, b))
    norms = math.sqrt((a @ a).item() * (b @ b).item())
    return (a @ b).item() / norms if norms else 0.0
