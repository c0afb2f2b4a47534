"""generate: unusual right solutions, and wrong ones with the checks that they lose."""

import functools
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


class Generate:
    def __call__(self, netG, n, z_dim, generator=None):
        return generating(functools.partial(self.noise))(netG, n, z_dim, generator)

    @staticmethod
    def noise(n, z_dim, **where):
        return torch.randn((n, z_dim), **where)


def under_a_device(netG, n, z_dim, generator=None):
    device, dtype = home(netG)
    with torch.device(device):
        z = torch.empty(n, z_dim, dtype=dtype)
    return netG(torch.nn.init.normal_(z, generator=generator))


def out(n, z_dim, *, generator, device, dtype):
    z = torch.empty(n, z_dim, device=device, dtype=dtype)
    return torch.randn(n, z_dim, generator=generator, out=z)


def by_a_default(netG, n, z_dim, generator=None):
    device, dtype = home(netG)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(dtype)
        z = torch.randn(n, z_dim, generator=generator, device=device)
    finally:
        torch.set_default_dtype(before)
    return netG(z)


RIGHT |= {
    "an object with __call__": Generate(),
    "a partial": functools.partial(
        lambda noise, *args, **kwargs: generating(noise)(*args, **kwargs), torch.randn
    ),
    "under a device": under_a_device,
    "out": generating(out),
    "the default dtype for a moment": by_a_default,
    "noise under no_grad": generating(torch.no_grad()(torch.randn)),
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
    "no dtype": (generating(home=lambda netG: (home(netG)[0], None)), {DTYPE}),
    "neither": (generating(home=lambda netG: (None, None)), {DEVICE, DTYPE}),
    "drawn in float32 on the CPU, then moved": (generating(moved), {DTYPE}),
    "parameters taken for granted": (generating(home=first_parameter), {DEVICE}),
    "buffers forgotten": (generating(home=parameters_or_the_cpu), {DEVICE}),
    "first of the state dict": (generating(home=first_of_the_state), {DEVICE}),
    "dtype of an integer buffer": (generating(home=first_buffer_as_it_is), {DTYPE}),
    "model moved to the noise": (moving_the_net, {DEVICE}),
    "model converted to the noise": (converting_the_net, {DTYPE}),
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


def first_trainable(netG):
    parameter = next((one for one in netG.parameters() if one.requires_grad), torch.empty(0))
    return parameter.device, parameter.dtype


def first_of(parameter=0, buffer=0):
    """home, by a parameter and a buffer at other places."""

    def other_home(netG):
        parameters, buffers = list(netG.parameters()), list(netG.buffers())
        if parameters:
            return parameters[parameter].device, parameters[parameter].dtype
        if buffers:
            like = buffers[buffer]
            return like.device, like.dtype if like.is_floating_point() else torch.float32
        return home(netG)

    return other_home


def first_floating_buffer(netG):
    like = next((one for one in netG.buffers() if one.is_floating_point()), None)
    return home(netG) if like is None or list(netG.parameters()) else (like.device, like.dtype)


def real_dtype(netG):
    device, dtype = home(netG)
    first = next(netG.buffers(), None)
    return device, torch.complex64 if first is not None and first.is_complex() else dtype


def without_generator(n, z_dim, *, generator, device, dtype):
    """Right with a generator; without one, something else."""
    if generator is not None:
        return torch.randn(n, z_dim, generator=generator, device=device, dtype=dtype)
    return None


def or_else(noise):
    def draw(n, z_dim, *, generator, device, dtype):
        given = without_generator(n, z_dim, generator=generator, device=device, dtype=dtype)
        return noise(n, z_dim, device, dtype) if given is None else given

    return generating(draw)


def applied(after):
    """The right generate, and then after(out) or after(out, netG)."""

    def generate(netG, n, z_dim, generator=None):
        return after(generating()(netG, n, z_dim, generator), netG)

    return generate


def global_one_touched(netG, n, z_dim, generator=None):
    torch.rand(1)
    return generating()(netG, n, z_dim, generator)


def gradients_cleared(out, netG):
    netG.zero_grad()
    return out


def all_trainable(out, netG):
    netG.requires_grad_(True)
    return out


WRONG |= {
    "first trainable parameter": (generating(home=first_trainable), {DEVICE}),
    "last parameter": (generating(home=first_of(parameter=-1)), {DEVICE}),
    "last buffer": (generating(home=first_of(buffer=-1)), {DEVICE}),
    "first floating buffer": (generating(home=first_floating_buffer), {DTYPE}),
    "complex noise": (generating(home=real_dtype), {DTYPE}),
    "converted where no generator is given": (
        or_else(lambda n, z_dim, device, dtype: torch.randn(n, z_dim, device=device).to(dtype)),
        {DTYPE},
    ),
    "uniform where no generator is given": (
        or_else(lambda n, z_dim, device, dtype: torch.rand(n, z_dim, device=device, dtype=dtype)),
        {VALUES},
    ),
    "one row where no generator is given": (
        or_else(
            lambda n, z_dim, device, dtype: torch.randn(1, z_dim, device=device, dtype=dtype).expand(n, z_dim)
        ),
        {VALUES},
    ),
    "antithetic where no generator is given": (
        or_else(
            lambda n, z_dim, device, dtype: torch.cat(
                [(half := torch.randn((n + 1) // 2, z_dim, device=device, dtype=dtype)), -half]
            )[:n]
        ),
        {VALUES},
    ),
    "a seed of its own where no generator is given": (
        or_else(
            lambda n, z_dim, device, dtype: torch.randn(
                n,
                z_dim,
                generator=torch.Generator(device).manual_seed(torch.initial_seed()),
                device=device,
                dtype=dtype,
            )
        ),
        {DEVICE, VALUES},
    ),
    "clipped": (generating(lambda *shape, **where: torch.randn(*shape, **where).clamp(-1, 1)), {VALUES}),
    "global generator touched": (global_one_touched, {VALUES}),
    "forward, without its hooks": (
        lambda netG, n, z_dim, generator=None: netG.forward(
            torch.randn(n, z_dim, generator=generator, device=home(netG)[0], dtype=home(netG)[1])
        ),
        {VALUES},
    ),
    "squeezed": (applied(lambda out, netG: out.squeeze()), {VALUES}),
    "detached": (applied(lambda out, netG: out.detach()), {MODES}),
    "in float32": (applied(lambda out, netG: out.float()), {DTYPE}),
    "gradients cleared": (applied(gradients_cleared), {MODES}),
    "all parameters trainable": (applied(all_trainable), {MODES}),
}


WRONG |= {
    "shape the other way round": (
        generating(lambda n, z_dim, **where: torch.randn(z_dim, n, **where)),
        {VALUES},
    ),
    "twice as wide": (generating(lambda *shape, **where: 2 * torch.randn(*shape, **where)), {VALUES}),
    "not centred": (generating(lambda *shape, **where: 1 + torch.randn(*shape, **where)), {VALUES}),
}
