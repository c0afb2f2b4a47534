"""Steps replayed from a captured graph: on a GPU, and everywhere from a stand-in for the graph."""

from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gan_lib.networks import dcgan_discriminator, dcgan_generator
from gan_lib.objectives import non_saturating, wasserstein
from gan_lib.training import (
    CapturedStep,
    Engine,
    KerasAdam,
    TrainConfig,
    gradient_norm,
    simultaneous_step,
    train,
)

pytestmark = pytest.mark.usefixtures("one_thread")
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=on_a_gpu)]


class Tape(TorchDispatchMode):
    """What a CUDA graph does, on the CPU: the kernels of a block, run again on the same places in memory.

    Nothing is computed while a real graph is captured. Here it has to be, and is undone.
    """

    def __init__(self):
        super().__init__()
        self.calls, self.changed = [], []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        given = [leaf for leaf in tree_leaves((arguments, keywords)) if isinstance(leaf, torch.Tensor)]
        before = [(tensor, tensor.clone()) for tensor in given]
        result = function(*arguments, **(keywords or {}))
        self.calls.append((function, arguments, keywords or {}, result))
        self.changed += [(tensor, value) for tensor, value in before if not torch.equal(tensor, value)]
        return result

    @contextmanager
    def capture(self, stream):
        with torch.random.fork_rng(devices=[]), self:
            yield
        with kernels_alone():
            for tensor, value in reversed(self.changed):
                tensor.copy_(value)

    def replay(self):
        with kernels_alone():
            for function, arguments, keywords, places in self.calls:
                again = function(*arguments, **keywords)
                for place, value in zip(tree_leaves(places), tree_leaves(again), strict=True):
                    if isinstance(place, torch.Tensor) and place.data_ptr() != value.data_ptr():
                        place.copy_(value)


def kernels_alone():
    """A graph knows nothing of autograd."""
    return torch._C._AutoDispatchBelowAutograd()


class Stream:
    def __init__(self, device):
        pass

    def wait_stream(self, other):
        pass


@pytest.fixture
def graphs(monkeypatch):
    """`torch.cuda` with tapes in place of graphs, where there is no GPU."""
    if torch.cuda.is_available():
        return
    # the names that a capture needs: each would ask for a driver
    fakes = {"CUDAGraph": Tape, "graph": Tape.capture, "Stream": Stream, "current_stream": Stream}
    for name, fake in (fakes | {"stream": lambda stream: nullcontext()}).items():
        monkeypatch.setattr(torch.cuda, name, fake)


def make_game(device, precision="float32", objective=non_saturating):
    """The arguments of a captured step: the course's pair, small, with dropout and batch norm."""
    torch.manual_seed(0)
    pair = dcgan_generator(latent_dim=8, width=4), dcgan_discriminator(width=4)
    pair = [network.to(device) for network in pair]
    adam = [KerasAdam(network.parameters(), 1e-3, (0.5, 0.999)) for network in pair]
    return *pair, *adam, objective, Engine(precision, device)


def batches_of(device, count, size=16):
    source = torch.Generator().manual_seed(1)
    for _ in range(count):
        real = torch.rand(size, 3, 32, 32, generator=source) * 2 - 1
        yield real.to(device), torch.randn(size, 8, generator=source).to(device)


def played(step, game, device):
    """All that five steps with ``step(real, noise)`` leave: losses, norms, weights, buffers, optimizers."""
    torch.manual_seed(2)  # the masks of dropout
    losses, norms = [], []
    for real, noise in batches_of(device, 5):
        losses.append(step(real, noise))
        norms.append([gradient_norm(network) for network in game[:2]])
    state = [network.state_dict() for network in game[:2]] + [adam.state_dict() for adam in game[2:4]]
    return losses, norms, state, torch.rand(1, device=device)


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("objective", [non_saturating, wasserstein], ids=["non_saturating", "wasserstein"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_replayed_step_is_the_simultaneous_step(graphs, device, precision, objective):
    plain, captured = (make_game(device, precision, objective) for _ in range(2))
    *game, engine = plain

    def step(real, noise):
        return simultaneous_step(*game[:4], real, noise, objective, engine=engine)

    found = [
        tree_leaves(played(step, plain, device)),
        tree_leaves(played(CapturedStep(*captured), captured, device)),
    ]
    for a, b in zip(*found, strict=True):
        if not isinstance(a, torch.Tensor):
            assert a == b
        else:  # a GPU may add up in another order
            near = {"rtol": 1e-3, "atol": 1e-4} if device == "cuda" else {"rtol": 0.0, "atol": 0.0}
            torch.testing.assert_close(a, b, equal_nan=True, **near)  # NaN: the norm of an overflow


def test_a_batch_of_another_size_is_refused_and_changes_nothing(graphs):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    game = make_game(device)
    step = CapturedStep(*game)
    step(*next(batches_of(device, 1)))
    before = [weight.clone() for weight in game[0].parameters()]
    with pytest.raises(ValueError, match=r"real must have the same shape .*\(16, 3, 32, 32\) was captured"):
        step(*next(batches_of(device, 1, size=8)))
    assert all(torch.equal(a, b) for a, b in zip(before, game[0].parameters(), strict=True))


IMAGES = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def tiny(out, **changes):
    settings = {"width": 2, "latent_dim": 4, "batch_size": 16, "epochs": 2, "out": str(out), "ema_decay": 0.9}
    return TrainConfig(**settings | changes)


@on_a_gpu
def test_a_run_on_a_gpu_may_be_captured_and_goes_on_uncaptured(tmp_path):
    results = []
    for name, ways in (("plain", (False, False)), ("captured", (True, True)), ("half", (True, False))):
        for epochs, capture in zip((1, 2), ways, strict=True):
            config = tiny(tmp_path / name, device="cuda", epochs=epochs, capture=capture)
            result = train(config, IMAGES)
        results.append(torch.cat([weight.flatten() for weight in result.ema.state_dict().values()]))
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "cpu"},
        {"update": "alternating"},
        {"penalty": "r1"},
        {"network": "sngan", "conditional": True},
        {"devices": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_cannot_be_captured_is_refused(tmp_path, changes):
    with pytest.raises(ValueError, match="capture needs a GPU, one process, update 'simultaneous'"):
        tiny(tmp_path, capture=True, **changes)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_auto_does_not_capture_without_a_gpu_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="capture makes CUDA graphs, and device 'auto' is the cpu here"):
        train(tiny(tmp_path / "run", capture=True), IMAGES)
    assert not (tmp_path / "run").exists()
