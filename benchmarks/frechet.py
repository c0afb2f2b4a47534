"""How long does the Fréchet distance of 2048 features take, and the moments it needs, beside pytorch-fid?

Project and peer run in turn, each in a process of its own, on the same numbers. The first question is the
distance from two (mean, covariance); the second the moments of 50,000 features, a multiple of
500, that come in batches. The peer needs an environment of its own:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install pytorch-fid==0.3.0
    python benchmarks/frechet.py --peer /tmp/peer/bin/python --rounds 3
"""

import sys

import numpy as np
from turns import in_turn, options, report


def batches(dimension, samples, seed, size=500):
    """Float32 features in batches, the same in every program; spreads fall over two powers of ten."""
    rng = np.random.default_rng(seed)
    scale = np.logspace(0, -2, dimension, dtype=np.float32) * (1 + 0.1 * seed)
    pool = [rng.standard_normal((size, dimension), dtype=np.float32) * scale + seed for _ in range(4)]
    for i in range(samples // size):
        yield pool[i % 4] * np.float32(1 + 1e-3 * i)


def statistics(dimension, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5 * dimension, dimension)) * np.logspace(0, -2, dimension) * (1 + 0.1 * seed)
    return x.mean(0), np.cov(x, rowvar=False)


def project_distance(dimension, samples):
    import torch

    from gan_lib.metrics import frechet_distance_of_gaussians

    torch.linalg.eigvalsh(torch.eye(64))  # its library is loaded before the clock starts
    arguments = [torch.from_numpy(array) for seed in (0, 1) for array in statistics(dimension, seed)]
    report(lambda: [frechet_distance_of_gaussians(*arguments)], "project")


def pytorch_fid_distance(dimension, samples):
    from pytorch_fid.fid_score import calculate_frechet_distance

    arguments = [array for seed in (0, 1) for array in statistics(dimension, seed)]
    report(lambda: [calculate_frechet_distance(*arguments)], "pytorch-fid")


def project_moments(dimension, samples):
    import torch

    from gan_lib.metrics import Moments

    def moments():
        found = Moments()
        for batch in batches(dimension, samples, 0):
            found.update(torch.from_numpy(batch))
        return found.mean.sum().item(), found.covariance.trace().item()

    report(moments, "project")


def pytorch_fid_moments(dimension, samples):
    """As in its calculate_activation_statistics: one array of all features, in float64."""

    def moments():
        features, start = np.empty((samples, dimension)), 0
        for batch in batches(dimension, samples, 0):
            features[start : start + len(batch)] = batch
            start += len(batch)
        return features.mean(0).sum(), np.trace(np.cov(features, rowvar=False))

    report(moments, "pytorch-fid")


PROGRAMS = {
    "project, distance": project_distance,
    "pytorch-fid, distance": pytorch_fid_distance,
    "project, moments": project_moments,
    "pytorch-fid, moments": pytorch_fid_moments,
}


def main():
    args, flags = options(__doc__, "pytorch-fid", PROGRAMS, dimension=2048, samples=50_000)
    if args.alone:
        return PROGRAMS[args.alone](args.dimension, args.samples)
    programs = {name: sys.executable if "project" in name else args.peer for name in PROGRAMS}
    medians = in_turn(__file__, programs, flags, args.rounds, args.threads)
    for question in ("distance", "moments"):
        ratio = medians[f"pytorch-fid, {question}"] / medians[f"project, {question}"]
        print(f"{question}: {ratio:.1f} x as fast as pytorch-fid")


if __name__ == "__main__":
    main()
