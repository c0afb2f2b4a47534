"""Calls of a student's functions from another process: what comes back, and what becomes of the arguments."""

import copy
import math
import random

import numpy
import pytest
import torch
from torch import nn

from autograder.checks import Counted, fill_gradients, same, snapshot
from autograder.engine.protocol import Malformed
from autograder.engine.proxies import Died, Remote, RemoteFunction

IMPORTS = "import math, os, random, sys, time, numpy, torch\nfrom torch import nn\n"


@pytest.fixture
def call(student):
    """Function from the body of a function `f` to its proxy."""
    return lambda code, **options: student(IMPORTS + code, "f", **options)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -(10**50), 0.1, math.inf, "text", b"bytes", 2 - 3j,
        [1, [2, (3,)]], {"a": {1, 2}, (1, 2): frozenset({3})},
        torch.Size([2, 3]), torch.bfloat16, torch.device("cpu"),
        numpy.float64(0.5), numpy.int8(-3), numpy.bool_(True),
    ],
    ids=repr,
)  # fmt: skip
def test_data_come_back_as_they_are(call, value):
    got = call("def f(x): return x")(value)
    assert got == value and type(got) is type(value)


def test_nan_and_arrays_come_back(call):
    echo = call("def f(x): return x")
    assert math.isnan(echo(math.nan)) and math.isnan(echo(numpy.float32(math.nan)))
    array = numpy.arange(6, dtype=numpy.int16).reshape(2, 3)
    got = echo(array)
    assert got.dtype == array.dtype and (got == array).all()


def test_values_are_values_functions_are_proxies_and_the_rest_is_named(student):
    code = (
        IMPORTS
        + "answer = {'A', 'B'}\ndef f(): return 1\nclass Net(nn.Linear): pass\nnet = nn.Linear(2, 1)\n"
    )
    answer, f, net, kind, np = student(code, "answer", "f", "net", "Net", "numpy")
    assert answer == {"A", "B"} and f() == 1 and np is numpy
    assert (
        isinstance(f, RemoteFunction) and isinstance(net, RemoteFunction) and isinstance(kind, RemoteFunction)
    )
    assert repr(f) == "<f of the submission, of type function>"
    assert net(torch.zeros(3, 2)).shape == (3, 1)
    assert not isinstance(f, set)


def test_a_name_that_is_not_defined_is_not_found(student):
    with pytest.raises(KeyError):
        student("", "f")


def test_an_object_that_is_no_value_cannot_be_taken_for_one(student):
    thing, measure = student(
        "class Thing: size = 3\nthing = Thing()\ndef measure(t): return t.size", "thing", "measure"
    )
    assert type(thing) is Remote and measure(thing) == 3
    for attempt in (lambda: thing == 3, lambda: bool(thing), lambda: thing < 3, lambda: list(thing)):
        with pytest.raises(TypeError, match="an object of type unknown, not a plain value"):
            attempt()


def test_what_is_made_by_a_call_can_be_called_and_passed_on(call):
    make = call(
        "def f(*a):\n    return nn.Linear(2, 3) if not a else sum(p.numel() for p in a[0].parameters())"
    )
    net = make()
    assert net(torch.zeros(4, 2)).shape == (4, 3) and make(net) == 9


# exceptions


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("raise ValueError('no')", ValueError, "^no$"),
        ("raise KeyError('no')", KeyError, "no"),
        ("class Odd(ValueError): pass\n    raise Odd('no')", ValueError, "^Odd: no$"),
        ("class Odd(Exception): pass\n    raise Odd('no')", Exception, "^Odd: no$"),
        ("raise UnicodeDecodeError('utf-8', b'x', 0, 1, 'no')", ValueError, "UnicodeDecodeError: "),
        ("raise StopIteration(3)", Exception, "StopIteration: 3"),
        ("sys.exit(0)", RuntimeError, "SystemExit: 0"),
        ("raise KeyboardInterrupt", RuntimeError, "KeyboardInterrupt: "),
        ("return torch.zeros(2) @ torch.zeros(3)", RuntimeError, "inconsistent tensor size"),
        ("return undefined", NameError, "undefined"),
        ("return f()", RecursionError, "maximum recursion"),
    ],
)
def test_an_exception_comes_back_as_the_nearest_built_in_one(call, code, kind, message):
    with pytest.raises(kind, match=message):
        call(f"def f():\n    {code}")()


def test_an_exception_without_a_usable_message_comes_back(call):
    with pytest.raises(Exception, match=r"^Odd: $"):
        call("class Odd(Exception):\n    def __str__(self): raise ValueError\ndef f(): raise Odd")()


@pytest.mark.parametrize("code", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_the_end_of_the_process_is_an_exception(call, code):
    f = call(f"def f(): {code}")
    for _ in range(2):
        with pytest.raises(Died, match="f ended its process"):
            f()


def test_python_code_that_takes_too_long_is_interrupted_and_can_be_called_again(call):
    f = call("def f(n):\n    while n: pass\n    return 5", seconds=0.3)
    with pytest.raises(TimeoutError, match=r"f took more than 0\.3 s"):
        f(1)
    assert f(0) == 5


def test_code_that_cannot_be_interrupted_is_given_up(call, monkeypatch):
    monkeypatch.setattr("autograder.engine.proxies.GRACE", 0.3)
    f = call(
        "def f():\n    while True:\n        try: time.sleep(9)\n        except BaseException: pass",
        waiting=0.2,
    )
    with pytest.raises(Died, match="could not be interrupted"):
        f()


# what a call does to its arguments


def nets(seed=0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    return net, torch.optim.Adam(net.parameters(), lr=0.1)


STEP = """
def f(net, optimizer, x):
    net.train()
    loss = net(x).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
"""


def test_training_steps_do_what_they_do_in_one_process(call):
    names = {}
    exec(IMPORTS + STEP, names)
    (here, optimizer), (there, its_optimizer) = nets(), nets()
    here.eval(), there.eval()
    before = list(there.parameters())
    x, f = torch.randn(5, 3), call(STEP)
    for _ in range(3):
        assert f(there, its_optimizer, x) == names["f"](here, optimizer, x)
        same("the net", snapshot(there), snapshot(here))
    assert all(one is other for one, other in zip(there.parameters(), before, strict=True))
    assert its_optimizer.state[before[0]]["step"] == 3
    assert torch.equal(its_optimizer.state[before[0]]["exp_avg"], optimizer.state[here[0].weight]["exp_avg"])
    its_optimizer.step(), optimizer.step()  # an optimizer made before the call still moves the net
    same("the net", snapshot(there), snapshot(here))


def test_only_the_optimizer_travels_and_the_net_moves(call):
    net, optimizer = nets()
    net(torch.randn(4, 3)).sum().backward()
    before = net[0].weight.detach().clone()
    call("def f(optimizer): optimizer.step()")(optimizer)
    assert not torch.equal(net[0].weight, before)


def test_what_is_replaced_is_replaced_and_what_is_changed_in_place_is_changed_in_place(call):
    f = call(
        """
def f(replaced, changed):
    replaced.grad = torch.zeros_like(replaced)
    changed.grad.zero_()
"""
    )
    replaced, changed = (nn.Parameter(torch.ones(3)) for _ in range(2))
    replaced.grad, changed.grad = torch.full((3,), math.nan), torch.full((3,), math.inf)
    old, alias = replaced.grad, changed.grad.detach()
    f(replaced, changed)
    assert (
        changed.grad.tolist() == [0, 0, 0] == alias.tolist() and changed.grad.data_ptr() == alias.data_ptr()
    )
    assert replaced.grad.tolist() == [0, 0, 0] and replaced.grad is not old and old.isnan().all()


def test_views_of_arguments_show_the_changes_and_results_may_be_views(call):
    f = call("def f(x):\n    x[1].mul_(2)\n    return x[0]")
    x = torch.ones(3, 2)
    row = x[1]
    got = f(x)
    assert row.tolist() == [2, 2]
    got.zero_()
    assert x[0].tolist() == [0, 0]


def test_one_object_twice_is_one_object_there_and_memory_is_shared_there(call):
    f = call("def f(a, b, c): return a is b, a.data_ptr() == c.data_ptr(), c.stride()")
    x = torch.zeros(4, 3)
    assert f(x, x, x.t()) == (True, True, (1, 3))


def test_a_result_that_is_an_argument_is_the_argument(call):
    x = torch.ones(2)
    assert call("def f(x): return [x.mul_(3), x]")(x)[1] is x and x.tolist() == [3, 3]


def test_changes_come_back_with_an_exception_too(call):
    f = call(
        """
def f(net, x):
    net.eval()
    net.weight.requires_grad_(False)
    x.zero_()
    torch.set_grad_enabled(False)
    raise ValueError("after all")
"""
    )
    net, x = nn.Linear(2, 1), torch.ones(2)
    with pytest.raises(ValueError, match="after all"):
        f(net, x)
    kept = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    assert not kept and not net.training and not net.weight.requires_grad and x.tolist() == [0, 0]


def test_shapes_dtypes_and_memory_that_changed(call):
    f = call("def f(net, x):\n    net.double()\n    x.t_()\n    net.bias.data = torch.ones(5).double()")
    net, x = nn.Linear(3, 2), torch.arange(6.0).reshape(2, 3)
    weight = net.weight
    f(net, x)
    assert net.weight is weight and weight.dtype == torch.float64 and net.bias.tolist() == [1] * 5
    assert x.shape == (3, 2) and x[1].tolist() == [1, 4]


def test_plain_attributes_buffers_and_new_parameters_of_a_module_come_back(call):
    f = call(
        """
def f(net):
    net.module.negative_slope = 0.5
    net(torch.ones(1))
    net.scale = nn.Parameter(torch.ones(2))
"""
    )
    net = Counted(nn.LeakyReLU())
    f(net)
    assert net.module.negative_slope == 0.5 and net.calls.tolist() == [0, 1] and net.scale.tolist() == [1, 1]


def test_networks_whose_structure_changed_are_refused(call):
    with pytest.raises(Malformed, match="Sequential is no longer what it was"):
        call("def f(net): net.append(nn.ReLU())")(nn.Sequential(nn.Linear(1, 1)))


def test_schedulers_scalers_and_generators_come_back(call):
    f = call(
        """
def f(scheduler, scaler, generator, net):
    scaler.scale(net(torch.ones(1, 1)).sum()).backward()
    scaler.step(scheduler.optimizer)
    scaler.update()
    scheduler.step()
    return torch.rand(2, generator=generator)
"""
    )
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    scaler, generator = torch.amp.GradScaler("cpu", growth_interval=1), torch.Generator().manual_seed(5)
    drawn = f(scheduler, scaler, generator, net)
    twin = torch.Generator().manual_seed(5)
    assert torch.equal(drawn, torch.rand(2, generator=twin))
    assert torch.equal(torch.rand(2, generator=generator), torch.rand(2, generator=twin))
    assert optimizer.param_groups[0]["lr"] == 0.5 and scheduler.last_epoch == 1
    assert scaler.state_dict()["_growth_tracker"] == 0


def test_random_numbers_go_on_where_the_call_left_them(call):
    f = call("def f(): return torch.rand(2).tolist(), numpy.random.rand(), random.random()")
    for draw in (f, lambda: (torch.rand(2).tolist(), numpy.random.rand(), random.random())):
        torch.manual_seed(3), numpy.random.seed(3), random.seed(3)
        first = draw()
        rest = torch.rand(1).item(), numpy.random.rand(), random.random()
        if draw is f:
            expected = first, rest
    assert (first, rest) == expected


def test_grad_mode_holds_there_and_stays_here(call):
    f = call("def f(): return torch.is_grad_enabled()")
    with torch.no_grad():
        assert f() is False and not torch.is_grad_enabled()
    assert f() is True and torch.is_grad_enabled()


def test_a_data_loader_and_functions_of_the_checks_travel(call):
    loader = torch.utils.data.DataLoader(torch.arange(6.0), batch_size=2)
    scale = 3
    f = call("def f(loader, g): return [g(batch).tolist() for batch in loader]")
    assert f(loader, lambda batch: scale * batch) == [[0, 3], [6, 9], [12, 15]]


def test_tensors_without_values_travel(call):
    f = call("def f(net, n): return net(torch.randn(n, 2, device=next(net.parameters()).device))")
    net = nn.Linear(2, 3, device="meta")
    out = f(net, 4)
    assert out.device.type == "meta" and out.shape == (4, 3) and net.weight.device.type == "meta"


# gradients


def test_gradients_lead_through_a_call_to_every_input(call):
    code = "def f(net, x, y): return (net(x) * y).sum(), (x * y).mean()"
    names = {}
    exec(IMPORTS + code, names)
    net = nn.Linear(3, 2)
    x, y = torch.randn(4, 3, requires_grad=True), torch.randn(4, 1).requires_grad_() * 2
    for f in (names["f"], call(code)):
        first, second = f(net, x, y)
        slopes = torch.autograd.grad(2 * first + second, [x, y, *net.parameters()])
        if f is names["f"]:
            expected = slopes
    assert first.requires_grad
    for got, wanted in zip(slopes, expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_a_penalty_that_is_itself_a_gradient_reaches_the_critic(call):
    code = """
def f(critic, x):
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()
"""
    names = {}
    exec(IMPORTS + code, names)
    torch.manual_seed(1)
    here = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    there, x = copy.deepcopy(here), torch.randn(5, 3)
    names["f"](here, x).backward()
    call(code)(there, x).backward()
    for one, other in zip(here.parameters(), there.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad)


def test_gradients_lead_through_a_call_that_freezes_an_argument(call):
    net, x = nn.Linear(3, 1), torch.randn(4, 3, requires_grad=True)
    loss = call("def f(net, x):\n    net.requires_grad_(False)\n    return net(x).sum()")(net, x)
    (slope,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(slope, net.weight.expand(4, 3))


def test_a_gradient_with_a_graph_still_has_one_there_and_can_be_cut(call):
    f = call(
        """
def f(p):
    seen = p.grad.grad_fn is not None
    p.grad.zero_()
    p.grad.detach_()
    return seen
"""
    )
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    (weight.grad,) = torch.autograd.grad((weight**3).sum(), weight, create_graph=True)
    alias = weight.grad.detach()
    assert f(weight) is True
    assert not weight.grad.requires_grad and weight.grad.grad_fn is None and alias.tolist() == [0, 0]


def test_leftover_gradients_are_seen_there(call):
    net = nn.Linear(2, 1)
    fill_gradients(net, torch.Generator().manual_seed(0))
    assert call("def f(net): return net.weight.grad")(net) is net.weight.grad


# answers that are none


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("a = []\n    a.append(a)\n    return a", "contains itself"),
        ("return lambda: 1, object()", None),
        ("return torch.eye(2).to_sparse()", "cannot travel"),
        ("return 10 ** 5000", "cannot travel"),
        ("return {i: i for i in range(30000)}", "entries, above the limit"),
        ("return torch.zeros(1).expand(1 << 30)", "elements, above the limit"),
        ("return list(range(600000))", "parts"),
        ("return 'x' * (1 << 25)", "above the limit"),
    ],
)
def test_results_that_cannot_travel_are_named(call, code, message):
    f = call(f"def f():\n    {code}")
    if message is None:
        assert isinstance(f()[0], RemoteFunction)
    else:
        with pytest.raises((TypeError, Malformed), match=message):
            f()


def test_a_number_that_only_looks_like_a_float_does_not_become_one(call):
    got = call(
        """
class Lie(float):
    def __eq__(self, other): return True
    def __hash__(self): return 1
def f(): return Lie(3)
"""
    )()
    assert not isinstance(got, float)


def test_a_tensor_that_lies_about_itself_is_its_values(call):
    f = call(
        """
class Lie(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.tensor(True)
def f(): return torch.tensor([1.0, 2.0]).as_subclass(Lie)
"""
    )
    got = f()
    assert type(got) is torch.Tensor and got.tolist() == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        "torch.zeros(1).expand(1 << 26)",
        "numpy.zeros(1 << 26, numpy.uint8)",
        "[torch.zeros(1).expand(1 << 20)] * 100",
        "[x] * 2000",
    ],
)
def test_an_answer_of_few_bytes_and_many_elements_is_refused(call, answer):
    with pytest.raises(Malformed, match="elements"):
        call(f"def f(x): return {answer}")(torch.zeros(1 << 16))


def test_large_arguments_are_no_answers(call):
    images = torch.zeros(40_000_000, dtype=torch.uint8)
    assert call("def f(x): x[3] = 7; return x[3]")(images) == 7 and images[3] == 7


def test_two_networks_with_gradients_and_optimizers_fit(call):
    nets = [nn.Linear(2000, 1600, bias=False) for _ in range(2)]
    optimizers = [torch.optim.Adam(net.parameters()) for net in nets]
    step = call(
        "def f(nets, optimizers):\n"
        "    for net, optimizer in zip(nets, optimizers):\n"
        "        net(torch.ones(1, 2000)).sum().backward(); optimizer.step()"
    )
    step(nets, optimizers)
    assert all(net.weight.grad is not None for net in nets)
    assert all(len(optimizer.state) == 1 for optimizer in optimizers)
