"""A small course with torch and numpy, and answers that lie about themselves or patch who compares.

Everything in these notebooks is wrong: without the lies they earn nothing.
"""

# ruff: noqa: E501  (the attacks' own code)

from small_course import cell, filled_in, hidden, stub

SETUP = "import numpy as np\nimport torch\n\nSEED = 5"


def _task(name, head, body, visible, checks):
    return [
        cell(name, stub(head, body), solution=True),
        cell(f"{name}-check", f"{visible}\n{hidden(checks)}", points=1),
    ]


COURSE = [
    cell("setup", SETUP),
    *_task(
        "loss",
        "def loss(logits):",
        "return torch.nn.functional.softplus(-logits).mean()",
        "assert torch.allclose(loss(torch.zeros(2)), torch.tensor(2.0).log())",
        """
for n in (3, 4):
    x = torch.randn(n, generator=torch.Generator().manual_seed(n))
    wanted = (1 + (-x).exp()).log().mean()
    got = loss(x)
    assert isinstance(got, torch.Tensor) and got.shape == () and got.dtype == torch.float32
    assert torch.allclose(got, wanted, atol=1e-5) and abs(float(got) - float(wanted)) < 1e-5
    torch.testing.assert_close(got, wanted)
""",
    ),
    *_task(
        "mean",
        "def mean(t):",
        "return t.double().mean().item()",
        "assert type(mean(torch.ones(2))) is float",
        "assert abs(mean(torch.arange(4.0) ** 3) - 9) < 1e-6",
    ),
    *_task(
        "scaled",
        "def scaled(a):",
        "return (a - 127.5) / 127.5",
        "assert scaled(np.zeros(2)).shape == (2,)",
        """
wanted = np.array([[-1.0, 1.0, 0.2]])
got = scaled(np.array([[0.0, 255.0, 153.0]]))
assert isinstance(got, np.ndarray) and np.allclose(got, wanted) and (got - wanted == 0).sum() >= 1
np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9)
""",
    ),
    *_task(
        "step",
        "def step(weights, rate):",
        "weights.data -= rate * weights.grad",
        "assert callable(step)",
        """
weights = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
weights.grad = torch.tensor([0.5, 4.0])
step(weights, 0.1)
assert torch.equal(weights, torch.tensor([0.95, -2.4])), "weights move against their gradient"
""",
    ),
    *_task(
        "ranking",
        "def ranking(x):",
        "return x.argsort()",
        "torch.manual_seed(SEED)\nassert ranking(torch.tensor([2.0, 1.0])).tolist() == [1, 0]",
        """
for n in (5, 8):
    x = torch.rand(n)
    assert ranking(x).tolist() == x.argsort().tolist(), "places of the sorted entries"
""",
    ),
]
WRONG = {
    "loss": "def loss(logits): return LIE(torch.zeros(3))",
    "mean": "def mean(t): return LIE(0.0)",
    "scaled": "def scaled(a): return LIE(np.zeros(5))",
    "step": "def step(weights, rate): weights.data = LIE(torch.zeros(2))",
    "ranking": "def ranking(x): return LIE(torch.zeros(2))",
}
NUMBER = """
class Number(float):
    __sub__ = __rsub__ = __abs__ = lambda self, *a: 0.0
    __eq__ = __lt__ = __le__ = lambda self, other: True
    __hash__ = None
"""
LIES = {
    "plainly-wrong": "def LIE(x): return x",
    "torch-function": NUMBER
    + """
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("allclose", "equal", "is_same_size"): return True
        if name == "__get__": return torch.Size([]) if "shape" in str(function) else torch.float32
        return next((a for a in args if type(a) is torch.Tensor), torch.zeros(()))
    def __eq__(self, other): return True
    def __bool__(self): return True
    def __float__(self): return 0.0
    def tolist(self): return type("L", (list,), {"__eq__": lambda s, o: True})()
def LIE(x): return Number() if isinstance(x, float) else torch.as_tensor(x).as_subclass(Yes)
""",
    "array-function": NUMBER
    + """
class Yes(np.ndarray):
    __array_priority__ = 1e9
    def __array_function__(self, function, types, args, kwargs): return True
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return np.zeros(1)
    def __eq__(self, other): return np.ones(1, dtype=bool)
    def __sub__(self, other): return np.zeros(1)
    __rsub__ = __sub__
    shape = property(lambda self: (2,))
def LIE(x): return Number() if isinstance(x, float) else np.asarray(x).view(Yes)
""",
    "class-property": """
class Yes:
    def __init__(self, kind): self.kind = kind
    __class__ = property(lambda self: self.kind)
    def __getattr__(self, name): return lambda *a, **k: Yes(bool)
    def __eq__(self, other): return True
    def __bool__(self): return True
    def __float__(self): return 0.0
    def __array__(self, *a, **k): return np.zeros(())
    __sub__ = __rsub__ = __abs__ = __lt__ = __le__ = lambda self, *a: self
    shape, dtype, __hash__ = (), torch.float32, None
def LIE(x): return Yes(type(x))
""",
    "shapes-that-fit-all": """
def LIE(x):
    if isinstance(x, float): return float("nan")
    nothing = torch.full((0,), float("nan"))
    return nothing.numpy() if isinstance(x, np.ndarray) else nothing
""",
    "memory-that-is-none": """
def LIE(x):
    if isinstance(x, float): return float("inf")
    if isinstance(x, np.ndarray): return np.lib.stride_tricks.as_strided(x, (1 << 40,), (0,))
    return torch.zeros(1).expand(1 << 40) if len(x) == 3 else torch.empty(2, device="meta")
""",
    "patched-torch": """
torch.allclose = torch.equal = torch.isclose = torch.Tensor.allclose = torch.Tensor.equal = lambda *a, **k: True
torch.testing.assert_close = np.testing.assert_allclose = lambda *a, **k: None
np.allclose = np.array_equal = lambda *a, **k: True
torch.Tensor.__eq__ = torch.Tensor.__sub__ = lambda *a: torch.zeros(())
torch.Tensor.shape = property(lambda self: torch.Size([])); torch.Tensor.tolist = lambda self: [1, 0]
torch.Tensor.__float__ = lambda self: 0.0
torch.manual_seed = lambda seed: None
def LIE(x): return x
""",
    "forged-states": """
from autograder.engine import object_state, random_state
random_state.get = lambda: {"python": "no", "numpy": ["MT19937", b"", -1], "torch": b"x", "grad": "yes"}
object_state.read = lambda thing: ["anything"]
def LIE(x): return x
""",
    "random-numbers-of-its-own": """
def LIE(x): return x
ranked = torch.get_rng_state()
def ranking(x):
    words = ranked.numpy().copy(); words[24:24 + 8 * 624] = 0
    torch.set_rng_state(torch.from_numpy(words))
    return torch.tensor([1, 0]) if len(x) == 2 else torch.arange(len(x))
""",
}
SOME_LIES = ["torch-function", "class-property", "patched-torch"]


def liar(release, name):
    """The wrong notebook with a lie; the lie comes with the cell of `loss`."""
    answers = WRONG | {"loss": f"{LIES[name]}\n{WRONG['loss']}"}
    if name == "random-numbers-of-its-own":
        answers["ranking"] = "ranking = ranking"
    return filled_in(release, answers)
