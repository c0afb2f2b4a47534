"""generate: unusual right solutions, and wrong ones with the checks that they lose."""

import itertools

import torch


def home(netG):
    """Device and dtype that the contract asks for, spelled out."""
    for tensor in netG.parameters():
        return tensor.device, tensor.dtype
    for tensor in netG.buffers():
        return tensor.device, tensor.dtype if tensor.is_floating_point() else torch.float32
    return torch.device("cpu"), torch.float32


def generating(noise=torch.randn, home=home):
    """A generate that draws by noise(n, z_dim, generator=, device=, dtype=), on home(netG)."""

    def generate(netG, n, z_dim, generator=None):
        device, dtype = home(netG)
        return netG(noise(n, z_dim, generator=generator, device=device, dtype=dtype))

    return generate


def empty_then_normal(n, z_dim, *, generator, device, dtype):
    return torch.empty(n, z_dim, device=device, dtype=dtype).normal_(generator=generator)


def flat_then_view(n, z_dim, *, generator, device, dtype):
    return torch.randn(n * z_dim, generator=generator, device=device, dtype=dtype).view(n, z_dim)


def torch_normal(n, z_dim, *, generator, device, dtype):
    return torch.normal(0.0, 1.0, (n, z_dim), generator=generator, device=device, dtype=dtype)


def from_a_tensor_of_the_model(netG, n, z_dim, generator=None):
    tensors = itertools.chain(netG.parameters(), netG.buffers(), [torch.empty(0)])
    like = next(tensors)
    if not like.is_floating_point():
        like = torch.empty(0, device=like.device)
    return netG(like.new_empty(n, z_dim).normal_(generator=generator))


def by_exception(netG, n, z_dim, generator=None):
    try:
        like = next(netG.parameters())
    except StopIteration:
        like = ([*netG.buffers()] or [torch.zeros(1)])[0]
    dtype = like.dtype if like.is_floating_point() else None
    return netG(torch.randn((n, z_dim), generator=generator, device=like.device, dtype=dtype))


RIGHT = {
    "empty, then normal_": generating(empty_then_normal),
    "flat, then view": generating(flat_then_view),
    "torch.normal": generating(torch_normal),
    "new_empty of a tensor of the model": from_a_tensor_of_the_model,
    "by exception": by_exception,
}


def moved(n, z_dim, *, generator, device, dtype):
    return torch.randn(n, z_dim, generator=generator).to(device, dtype)


def uniform(n, z_dim, *, generator, device, dtype):
    return torch.rand(n, z_dim, generator=generator, device=device, dtype=dtype)


def scaled_uniform(n, z_dim, *, generator, device, dtype):
    return (uniform(n, z_dim, generator=generator, device=device, dtype=dtype) * 2 - 1) * 3**0.5


def deaf(n, z_dim, *, generator, device, dtype):
    return torch.randn(n, z_dim, device=device, dtype=dtype)


def seeded(n, z_dim, *, generator, device, dtype):
    torch.manual_seed(0)
    return torch.randn(n, z_dim, generator=generator, device=device, dtype=dtype)


def transposed(n, z_dim, *, generator, device, dtype):
    return torch.randn(z_dim, n, generator=generator, device=device, dtype=dtype).T


def moving_the_net(netG, n, z_dim, generator=None):
    return netG.to("cpu")(torch.randn(n, z_dim, generator=generator, dtype=home(netG)[1]))


def converting_the_net(netG, n, z_dim, generator=None):
    return netG.float()(torch.randn(n, z_dim, generator=generator, device=home(netG)[0]))


def without_graph(netG, n, z_dim, generator=None):
    with torch.no_grad():
        return generating()(netG, n, z_dim, generator)


def in_evaluation_mode(netG, n, z_dim, generator=None):
    return generating()(netG.eval(), n, z_dim, generator)


def back_to_training_mode(netG, n, z_dim, generator=None):
    netG.eval()
    out = generating()(netG, n, z_dim, generator)
    netG.train()
    return out


def grad_mode_left_on(netG, n, z_dim, generator=None):
    torch.set_grad_enabled(True)
    return generating()(netG, n, z_dim, generator)


DEVICE, DTYPE, VALUES, MODES = "noise-device", "noise-dtype", "noise-values", "noise-modes"


def first_parameter(netG):
    parameter = next(netG.parameters())
    return parameter.device, parameter.dtype


def first_of_the_state(netG):
    tensor = next(iter(netG.state_dict().values()), torch.empty(0))
    return tensor.device, tensor.dtype if tensor.is_floating_point() else torch.float32


def first_buffer_as_it_is(netG):
    tensor = next(itertools.chain(netG.parameters(), netG.buffers()), torch.empty(0))
    return tensor.device, tensor.dtype


def parameters_or_the_cpu(netG):
    parameter = next(netG.parameters(), torch.empty(0))
    return parameter.device, parameter.dtype


WRONG = {
    "no device": (generating(home=lambda netG: (None, home(netG)[1])), {DEVICE}),
    "no dtype": (generating(home=lambda netG: (home(netG)[0], None)), {DTYPE, VALUES}),
    "neither": (generating(home=lambda netG: (None, None)), {DEVICE, DTYPE, VALUES}),
    "drawn in float32 on the CPU, then moved": (generating(moved), {VALUES}),
    "parameters taken for granted": (generating(home=first_parameter), {DEVICE, DTYPE}),
    "buffers forgotten": (generating(home=parameters_or_the_cpu), {DEVICE, DTYPE}),
    "first of the state dict": (generating(home=first_of_the_state), {DTYPE}),
    "dtype of an integer buffer": (generating(home=first_buffer_as_it_is), {DEVICE, DTYPE}),
    "model moved to the noise": (moving_the_net, {DEVICE}),
    "model converted to the noise": (converting_the_net, {DTYPE, VALUES}),
    "uniform": (generating(uniform), {VALUES}),
    "uniform with mean 0 and standard deviation 1": (generating(scaled_uniform), {VALUES}),
    "generator ignored": (generating(deaf), {VALUES}),
    "seeded inside": (generating(seeded), {VALUES}),
    "transposed draw": (generating(transposed), {VALUES}),
    "no_grad": (without_graph, {MODES}),
    "evaluation mode": (in_evaluation_mode, {MODES}),
    "evaluation and back": (back_to_training_mode, {MODES}),
    "grad mode switched on": (grad_mode_left_on, {MODES}),
}
