"""What the test cells of the assignments import: scores of answers, and measurements of behaviour.

Nothing here is a key or a reference solution: a student's code can read this module while it is graded. Keys
and references stand in the hidden part of the test cells.
"""

import math

import torch
from torch import nn


def choice_score(answer, key, letters, points):
    r"""Points for a question with lettered options.

    .. math:: \text{points} \cdot \max\left(0,\ \frac{\text{right letters chosen}}{|\text{key}|}
        - \frac{\text{wrong letters chosen}}{|\text{letters}| - |\text{key}|}\right)

    Choosing every letter and choosing none both earn nothing. A question with one right option is scored by
    the same formula. Where every letter is right, nothing is subtracted.

    Args:
        answer: set of letters.
        key: set of the right letters, not empty.
        letters: the letters of all options, such as "ABCD".
        points: what the full answer earns.

    Returns: float in [0, points].
    Raises:
        TypeError: the answer is not a set.
        ValueError: the answer names a letter that is no option, or the key is empty or not among the letters.
    """
    options, key = set(letters), set(key)
    if not key or not key <= options:
        raise ValueError(f"key {sorted(key)} must be one or more of {sorted(options)}")
    if not isinstance(answer, (set, frozenset)):
        raise TypeError(
            f"answer with a set of letters, such as {{'A', 'B'}}; "
            f"got {answer!r} of type {type(answer).__name__}"
        )
    if unknown := sorted(map(repr, answer - options)):
        choose = f"choose from {', '.join(sorted(options))}"
        raise ValueError(f"{', '.join(unknown)} is no option of this question: {choose}")
    wrong_options = len(options - key)
    penalty = len(answer - key) / wrong_options if wrong_options else 0.0
    return points * max(0.0, len(answer & key) / len(key) - penalty)


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
        raise TypeError(f"answer with a number; got {answer!r} of type {type(answer).__name__}")
    return float(points) if abs(answer - expected) <= tolerance else 0.0


def text_score(answer, expected, points):
    """Points for a word or name: all of them when it is the expected one, whatever its case and outer spaces.

    Returns: float, 0 or points.
    Raises: TypeError where the answer is not a string.
    """
    if not isinstance(answer, str):
        raise TypeError(
            f"answer with a string, such as 'word'; got {answer!r} of type {type(answer).__name__}"
        )
    return float(points) if answer.strip().casefold() == expected.strip().casefold() else 0.0


def look_again(question, missed):
    """Print that an answer deserves a second look; the feedback page has the question bank's reasons there.

    Args:
        question: its id, such as "T1".
        missed: the letters that were judged wrongly, or whether the answer is wrong; without, no line.
    """
    if missed:
        at = f" at {', '.join(sorted(missed))}" if isinstance(missed, (set, frozenset)) else ""
        print(f"{question}: look again{at}")


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


def same(what, got, expected):
    """Assert that two snapshots are equal, bit for bit (nan equals nan).

    Raises: AssertionError that begins with `what`, the property in words, and names the first difference.
    """
    for name in [*expected, *(name for name in got if name not in expected)]:
        if name not in got or name not in expected:
            raise AssertionError(f"{what}: {name} {'appeared' if name in got else 'is gone'}")
        if isinstance(expected[name], bool):
            if got[name] is not expected[name]:
                raise AssertionError(f"{what}: {name} is {got[name]}, was {expected[name]}")
        else:
            close(f"{what}: {name}", got[name], expected[name], rtol=0, atol=0)


def close(what, got, expected, *, rtol=1e-5, atol=1e-5):
    """Assert that two numbers or tensors agree in type, shape, dtype and value (nan equals nan).

    Args:
        what: the property in words; a failure begins with it and gives both values or the largest difference.
        got, expected: both a tensor, or both a Python number.
        rtol, atol: |got - expected| <= atol + rtol * |expected|.

    Raises: AssertionError.
    """
    tensors = isinstance(got, torch.Tensor), isinstance(expected, torch.Tensor)
    if tensors[0] != tensors[1] or got is None:
        raise AssertionError(f"{what}: got {got!r} where a {type(expected).__name__} was expected")
    torch.testing.assert_close(
        got, expected, rtol=rtol, atol=atol, equal_nan=True, msg=lambda message: f"{what}.\n{message}"
    )


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
