"""make_loader: unusual right solutions, and wrong ones with the checks that they lose."""

import functools
import random

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler


def seeded(seed):
    return torch.Generator().manual_seed(seed)


# ---- right


def seed_worker(worker):
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)


def recipe_of_the_manual(dataset, batch_size, seed, num_workers=0):
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=num_workers,
        worker_init_fn=seed_worker,
        generator=seeded(seed),
    )


def batch_sampler(dataset, batch_size, seed, num_workers=0):
    sampler = BatchSampler(RandomSampler(dataset, generator=seeded(seed)), batch_size, drop_last=True)
    return DataLoader(dataset, batch_sampler=sampler, num_workers=num_workers, generator=seeded(seed + 10**6))


class Permuted(Sampler):
    def __init__(self, size, seed):
        self.size, self.rng = size, np.random.default_rng(seed)

    def __len__(self):
        return self.size

    def __iter__(self):
        return iter(self.rng.permutation(self.size).tolist())


def numpy_order(dataset, batch_size, seed, num_workers=0):
    return DataLoader(
        dataset,
        batch_size,
        sampler=Permuted(len(dataset), seed),
        drop_last=True,
        num_workers=num_workers,
        generator=seeded(seed),
    )


def init_with(worker, seed):
    entropy = [seed, torch.initial_seed() % 2**63, worker]
    np.random.seed(np.random.SeedSequence(entropy).generate_state(4))
    random.seed(str(entropy))


def partial_init(dataset, batch_size, seed, num_workers=0):
    return DataLoader(
        dataset,
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=num_workers,
        worker_init_fn=functools.partial(init_with, seed=seed),
        generator=seeded(seed),
    )


def workers_that_stay(dataset, batch_size, seed, num_workers=0):
    return DataLoader(
        dataset,
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        prefetch_factor=3 if num_workers else None,
        generator=seeded(seed),
    )


class Batches(Sampler):
    """Batches by Python's generator of its own, from the seed and the number of the epoch."""

    def __init__(self, size, batch_size, seed):
        self.size, self.batch_size, self.seed, self.epoch = size, batch_size, seed, 0

    def __len__(self):
        return self.size // self.batch_size

    def __iter__(self):
        self.epoch += 1
        order = random.Random(f"{self.seed} {self.epoch}").sample(range(self.size), self.size)
        for batch in range(len(self)):
            yield order[batch * self.batch_size :][: self.batch_size]


def batches_of_its_own(dataset, batch_size, seed, num_workers=0):
    batches = Batches(len(dataset), batch_size, seed)
    return DataLoader(dataset, batch_sampler=batches, num_workers=num_workers, generator=seeded(seed))


class Seeded(DataLoader):
    """A subclass: a new generator for each epoch."""

    def __init__(self, dataset, batch_size, seed, num_workers):
        self.seed, self.epoch = seed, 0
        super().__init__(
            dataset, batch_size, shuffle=True, drop_last=True, num_workers=num_workers, generator=seeded(seed)
        )

    def __iter__(self):
        self.epoch += 1
        self.generator.manual_seed(1_000_003 * self.seed + self.epoch)
        return super().__iter__()


class Maker:
    """An object that makes loaders."""

    def __call__(self, dataset, batch_size, seed, num_workers=0):
        return Seeded(dataset, batch_size, seed, num_workers)


def any_loader(kind, dataset, batch_size, seed, num_workers=0):
    options = {"shuffle": True, "drop_last": True, "generator": seeded(seed)}
    return kind(dataset, batch_size, num_workers=num_workers, **options)


RIGHT = {
    solution.__name__: solution
    for solution in (
        recipe_of_the_manual,
        batch_sampler,
        numpy_order,
        partial_init,
        workers_that_stay,
        batches_of_its_own,
    )
} | {"an object": Maker(), "a partial function": functools.partial(any_loader, DataLoader)}


# ---- wrong


def loader(**changes):
    def make(dataset, batch_size, seed, num_workers=0):
        options = {"shuffle": True, "drop_last": True, "num_workers": num_workers, "generator": seeded(seed)}
        options |= {name: value(seed) for name, value in changes.items()}
        return DataLoader(dataset, batch_size, **options)

    return make


def global_seed(dataset, batch_size, seed, num_workers=0):
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    return loader(generator=lambda seed: None)(dataset, batch_size, seed, num_workers)


def only_the_order(dataset, batch_size, seed, num_workers=0):
    sampler = RandomSampler(dataset, generator=seeded(seed))
    return DataLoader(dataset, batch_size, sampler=sampler, drop_last=True, num_workers=num_workers)


def one_permutation(dataset, batch_size, seed, num_workers=0):
    order = torch.randperm(len(dataset), generator=seeded(seed)).tolist()
    return DataLoader(
        dataset, batch_size, sampler=order, drop_last=True, num_workers=num_workers, generator=seeded(seed)
    )


class SeededAgain(Sampler):
    def __init__(self, size, seed):
        self.size, self.seed = size, seed

    def __len__(self):
        return self.size

    def __iter__(self):
        return iter(torch.randperm(self.size, generator=seeded(self.seed)).tolist())


def same_seed_in_every_epoch(dataset, batch_size, seed, num_workers=0):
    sampler = SeededAgain(len(dataset), seed)
    return DataLoader(
        dataset,
        batch_size,
        sampler=sampler,
        drop_last=True,
        num_workers=num_workers,
        generator=seeded(seed),
    )


def with_replacement(dataset, batch_size, seed, num_workers=0):
    generator = seeded(seed)
    sampler = RandomSampler(dataset, replacement=True, generator=generator)
    return DataLoader(
        dataset, batch_size, sampler=sampler, drop_last=True, num_workers=num_workers, generator=generator
    )


def constant_numpy(worker, seed):
    np.random.seed(seed + worker)


def one_seed_for_all_workers(worker):
    np.random.seed((torch.initial_seed() - worker) % 2**32)


def constant_everything(worker, seed):
    random.seed(seed + worker)
    torch.manual_seed(seed + worker)


def from_the_clock(worker):
    random.seed()


def constant_seed(dataset, batch_size, seed, num_workers=0):
    return loader(generator=lambda _: seeded(123))(dataset, batch_size, seed, num_workers)


def no_workers(dataset, batch_size, seed, num_workers=0):
    return loader(num_workers=lambda seed: 0)(dataset, batch_size, seed)


def batch_of_one_more(dataset, batch_size, seed, num_workers=0):
    return loader()(dataset, batch_size + 1, seed, num_workers)


def ordered(change):
    """A loader whose orders are made by a function of the number of elements and a generator."""

    class Order(Sampler):
        def __init__(self, size, seed):
            self.size, self.generator = size, seeded(seed)

        def __len__(self):
            return self.size

        def __iter__(self):
            return iter(change(self.size, self.generator).tolist())

    def make(dataset, batch_size, seed, num_workers=0):
        options = {"drop_last": True, "num_workers": num_workers, "generator": seeded(seed)}
        return DataLoader(dataset, batch_size, sampler=Order(len(dataset), seed), **options)

    return make


def last_element_last(n, generator):
    return torch.cat([torch.randperm(n - 1, generator=generator), torch.tensor([n - 1])])


def rolled(n, generator):
    return torch.arange(n).roll(int(torch.randint(1, n, (), generator=generator)))


def blocks(n, generator):
    """Blocks of six in random order."""
    order = torch.randperm(-(-n // 6), generator=generator)
    return torch.cat([torch.arange(n)[6 * block : 6 * block + 6] for block in order.tolist()])


def small_buffer(n, generator):
    return (torch.arange(n) + 10 * torch.rand(n, generator=generator)).argsort()


GENERATOR = torch.Generator()


def one_generator_for_all(dataset, batch_size, seed, num_workers=0):
    return loader(generator=lambda seed: GENERATOR.manual_seed(seed))(dataset, batch_size, seed, num_workers)


def if_seed(dataset, batch_size, seed, num_workers=0):
    return loader(generator=lambda seed: seeded(seed) if seed else None)(
        dataset, batch_size, seed, num_workers
    )


def incomplete_with_workers(dataset, batch_size, seed, num_workers=0):
    return loader(drop_last=lambda seed: num_workers == 0)(dataset, batch_size, seed, num_workers)


def incomplete_alone(dataset, batch_size, seed, num_workers=0):
    return loader(drop_last=lambda seed: len(dataset) >= batch_size)(dataset, batch_size, seed, num_workers)


def in_order_with_workers(dataset, batch_size, seed, num_workers=0):
    return loader(shuffle=lambda seed: num_workers == 0)(dataset, batch_size, seed, num_workers)


class Wrapped:
    """No DataLoader, but what it gives."""

    def __init__(self, loader):
        self.loader, self.num_workers = loader, loader.num_workers

    def __iter__(self):
        self.loader.multiprocessing_context = "fork" if self.num_workers else None
        return iter(self.loader)


def wrapped(dataset, batch_size, seed, num_workers=0):
    return Wrapped(loader()(dataset, batch_size, seed, num_workers))


ORDER, EPOCHS, WORKERS = "loader-order", "loader-epochs", "loader-workers"
WRONG = {
    "global seed": (global_seed, {ORDER, WORKERS}),
    "no seed": (loader(generator=lambda seed: None), {ORDER, WORKERS}),
    "seed ignored": (constant_seed, {ORDER}),
    "workers not seeded": (only_the_order, {WORKERS}),
    "not shuffled": (loader(shuffle=lambda seed: False), {EPOCHS}),
    "incomplete batch kept": (loader(drop_last=lambda seed: False), {EPOCHS}),
    "one permutation for ever": (one_permutation, {EPOCHS}),
    "the same seed in every epoch": (same_seed_in_every_epoch, {EPOCHS}),
    "with replacement": (with_replacement, {EPOCHS}),
    "numpy's seed constant": (
        loader(worker_init_fn=lambda seed: functools.partial(constant_numpy, seed=seed)),
        {WORKERS},
    ),
    "random's and torch's seed constant": (
        loader(worker_init_fn=lambda seed: functools.partial(constant_everything, seed=seed)),
        {WORKERS},
    ),
    "one seed for all workers": (loader(worker_init_fn=lambda seed: one_seed_for_all_workers), {WORKERS}),
    "workers seeded from the clock": (loader(worker_init_fn=lambda seed: from_the_clock), {WORKERS}),
    "a lambda": (loader(worker_init_fn=lambda seed: lambda worker: seed_worker(worker)), {WORKERS}),
    "workers ignored": (no_workers, {WORKERS}),
    "another batch size": (batch_of_one_more, {EPOCHS}),
    "a list of batches": (
        lambda dataset, batch_size, seed, num_workers=0: list(loader()(dataset, batch_size, seed)),
        {EPOCHS, WORKERS},
    ),
    "if seed": (if_seed, {ORDER}),
    "seed 0 is seed 1": (loader(generator=lambda seed: seeded(seed or 1)), {ORDER}),
    "last digit of the seed": (loader(generator=lambda seed: seeded(seed % 10)), {ORDER}),
    "one generator for all loaders": (one_generator_for_all, {ORDER}),
    "the last element last": (ordered(last_element_last), {EPOCHS}),
    "rolled": (ordered(rolled), {EPOCHS}),
    "blocks in random order": (ordered(blocks), {EPOCHS}),
    "a small shuffle buffer": (ordered(small_buffer), {EPOCHS}),
    "incomplete batch kept with workers": (incomplete_with_workers, {WORKERS}),
    "incomplete batch kept where there is no other": (incomplete_alone, {EPOCHS}),
    "in order with workers": (in_order_with_workers, {WORKERS}),
    "no DataLoader": (wrapped, {EPOCHS}),
}
