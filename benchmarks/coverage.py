"""How long do precision, recall, density and coverage of 10,000 x 2048 features take, beside their peers?

Project and peers run in turn, each in a process of its own, on the same float32 numbers: precision and recall
beside torch-fidelity, which is among the project's own requirements, and all four beside prdc, which needs an
environment of its own:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install prdc==0.2
    python benchmarks/coverage.py --peer /tmp/peer/bin/python --rounds 3
"""

import sys

import numpy as np
from turns import in_turn, options, report


def features(samples, dimension):
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, samples, dimension), dtype=np.float32)
    return real, np.float32(0.99) * fake


def project(samples, dimension, both):
    import torch

    from gan_lib.metrics import density_coverage, precision_recall

    real, fake = map(torch.from_numpy, features(samples, dimension))
    precision_recall(real[:64], fake[:64])  # its libraries are loaded before the clock starts
    if both:
        report(lambda: [*precision_recall(real, fake, k=5), *density_coverage(real, fake, k=5)], "project")
    else:
        report(lambda: precision_recall(real, fake, k=3), "project")


def torch_fidelity(samples, dimension):
    import torch
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    real, fake = map(torch.from_numpy, features(samples, dimension))
    calculate_precision_recall_full(fake[:64], real[:64])
    report(lambda: calculate_precision_recall_full(fake, real, neighborhood=3), "torch-fidelity")


def prdc(samples, dimension):
    from prdc import compute_prdc

    real, fake = features(samples, dimension)
    compute_prdc(real[:64], fake[:64], nearest_k=5)
    report(lambda: compute_prdc(real, fake, nearest_k=5).values(), "prdc")


PROGRAMS = {
    "project, two": lambda samples, dimension: project(samples, dimension, both=False),
    "torch-fidelity, two": torch_fidelity,
    "project, four": lambda samples, dimension: project(samples, dimension, both=True),
    "prdc, four": prdc,
}


def main():
    args, flags = options(__doc__, "prdc", PROGRAMS, samples=10_000, dimension=2048)
    if args.alone:
        return PROGRAMS[args.alone](args.samples, args.dimension)
    programs = {name: args.peer if "prdc" in name else sys.executable for name in PROGRAMS}
    medians = in_turn(__file__, programs, flags, args.rounds, args.threads)
    for question, peer in (("two", "torch-fidelity"), ("four", "prdc")):
        ratio = medians[f"{peer}, {question}"] / medians[f"project, {question}"]
        print(f"{question}: {ratio:.1f} x as fast as {peer}")


if __name__ == "__main__":
    main()
