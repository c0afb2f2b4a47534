"""train: unusual right solutions, and wrong ones with the checks that they lose."""

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


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


RIGHT = {
    solution.__name__: solution
    for solution in (with_a_loader, forked_global_generator, numpy_generator, one_generator_an_epoch)
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
):
    def train(netG, netD, optG, optD, images, epochs, batch_size, latent_dim, seed, on_epoch=None):
        refusal(images, batch_size)
        generator, history = seeded(seed), []
        whole = len(images) if last else max(len(images) // batch_size * batch_size, 1)
        for epoch in range(1, epochs + 1):
            losses = []
            for index in order(len(images), generator, epoch)[:whole].split(batch_size):
                z = noise(len(index), latent_dim, generator)
                losses.append(update(netG, netD, optG, optD, prepare(images[index]), z))
            history.append(tuple(mean(column) for column in zip(*losses, strict=True)))
            if on_epoch is not None and not at_end:
                call(on_epoch, epoch, *history[-1])
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


SEEDS, EPOCHS, STEPS, REPORT = "train-seed", "train-epochs", "train-steps", "train-report"
WRONG = {
    "seed ignored": (loop(seeded=lambda seed: None), {SEEDS}),
    "a constant seed": (loop(seeded=lambda seed: torch.Generator().manual_seed(0)), {SEEDS}),
    "noise from the global generator": (
        loop(noise=lambda size, dim, generator: torch.randn(size, dim)),
        {SEEDS},
    ),
    "order from Python's generator": (loop(order=python_order), {SEEDS}),
    "not shuffled": (loop(order=lambda n, generator, epoch: torch.arange(n)), {SEEDS, EPOCHS}),
    "shuffled once": (
        loop(
            order=lambda n, g, epoch: torch.randperm(
                n, generator=torch.Generator().manual_seed(g.initial_seed())
            )
        ),
        {EPOCHS},
    ),
    "with replacement": (loop(order=lambda n, g, epoch: torch.randint(n, (n,), generator=g)), {EPOCHS}),
    "incomplete batch kept": (loop(last=True), {EPOCHS, STEPS, REPORT}),
    "the same noise for every batch": (loop(noise=fixed), {SEEDS, EPOCHS}),
    "uniform noise": (
        loop(noise=lambda size, dim, generator: torch.rand(size, dim, generator=generator)),
        {EPOCHS},
    ),
    "images in [0, 1]": (loop(prepare=lambda images: images.float() / 255), {STEPS}),
    "images not scaled": (loop(prepare=lambda images: images.float()), {STEPS}),
    "alternating steps": (loop(update=alternating), {EPOCHS, STEPS, REPORT}),
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
    "nothing returned": (loop(result=lambda history: None), {SEEDS, STEPS, REPORT}),
}
