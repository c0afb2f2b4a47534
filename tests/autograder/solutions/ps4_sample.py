"""sample: unusual right solutions, and wrong ones with the checks that they lose."""

import contextlib
import copy

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


RIGHT = {
    solution.__name__: solution
    for solution in (of_a_copy, copy_without_gradients, functional, filled_in, inference_and_clone)
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


V, P, R, E, G = "sample-values", "sample-passes", "sample-restored", "sample-exception", "sample-graph"
ONE = {"chunks": lambda z, batch_size: [z]}
WRONG = {
    "training mode": (sampling(evaluate=False), {V, R, E, G}),
    "left in evaluation mode": (sampling(restore=None), {R, E}),
    "always back to training mode": (sampling(restore="train"), {R, E}),
    "back to the root's mode": (sampling(restore="root"), {R, E}),
    "modes lost by an exception": (sampling(safe=False), {E}),
    "with a graph": (sampling(mode=contextlib.nullcontext), {G}),
    "graph cut afterwards": (
        sampling(mode=contextlib.nullcontext, after=lambda net, out: out.detach()),
        {G},
    ),
    "inference tensors": (sampling(mode=torch.inference_mode), {G}),
    "grad mode left off": (grad_left_off, {E, G}),
    "grad mode forced on": (grad_forced_on, {G}),
    "exception swallowed": (exception_swallowed, {E}),
    "exception replaced": (exception_replaced, {E}),
    "statistics moved": (training_pass_first, {V, R, G}),
    "children only": (children_only, {R, E, G}),
    "flags of the weights": (weights_frozen, {R, E}),
    "gradients dropped": (gradients_dropped, {R, E}),
    "last rows dropped": (sampling(chunks=equal_chunks_only), {V, P, G}),
    "batch_size as a number of chunks": (sampling(chunks=as_a_count), {P}),
    "batch_size ignored": (sampling(**ONE), {P}),
    "row by row": (sampling(chunks=lambda z, batch_size: z.split(1)), {P}),
    "first chunk only": (sampling(combine=lambda parts: parts[0]), {V, P, G}),
    "chunks stacked backwards": (sampling(combine=lambda parts: torch.cat(parts[::-1])), {V, G}),
    "other noise": (noise_replaced, {V, E, G}),
    "a list of chunks": (sampling(combine=list), {V, P, G}),
}
