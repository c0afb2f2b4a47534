"""sample: unusual right solutions, and wrong ones with the checks that they lose."""

import contextlib
import copy
import functools

import numpy as np
import torch

# ---- right


@torch.no_grad()
def of_a_copy(netG, z, batch_size=None):
    net = copy.deepcopy(netG).eval()
    rows = batch_size or len(z)
    return torch.cat([net(z[start : start + rows]) for start in range(0, len(z), rows)])


def copy_without_gradients(netG, z, batch_size=None):
    """No parameter of the copy needs a gradient: no graph, with the grad mode as it is."""
    net = copy.deepcopy(netG).eval().requires_grad_(False)
    chunks = [z.detach()] if batch_size is None else z.detach().split(batch_size)
    return torch.cat([net(chunk) for chunk in chunks])


def functional(netG, z, batch_size=None):
    state = {name: value.detach().clone() for name, value in netG.state_dict().items()}
    flags = {module: module.training for module in netG.modules()}
    for module in flags:
        module.training = False
    try:
        z = z.detach()
        chunks = [z] if batch_size is None else z.split(batch_size)
        return torch.cat([torch.func.functional_call(netG, state, (chunk,)) for chunk in chunks])
    finally:
        for module, flag in flags.items():
            module.training = flag


def filled_in(netG, z, batch_size=None):
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        for module in netG.modules():
            stack.callback(setattr, module, "training", module.training)
            module.training = False
        rows, out = batch_size or len(z), None
        for start in range(0, len(z), rows):
            part = netG(z[start : start + rows])
            out = part.new_empty(len(z), *part.shape[1:]) if out is None else out
            out[start : start + rows] = part
        return out


def inference_and_clone(netG, z, batch_size=None):
    flags = [module.training for module in netG.modules()]
    netG.eval()
    try:
        with torch.inference_mode():
            chunks = [z] if batch_size is None else z.split(batch_size)
            parts = [netG(chunk) for chunk in chunks]
        return torch.cat([part.clone() for part in parts])
    finally:
        for module, flag in zip(netG.modules(), flags, strict=True):
            module.training = flag


def graph_of_a_copy_cut_off(netG, z, batch_size=None):
    """The copy's graph is not netG's; nothing of it is left in the samples."""
    net = copy.deepcopy(netG).eval()
    return torch.cat([net(chunk).detach() for chunk in z.split(batch_size or len(z))])


def through_numpy(netG, z, batch_size=None):
    net = copy.deepcopy(netG).eval()
    rows = batch_size or len(z)
    parts = [net(z[start : start + rows]).detach().numpy() for start in range(0, len(z), rows)]
    return torch.from_numpy(np.concatenate(parts))


class Sampler:
    """A callable that is no function, with a context manager of its own."""

    @contextlib.contextmanager
    def borrowed(self, net):
        flags = {name: module.training for name, module in net.named_modules()}
        try:
            yield net.eval()
        finally:
            for name, module in net.named_modules():
                module.training = flags[name]

    @torch.no_grad()
    def __call__(self, netG, z, batch_size=None):
        with self.borrowed(netG) as net:
            return torch.cat(list(map(net, torch.split(z, len(z) if batch_size is None else batch_size))))


def of_an_averaged_model(netG, z, batch_size=None):
    net = torch.optim.swa_utils.AveragedModel(netG).eval()
    with torch.no_grad():
        out = [net(chunk) for chunk in (z,) if batch_size is None]
        return torch.cat(out or [net(chunk) for chunk in z.split(batch_size)])


RIGHT = {
    solution.__name__: solution
    for solution in (
        *(of_a_copy, copy_without_gradients, functional, filled_in, inference_and_clone),
        *(graph_of_a_copy_cut_off, through_numpy, of_an_averaged_model),
    )
} | {
    "a callable object": Sampler(),
    "a partial function": functools.partial(of_a_copy),
}


# ---- wrong


def sampling(
    *,
    evaluate=True,
    restore="each",
    safe=True,
    mode=torch.no_grad,
    chunks=None,
    combine=torch.cat,
    after=None,
):
    """A sample with one of its parts exchanged."""

    def sample(netG, z, batch_size=None):
        flags = [(module, module.training) for module in netG.modules()]
        root = netG.training
        if evaluate:
            netG.eval()

        def back():
            if restore == "each":
                for module, flag in flags:
                    module.training = flag
            elif restore == "root":
                netG.train(root)
            elif restore == "train":
                netG.train()

        try:
            with mode():
                parts = [z] if batch_size is None else z.split(batch_size)
                out = combine([netG(part) for part in (parts if chunks is None else chunks(z, batch_size))])
        except Exception:
            if safe:
                back()
            raise
        back()
        return out if after is None else after(netG, out)

    return sample


def grad_left_off(netG, z, batch_size=None):
    out = sampling(mode=contextlib.nullcontext)
    torch.set_grad_enabled(False)
    return out(netG, z, batch_size)


def grad_forced_on(netG, z, batch_size=None):
    torch.set_grad_enabled(False)
    try:
        return sampling()(netG, z, batch_size)
    finally:
        torch.set_grad_enabled(True)


def exception_swallowed(netG, z, batch_size=None):
    try:
        return sampling()(netG, z, batch_size)
    except ValueError:
        return None


def exception_replaced(netG, z, batch_size=None):
    try:
        return sampling()(netG, z, batch_size)
    except Exception as error:
        raise RuntimeError("sampling failed") from error


def training_pass_first(netG, z, batch_size=None):
    with torch.no_grad():
        netG(z)
    return sampling()(netG, z, batch_size)


def children_only(netG, z, batch_size=None):
    flags = [(part, part.training) for part in netG.children()]
    for part, _ in flags:
        part.eval()
    try:
        with torch.no_grad():
            return torch.cat([netG(part) for part in ([z] if batch_size is None else z.split(batch_size))])
    finally:
        for part, flag in flags:
            part.train(flag)


def weights_frozen(netG, z, batch_size=None):
    return sampling()(netG.requires_grad_(False), z, batch_size)


def gradients_dropped(netG, z, batch_size=None):
    netG.zero_grad()
    return sampling()(netG, z, batch_size)


def equal_chunks_only(z, batch_size):
    rows = batch_size or len(z)
    return [z[i * rows : (i + 1) * rows] for i in range(max(1, len(z) // rows))]


def as_a_count(z, batch_size):
    return [z] if batch_size is None else z.chunk(batch_size)


def noise_replaced(netG, z, batch_size=None):
    return sampling()(netG, torch.randn_like(z), batch_size)


def restored_for(*errors):
    """Modes come back after these errors only."""

    def sample(netG, z, batch_size=None):
        flags = {module: module.training for module in netG.modules()}

        def back():
            for module, flag in flags.items():
                module.training = flag

        netG.eval()
        try:
            with torch.no_grad():
                out = torch.cat([netG(part) for part in ([z] if batch_size is None else z.split(batch_size))])
        except errors:
            back()
            raise
        back()
        return out

    return sample


def grad_forced_on_after_an_exception(netG, z, batch_size=None):
    try:
        return sampling()(netG, z, batch_size)
    except Exception:
        torch.set_grad_enabled(True)
        raise


def message_replaced(netG, z, batch_size=None):
    try:
        return sampling()(netG, z, batch_size)
    except Exception as error:
        raise type(error)("sampling failed") from None


def frozen_weights_for_no_graph(netG, z, batch_size=None):
    flags = [parameter.requires_grad for parameter in netG.parameters()]
    netG.requires_grad_(False)
    try:
        return sampling(mode=contextlib.nullcontext)(netG, z, batch_size)
    finally:
        for parameter, flag in zip(netG.parameters(), flags, strict=True):
            parameter.requires_grad_(flag)


def inference_tensor_of_one_chunk(netG, z, batch_size=None):
    rows = batch_size or len(z)
    mode = torch.no_grad if rows < len(z) else torch.inference_mode
    return sampling(mode=mode)(netG, z, batch_size)


def graph_in_the_first_chunk(netG, z, batch_size=None):
    first = sampling(mode=contextlib.nullcontext)(netG, z[: batch_size or len(z)]).detach()
    if len(first) == len(z):
        return first
    return torch.cat([first, sampling()(netG, z[len(first) :], batch_size)])


def noise_cut_off(netG, z, batch_size=None):
    with torch.no_grad():
        return sampling()(netG, z.clamp_(-1, 1) if z.is_floating_point() else z, batch_size)


def gradient_flag_left_on_the_noise(netG, z, batch_size=None):
    return sampling()(netG, z.requires_grad_() if z.is_floating_point() else z, batch_size)


def float32_only(netG, z, batch_size=None):
    return sampling()(netG, z.float(), batch_size)


def balanced_chunks(z, batch_size):
    return z.tensor_split(-(-len(z) // (batch_size or len(z))))


def smaller_chunk_first(z, batch_size):
    rest = len(z) % (batch_size or len(z))
    return [part for part in (z[:rest], *z[rest:].split(batch_size or len(z))) if len(part)]


def overlapping_chunks(netG, z, batch_size=None):
    """Every pass is full: the last chunk begins earlier, and what is there twice is dropped."""
    rows = min(batch_size or len(z), len(z))
    starts = [min(start, len(z) - rows) for start in range(0, len(z), rows)]
    out = sampling(chunks=lambda *_: [z[start : start + rows] for start in starts])(netG, z)
    twice = len(starts) * rows - len(z)
    return torch.cat([out[: len(out) - rows], out[len(out) - rows + twice :]])


def without_the_network(netG, z, batch_size=None):
    """Says that the right number of rows went together, and never calls netG."""
    rows = min(batch_size or len(z), len(z))
    return torch.full((len(z), 6), float(rows))


def a_huge_tensor(netG, z, batch_size=None):
    netG.train(not netG.training)
    return torch.full((1, 1), float(batch_size or len(z))).expand(2**28, 6)


def one_mode_forgotten(netG, z, batch_size=None):
    out = sampling()(netG, z, batch_size)
    list(netG.modules())[-1].eval()
    return out


def statistics_reset(netG, z, batch_size=None):
    out = sampling()(netG, z, batch_size)
    for module in netG.modules():
        if hasattr(module, "num_batches_tracked"):
            module.num_batches_tracked.zero_()
    return out


def nan_taken_out_of_the_statistics(netG, z, batch_size=None):
    for buffer in netG.buffers():
        if buffer.is_floating_point():
            buffer.nan_to_num_()
    return sampling()(netG, z, batch_size)


def spoils_its_arguments(netG, z, batch_size=None):
    for tensor in (z, *netG.parameters(), *netG.buffers()):
        if tensor.is_floating_point():
            tensor.data = torch.full_like(tensor, torch.nan)
    return torch.full((len(z), 3), torch.nan)


def empties_its_arguments(netG, z, batch_size=None):
    for tensor in (z, *netG.parameters(), *netG.buffers()):
        tensor.data = tensor.data.flatten()[:0]
    return torch.empty(0)


V, P, R, E, G = "sample-values", "sample-passes", "sample-restored", "sample-exception", "sample-graph"
ONE = {"chunks": lambda z, batch_size: [z]}
WRONG = {
    "training mode": (sampling(evaluate=False), {V}),
    "left in evaluation mode": (sampling(restore=None), {R}),
    "always back to training mode": (sampling(restore="train"), {R}),
    "back to the root's mode": (sampling(restore="root"), {R}),
    "modes lost by an exception": (sampling(safe=False), {E}),
    "with a graph": (sampling(mode=contextlib.nullcontext), {G}),
    "graph cut afterwards": (
        sampling(mode=contextlib.nullcontext, after=lambda net, out: out.detach()),
        {G},
    ),
    "inference tensors": (sampling(mode=torch.inference_mode), {G}),
    "grad mode left off": (grad_left_off, {G}),
    "grad mode forced on": (grad_forced_on, {G}),
    "exception swallowed": (exception_swallowed, {E}),
    "exception replaced": (exception_replaced, {E}),
    "statistics moved": (training_pass_first, {V, R}),
    "children only": (children_only, {V, R}),
    "flags of the weights": (weights_frozen, {R}),
    "gradients dropped": (gradients_dropped, {R}),
    "last rows dropped": (sampling(chunks=equal_chunks_only), {V, P}),
    "batch_size as a number of chunks": (sampling(chunks=as_a_count), {P}),
    "batch_size ignored": (sampling(**ONE), {P}),
    "row by row": (sampling(chunks=lambda z, batch_size: z.split(1)), {P}),
    "first chunk only": (sampling(combine=lambda parts: parts[0]), {V, P}),
    "chunks stacked backwards": (sampling(combine=lambda parts: torch.cat(parts[::-1])), {V, P}),
    "other noise": (noise_replaced, {V, P}),
    "a list of chunks": (sampling(combine=list), {V, P, G}),
    "modes restored after ValueError only": (restored_for(ValueError), {E}),
    "modes restored after RuntimeError only": (restored_for(RuntimeError), {E}),
    "grad mode forced on after an exception": (grad_forced_on_after_an_exception, {E}),
    "message replaced": (message_replaced, {E}),
    "weights frozen for no graph": (frozen_weights_for_no_graph, {G}),
    "inference tensor of one chunk": (inference_tensor_of_one_chunk, {G}),
    "graph in the first chunk": (graph_in_the_first_chunk, {G}),
    "noise cut off": (noise_cut_off, {V, P, R}),
    "requires_grad left on the noise": (gradient_flag_left_on_the_noise, {R}),
    "float32 only": (float32_only, {V}),
    "balanced chunks": (sampling(chunks=balanced_chunks), {P}),
    "smaller chunk first": (sampling(chunks=smaller_chunk_first), {P}),
    "overlapping chunks": (overlapping_chunks, {P}),
    "a hundred rows at most": (sampling(chunks=lambda z, b: z[:1000].split(b or 1000)), {V}),
    "without the network": (without_the_network, {V, P, E, G}),
    "a huge tensor": (a_huge_tensor, {V, P, R, E, G}),
    "one mode forgotten": (one_mode_forgotten, {R}),
    "counters reset": (statistics_reset, {R}),
    "nan taken out of the statistics": (nan_taken_out_of_the_statistics, {R}),
    "rounded": (sampling(after=lambda net, out: (out * 1e3).round() / 1e3), {V}),
    "another dtype": (sampling(after=lambda net, out: out.double()), {V, G}),
    "fills its arguments with nan": (spoils_its_arguments, {V, P, R, E, G}),
    "empties its arguments": (empties_its_arguments, {V, P, R, E, G}),
}
