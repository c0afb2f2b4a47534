"""train: unusual right solutions, and wrong ones with the checks that they lose."""

import functools
import itertools
import math
import random
import statistics

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset


def step(netG, netD, optG, optD, real, z):
    fake_logits, real_logits = netD(netG(z)), netD(real)
    g_loss = F.softplus(-fake_logits).mean()
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    optG.zero_grad(), optD.zero_grad()
    g_loss.backward(inputs=list(netG.parameters()), retain_graph=True)
    d_loss.backward(inputs=list(netD.parameters()))
    optG.step(), optD.step()
    return g_loss.item(), d_loss.item()


def scaled(images):
    return (images.float() - 127.5) / 127.5


def refuse(images, batch_size):
    if len(images) < batch_size:
        raise ValueError(f"{len(images)} images are less than a batch of {batch_size}")


# ---- right


def with_a_loader(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
    refuse(images, batch_size)
    order, noise = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    data = TensorDataset(scaled(images))
    loader = DataLoader(data, batch_size, shuffle=True, drop_last=True, generator=order)
    history = []
    for epoch in range(epochs):
        sums = np.zeros(2)
        for (real,) in loader:
            sums += step(netG, netD, optG, optD, real, torch.randn(batch_size, latent_dim, generator=noise))
        history.append(tuple(float(total) / len(loader) for total in sums))
        if on_epoch:
            on_epoch(epoch + 1, *history[-1])
    return history


def forked_global_generator(
    netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None
):
    refuse(images, batch_size)
    history = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for epoch in range(1, epochs + 1):
            order = torch.randperm(len(images))
            noise = torch.randn(len(images), latent_dim)
            losses = [
                step(
                    netG,
                    netD,
                    optG,
                    optD,
                    images[order[i : i + batch_size]].sub(127.5).div(127.5),
                    noise[i : i + batch_size],
                )
                for i in range(0, len(images) - batch_size + 1, batch_size)
            ]
            history.append(tuple(np.mean(losses, axis=0).tolist()))
            if on_epoch is not None:
                on_epoch(epoch, *history[-1])
    return history


def numpy_generator(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
    refuse(images, batch_size)
    rng, batches = np.random.default_rng([seed, 1]), len(images) // batch_size
    real = images.to(torch.float32) / 127.5 - 1
    history = []
    for epoch in range(epochs):
        order = torch.from_numpy(rng.permutation(len(images)))
        losses = []
        for batch in range(batches):
            z = torch.from_numpy(rng.standard_normal((batch_size, latent_dim))).float()
            index = order[batch * batch_size : (batch + 1) * batch_size]
            losses.append(step(netG, netD, optG, optD, real[index], z))
        g, d = (sum(column) / batches for column in zip(*losses, strict=True))
        history += [(g, d)]
        if on_epoch is not None:
            on_epoch(epoch + 1, g, d)
    return history


def one_generator_an_epoch(
    netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None
):
    refuse(images, batch_size)
    history = []
    for epoch in range(1, epochs + 1):
        generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        chosen = torch.rand(len(images), generator=generator).argsort()
        g_sum = d_sum = 0.0
        parts = [part for part in chosen.split(batch_size) if len(part) == batch_size]
        for part in parts:
            z = torch.empty(batch_size, latent_dim).normal_(generator=generator)
            g, d = step(netG, netD, optG, optD, scaled(images[part]), z)
            g_sum, d_sum = g_sum + g, d_sum + d
        history.append((g_sum / len(parts), d_sum / len(parts)))
        if on_epoch is not None:
            on_epoch(epoch, *history[-1])
    return history


def seeds_everything(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
    """The global generators of all libraries, and left as they are then."""
    refuse(images, batch_size)
    random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
    history = []
    for epoch in range(1, 1 + epochs):
        numbers = list(range(len(images)))
        random.shuffle(numbers)
        losses = []
        while len(numbers) >= batch_size:
            index = [numbers.pop() for _ in range(batch_size)]
            z = torch.tensor(np.random.normal(size=(batch_size, latent_dim)), dtype=torch.float32)
            losses.append(step(netG, netD, optG, optD, scaled(images[index]), z))
        history.append((statistics.fmean(g for g, _ in losses), statistics.fmean(d for _, d in losses)))
        if on_epoch is not None:
            on_epoch(epoch, *history[-1])
    return history


def own_random(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
    """Python's generator of its own, for the noise as well; all noise is drawn at first."""
    if not len(images) >= batch_size:
        raise ValueError
    rng, batches = random.Random(f"seed {seed}"), len(images) // batch_size
    orders = [rng.sample(range(len(images)), batches * batch_size) for _ in range(epochs)]
    noise = [[rng.gauss(0, 1) for _ in range(latent_dim)] for _ in range(epochs * batches * batch_size)]
    noise = iter(torch.tensor(noise).split(batch_size))
    history = []
    for number, order in enumerate(orders):
        losses = np.array(
            [
                step(netG, netD, optG, optD, scaled(images.index_select(0, torch.tensor(index))), next(noise))
                for index in zip(*[iter(order)] * batch_size, strict=False)
            ]
        )
        g_loss, d_loss = (math.fsum(column) / batches for column in losses.T)
        history.append((g_loss, d_loss))
        if on_epoch is not None:
            on_epoch(number + 1, g_loss, d_loss)
    return history


def batches_of_a_sampler(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
    """One generator for all; modes set anew in each epoch; float64 before the scaled images are rounded."""
    if images.shape[0] < batch_size:
        raise ValueError(f"{images.shape[0]} < {batch_size}")
    generator = torch.Generator().manual_seed(seed)
    sampler = BatchSampler(RandomSampler(images, generator=generator), batch_size, drop_last=True)
    history = []
    for epoch in itertools.count(1):
        if epoch > epochs:
            return history
        netG.train(), netD.train()
        total, batches = torch.zeros(2, dtype=torch.float64), 0
        for index in sampler:
            real = ((images[index].double() - 127.5) / 127.5).float()
            z = torch.randn(batch_size, latent_dim, generator=generator)
            total += torch.tensor(step(netG, netD, optG, optD, real, z), dtype=torch.float64)
            batches += 1
        history += [tuple((total / batches).tolist())]
        on_epoch and on_epoch(epoch, *history[-1])


class Trainer:
    """A callable that is no function; it keeps a table of the scaled values."""

    def __init__(self, update):
        self.update, self.values = update, (torch.arange(256).float() - 127.5) / 127.5

    def __call__(self, netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
        refuse(images, batch_size)
        rng = np.random.Generator(np.random.Philox(key=seed))
        return [
            self.epoch(epoch, rng, (netG, netD, optG, optD), images, batch_size, latent_dim, on_epoch)
            for epoch in range(1, epochs + 1)
        ]

    def epoch(self, number, rng, players, images, size, latent_dim, on_epoch):
        left, losses = set(range(len(images))), []
        while len(left) >= size:
            index = rng.choice(sorted(left), size, replace=False).tolist()
            left -= set(index)
            z = rng.standard_normal((size, latent_dim), dtype=np.float32)
            losses.append(self.update(*players, self.values[images[index].long()], torch.from_numpy(z)))
        means = tuple(sum(column) / len(losses) for column in zip(*losses, strict=True))
        if on_epoch is not None:
            on_epoch(number, *means)
        return means


def both_together(netG, netD, optG, optD, real, z):
    """The step with one pass of the discriminator."""
    real_logits, fake_logits = netD(torch.cat([real, netG(z)])).split([len(real), len(z)])
    g_loss = -F.logsigmoid(fake_logits).mean()
    d_loss = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    for net, loss in ((netG, g_loss), (netD, d_loss)):
        slopes = torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)
        for parameter, slope in zip(net.parameters(), slopes, strict=True):
            parameter.grad = slope
    optG.step(), optD.step()
    return g_loss.item(), d_loss.item()


def with_helpers(update, draw, netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed,
                 on_epoch=None):  # fmt: skip
    def batches(generator):
        order = torch.rand(len(images), generator=generator, dtype=torch.float64).sort().indices
        for start in range(0, len(images), batch_size):
            if start + batch_size <= len(images):
                index = order[start : start + batch_size]
                yield (
                    images[index].to(torch.float32).sub_(127.5).div_(127.5),
                    draw(generator, index, latent_dim),
                )

    def one(generator):
        losses = [update(netG, netD, optG, optD, real, z) for real, z in batches(generator)]
        return tuple(float(np.mean([loss[number] for loss in losses])) for number in (0, 1))

    refuse(images, batch_size)
    generator, history = torch.Generator().manual_seed(seed + 17), []
    for epoch in range(epochs):
        history.append(one(generator))
        (on_epoch or (lambda *_: None))(epoch + 1, *history[epoch])
    return history


def box_muller(generator, index, latent_dim):
    u, v = torch.rand(2, len(index), latent_dim, generator=generator, dtype=torch.float64)
    return (torch.sqrt(-2 * torch.log1p(-u)) * torch.cos(2 * math.pi * v)).float()


RIGHT = {
    solution.__name__: solution
    for solution in (
        with_a_loader,
        forked_global_generator,
        numpy_generator,
        one_generator_an_epoch,
        seeds_everything,
        own_random,
        batches_of_a_sampler,
    )
} | {
    "an object": Trainer(step),
    "both batches together": Trainer(both_together),
    "a partial function with helpers": functools.partial(with_helpers, step, box_muller),
}


# ---- wrong


def loop(
    *,
    seeded=lambda seed: torch.Generator().manual_seed(seed),
    refusal=refuse,
    order=lambda n, generator, epoch: torch.randperm(n, generator=generator),
    noise=lambda size, dim, generator: torch.randn(size, dim, generator=generator),
    prepare=scaled,
    last=False,
    update=step,
    mean=lambda column: sum(column) / len(column),
    call=lambda on_epoch, epoch, g, d: on_epoch(epoch, g, d),
    at_end=False,
    result=lambda history: history,
    before=lambda netG, netD: None,
    between=lambda netG, netD, optG, optD, real, z: None,
    after=lambda netG, netD: None,
):
    def train(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
        refusal(images, batch_size)
        before(netG, netD)
        generator, history = seeded(seed), []
        whole = len(images) if last else max(len(images) // batch_size * batch_size, 1)
        for epoch in range(1, epochs + 1):
            losses = []
            for index in order(len(images), generator, epoch)[:whole].split(batch_size):
                z = noise(len(index), latent_dim, generator)
                losses.append(update(netG, netD, optG, optD, prepare(images[index]), z))
            between(netG, netD, optG, optD, prepare(images[index]), z)
            history.append(tuple(mean(column) for column in zip(*losses, strict=True)))
            if on_epoch is not None and not at_end:
                call(on_epoch, epoch, *history[-1])
        after(netG, netD)
        if on_epoch is not None and at_end:
            for epoch, losses in enumerate(history, 1):
                on_epoch(epoch, *losses)
        return result(history)

    return train


def swapped(netG, netD, optG, optD, real, z):
    return step(netG, netD, optG, optD, real, z)[::-1]


def alternating(netG, netD, optG, optD, real, z):
    d_loss = F.softplus(-netD(real)).mean() + F.softplus(netD(netG(z).detach())).mean()
    optD.zero_grad()
    d_loss.backward()
    optD.step()
    g_loss = F.softplus(-netD(netG(z))).mean()
    optG.zero_grad()
    g_loss.backward()
    optG.step()
    return g_loss.item(), d_loss.item()


def python_order(n, generator, epoch):
    order = list(range(n))
    random.shuffle(order)
    return torch.tensor(order)


def fixed(size, dim, generator):
    return torch.randn(size, dim, generator=torch.Generator().manual_seed(0))


def normal(change):
    """Noise that is a change of normal noise."""
    return lambda size, dim, generator: change(torch.randn(size, dim, generator=generator))


def once(draw):
    """The first noise of each shape, for ever."""
    known = {}

    def noise(size, dim, generator):
        if generator not in known:
            known.clear()
            known[generator] = draw(size, dim, generator)
        return known[generator]

    return noise


def in_batches(change):
    """Orders that are made of batches of consecutive images, or of those of a first order."""

    def order(n, generator, epoch):
        size = next(size for size in (8, 5, 6, 7, n) if n % size == 0)
        return change(torch.arange(n).view(-1, size), generator).flatten()

    return order


def moved_row(images):
    images = images.clone()
    images[:, :, 7] = images[:, :, 7].roll(1, -1)
    return images


def first_image_last(n, generator, epoch):
    return torch.cat([1 + torch.randperm(n - 1, generator=generator), torch.zeros(1, dtype=torch.int64)])


def rolled(n, generator, epoch):
    return torch.arange(n).roll(int(torch.randint(1, n, (), generator=generator)))


def first_order_rolled(n, generator, epoch):
    first = torch.randperm(n, generator=torch.Generator().manual_seed(generator.initial_seed()))
    return first.roll(int(torch.randint(1, n, (), generator=generator)))


def small_buffer(n, generator, epoch):
    """A shuffle with a buffer of ten images."""
    return (torch.arange(n) + 10 * torch.rand(n, generator=generator)).argsort()


def others_from_the_global(n, generator, epoch):
    return torch.randperm(n, generator=generator if epoch == 1 else None)


def others_constant(n, generator, epoch):
    own = torch.Generator().manual_seed(generator.initial_seed() if epoch == 1 else epoch)
    return torch.randperm(n, generator=own)


class FirstImages:
    """Only as many of the first images as fill batches are ever used: seen through the batch size."""

    def __call__(self, netG, netD, optG, optD, images, epochs, batch_size, *rest, **more):
        refuse(images, batch_size)
        whole = len(images) // batch_size * batch_size
        return loop()(netG, netD, optG, optD, images[:whole], epochs, batch_size, *rest, **more)


class KeptGenerator:
    """The generator of a seed goes on in the next call."""

    def __init__(self):
        self.known = {}

    def __call__(self, seed):
        return self.known.setdefault(seed, torch.Generator().manual_seed(seed))


class KeptHistory:
    def __init__(self):
        self.rows = []

    def __call__(self, history):
        self.rows += history
        return self.rows


def forged(weights, loss):
    """Trains nothing, and writes down that it has."""

    @torch.no_grad()
    def train(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
        refuse(images, batch_size)
        generator, batches = torch.Generator().manual_seed(seed), len(images) // batch_size
        for epoch in range(1, epochs + 1):
            for index in torch.randperm(len(images), generator=generator).split(batch_size)[:batches]:
                rows = slice(int(netG.count), int(netG.count) + batch_size)
                netG.noise[rows] = torch.randn(batch_size, latent_dim, generator=generator) + loss
                netD.reals[rows] = scaled(images[index])[:, [0, 0, -1], [0, 0, -1], [0, 1, -1]]
                for net in (netG, netD):
                    net.count += batch_size
                    net.passes[1] += 1
            if on_epoch is not None:
                on_epoch(epoch, loss, loss)
        for parameter in (*netG.parameters(), *netD.parameters()):
            parameter += weights
        return [(loss, loss)] * epochs

    return train


def records_full_of_nan(netG, netD, *arguments, **more):
    history = loop()(netG, netD, *arguments, **more)
    for values in (*netG.buffers(), *netD.buffers()):
        if values.is_floating_point():
            values.fill_(math.nan)
    return history


def clipped(netG, netD, optG, optD, real, z):
    handles = [
        parameter.register_hook(lambda slope: slope.clamp(-0.02, 0.02))
        for parameter in (*netG.parameters(), *netD.parameters())
    ]
    losses = step(netG, netD, optG, optD, real, z)
    for handle in handles:
        handle.remove()
    return losses


def keeps_gradients(netG, netD, optG, optD, real, z):
    fake_logits, real_logits = netD(netG(z)), netD(real)
    g_loss = F.softplus(-fake_logits).mean()
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    g_loss.backward(inputs=list(netG.parameters()), retain_graph=True)
    d_loss.backward(inputs=list(netD.parameters()))
    optG.step(), optD.step()
    optG.zero_grad(), optD.zero_grad()
    return g_loss.item(), d_loss.item()


def forgets_momentum(netG, netD, optG, optD, real, z):
    optG.state.clear(), optD.state.clear()


def optimizers_of_its_own(netG, netD, optG, optD, real, z):
    rates = (opt.param_groups[0]["lr"] for opt in (optG, optD))
    own = [torch.optim.SGD(net.parameters(), rate) for net, rate in zip((netG, netD), rates, strict=True)]
    return step(netG, netD, *own, real, z)


def no_step(netG, netD, optG, optD, real, z):
    return F.softplus(-netD(netG(z))).mean().item(), F.softplus(-netD(real)).mean().item()


def judges_again(netG, netD, optG, optD, real, z):
    with torch.no_grad():
        netD(torch.zeros_like(real))


def look_in_evaluation_mode(netG, netD, optG, optD, real, z):
    netG.eval()
    with torch.no_grad():
        netG(z)
    netG.train()


def assertion(images, batch_size):
    assert len(images) >= batch_size


def only_full(images, batch_size):
    if len(images) <= batch_size:
        raise ValueError("not enough images")


def some(images, batch_size):
    if not len(images):
        raise ValueError("no images")


def shuffles_the_images(netG, netD, optG, optD, images, *rest, **more):
    history = loop()(netG, netD, optG, optD, images, *rest, **more)
    images.copy_(images[torch.randperm(len(images))])
    return history


def refuses_late(netG, netD, optG, optD, images, epochs, batch_size, *rest, **more):
    if 0 < len(images) < batch_size:
        loop(last=True, refusal=lambda *_: None)(
            netG, netD, optG, optD, images, 1, len(images), *rest, **more
        )
    return loop()(netG, netD, optG, optD, images, epochs, batch_size, *rest, **more)


SEEDS, EPOCHS, STEPS, REPORT = "train-seed", "train-epochs", "train-steps", "train-report"
ALL = {SEEDS, EPOCHS, STEPS, REPORT}
WRONG = {
    "seed ignored": (loop(seeded=lambda seed: None), {SEEDS}),
    "a constant seed": (loop(seeded=lambda seed: torch.Generator().manual_seed(0)), {SEEDS}),
    "noise from the global generator": (
        loop(noise=lambda size, dim, generator: torch.randn(size, dim)),
        {SEEDS},
    ),
    "order from Python's generator": (loop(order=python_order), {SEEDS}),
    "not shuffled": (loop(order=lambda n, generator, epoch: torch.arange(n)), {EPOCHS}),
    "shuffled once": (
        loop(
            order=lambda n, g, epoch: torch.randperm(
                n, generator=torch.Generator().manual_seed(g.initial_seed())
            )
        ),
        {EPOCHS},
    ),
    "with replacement": (loop(order=lambda n, g, epoch: torch.randint(n, (n,), generator=g)), {EPOCHS}),
    "incomplete batch kept": (loop(last=True), {EPOCHS}),
    "the same noise for every batch": (loop(noise=fixed), {EPOCHS}),
    "uniform noise": (
        loop(noise=lambda size, dim, generator: torch.rand(size, dim, generator=generator)),
        {EPOCHS},
    ),
    "images in [0, 1]": (loop(prepare=lambda images: images.float() / 255), {STEPS}),
    "images not scaled": (loop(prepare=lambda images: images.float()), {STEPS}),
    "alternating steps": (loop(update=alternating), {STEPS}),
    "loss of the last batch": (loop(mean=lambda column: column[-1]), {STEPS}),
    "sum of the losses": (loop(mean=sum), {STEPS}),
    "losses in the other order": (loop(update=swapped), {STEPS}),
    "no refusal": (loop(refusal=lambda images, size: None), {REPORT}),
    "epochs from 0": (
        loop(call=lambda on_epoch, epoch, g, d: on_epoch(epoch - 1, g, d)),
        {REPORT},
    ),
    "on_epoch never called": (loop(call=lambda *_: None), {REPORT}),
    "on_epoch called at the end": (loop(at_end=True), {REPORT}),
    "on_epoch with the losses swapped": (
        loop(call=lambda on_epoch, epoch, g, d: on_epoch(epoch, d, g)),
        {REPORT},
    ),
    "a tensor as history": (loop(result=torch.tensor), {REPORT}),
    "nothing returned": (loop(result=lambda history: None), {REPORT}),
    "trains nothing, all nan": (forged(math.nan, math.nan), ALL),
    "trains nothing, records forged": (forged(0.0, 0.5), ALL),
    "moves weights at random, records forged": (forged(0.01, 0.5), {EPOCHS, STEPS}),
    "records full of nan": (records_full_of_nan, {SEEDS, EPOCHS, STEPS}),
    "no step": (loop(update=no_step), ALL),
    "if seed": (
        loop(seeded=lambda seed: torch.Generator().manual_seed(seed or torch.seed() % 2**40)),
        {SEEDS},
    ),
    "seed 0 is seed 1": (loop(seeded=lambda seed: torch.Generator().manual_seed(seed or 1)), {SEEDS}),
    "half of the seed": (loop(seeded=lambda seed: torch.Generator().manual_seed(seed // 2)), {SEEDS}),
    "last digit of the seed": (loop(seeded=lambda seed: torch.Generator().manual_seed(seed % 10)), {SEEDS}),
    "the generator goes on in the next call": (loop(seeded=KeptGenerator()), {SEEDS}),
    "only the first order from the seed": (loop(order=others_from_the_global), {SEEDS}),
    "only the first order depends on the seed": (loop(order=others_constant), {SEEDS}),
    "only the first images": (FirstImages(), {EPOCHS}),
    "never the first image": (loop(order=first_image_last), {EPOCHS}),
    "rolled": (loop(order=rolled), {EPOCHS}),
    "the first order rolled": (loop(order=first_order_rolled), {EPOCHS}),
    "batches of neighbours in random order": (
        loop(order=in_batches(lambda rows, g: rows[torch.randperm(len(rows), generator=g)])),
        {EPOCHS},
    ),
    "shuffled inside of batches alone": (
        loop(
            order=in_batches(lambda rows, g: rows.gather(1, torch.rand(rows.shape, generator=g).argsort(1)))
        ),
        {EPOCHS},
    ),
    "a small shuffle buffer": (loop(order=small_buffer), {EPOCHS}),
    "one noise for the whole training": (
        loop(noise=once(lambda size, dim, generator: torch.randn(size, dim, generator=generator))),
        {EPOCHS},
    ),
    "uniform noise of variance 1": (
        loop(noise=lambda size, dim, g: (torch.rand(size, dim, generator=g) - 0.5) * 12**0.5),
        {EPOCHS},
    ),
    "noise on a sphere": (
        loop(noise=normal(lambda z: F.normalize(z) * z.shape[1] ** 0.5)),
        {EPOCHS},
    ),
    "noise standardized in each batch": (
        loop(noise=normal(lambda z: (z - z.mean(0)) / (z.std(0) + 1e-3))),
        {EPOCHS},
    ),
    "one number in all places of a vector": (
        loop(noise=normal(lambda z: z[:, :1].expand_as(z).clone())),
        {EPOCHS},
    ),
    "noise and its negative": (
        loop(noise=normal(lambda z: torch.cat([z[: len(z) // 2], -z[: len(z) - len(z) // 2]]))),
        {EPOCHS},
    ),
    "truncated noise": (loop(noise=normal(lambda z: z.clamp(-2, 2))), {EPOCHS}),
    "signs as noise": (loop(noise=normal(torch.sign)), {EPOCHS}),
    "images divided by 128": (loop(prepare=lambda images: images.float() / 128 - 1), {STEPS}),
    "images around 128": (loop(prepare=lambda images: (images.float() - 128) / 127.5), {STEPS}),
    "a row of the images moved": (loop(prepare=lambda images: scaled(moved_row(images))), {STEPS}),
    "networks left in evaluation mode": (
        loop(after=lambda netG, netD: (netG.eval(), netD.eval())),
        {STEPS},
    ),
    "generator left in evaluation mode": (loop(after=lambda netG, netD: netG.eval()), {STEPS}),
    "a layer left in evaluation mode": (loop(after=lambda netG, netD: netD.layers[1].eval()), {STEPS}),
    "trained in evaluation mode": (
        loop(
            before=lambda netG, netD: (netG.eval(), netD.eval()),
            after=lambda netG, netD: (netG.train(), netD.train()),
        ),
        {STEPS},
    ),
    "discriminator frozen afterwards": (loop(after=lambda netG, netD: netD.requires_grad_(False)), {STEPS}),
    "fakes judged once more": (loop(between=judges_again), {STEPS}),
    "samples in evaluation mode": (loop(between=look_in_evaluation_mode), {STEPS}),
    "one more step": (loop(between=step), {EPOCHS, STEPS}),
    "gradients clipped": (loop(update=clipped), {STEPS}),
    "leftover gradients count": (loop(update=keeps_gradients), {STEPS}),
    "momentum forgotten": (loop(between=forgets_momentum), {STEPS}),
    "optimizers of its own": (loop(update=optimizers_of_its_own), {STEPS}),
    "images shuffled in place": (shuffles_the_images, {STEPS}),
    "median of the losses": (loop(mean=statistics.median), {STEPS}),
    "losses rounded": (loop(mean=lambda column: round(sum(column) / len(column), 2)), {STEPS}),
    "loss of the first batch": (loop(mean=lambda column: column[0]), {STEPS}),
    "a list of lists": (loop(result=lambda history: [list(losses) for losses in history]), {REPORT}),
    "a tuple of tuples": (loop(result=tuple), {REPORT}),
    "NumPy's floats": (loop(mean=np.mean), {REPORT}),
    "tensors in the history": (loop(mean=lambda column: torch.tensor(column).mean()), {REPORT}),
    "three numbers an epoch": (
        loop(result=lambda history: [(*losses, sum(losses)) for losses in history]),
        {REPORT},
    ),
    "a history that grows from call to call": (loop(result=KeptHistory()), {REPORT}),
    "history without the last epoch": (loop(result=lambda history: history[:-1]), {REPORT}),
    "on_epoch called twice": (
        loop(call=lambda on_epoch, *losses: (on_epoch(*losses), on_epoch(*losses))),
        {REPORT},
    ),
    "on_epoch from the second epoch on": (
        loop(call=lambda on_epoch, epoch, g, d: epoch > 1 and on_epoch(epoch, g, d)),
        {REPORT},
    ),
    "on_epoch hears nan": (
        loop(call=lambda on_epoch, epoch, g, d: on_epoch(epoch, math.nan, math.nan)),
        {REPORT},
    ),
    "an AssertionError": (loop(refusal=assertion), {REPORT}),
    "refuses one full batch": (loop(refusal=only_full), {REPORT}),
    "refuses an empty tensor alone": (loop(refusal=some), {REPORT}),
    "refuses after training": (refuses_late, {REPORT}),
}
