"""d_loss_smoothed with one mean: right solutions, and wrong ones with the checks that they lose."""

import torch
import torch.nn.functional as F
from solutions.ps1_smooth import BCE


def uniform(real, low, high):
    return torch.empty_like(real).uniform_(low, high)


def joined(targets=uniform, fake_target=0.0, reduce=torch.mean, slope=1.0):
    """A loss with its own way to draw targets, to label fakes, or to reduce all terms together."""

    def loss(pred_real, pred_fake, low=0.8, high=1.0):
        real = F.softplus(pred_real) - targets(pred_real, low, high) * pred_real
        fake = F.softplus(pred_fake) - fake_target * pred_fake
        return slope * reduce(torch.cat([real.flatten(), fake.flatten()]))

    return loss


# ---- right


def one_call_of_bce(pred_real, pred_fake, low=0.8, high=1.0):
    logits = torch.cat([pred_real.reshape(-1), pred_fake.reshape(-1)])
    targets = torch.zeros_like(logits)
    targets[: pred_real.numel()].uniform_(low, high)
    return BCE(logits, targets)


def weighted_means(pred_real, pred_fake, low=0.8, high=1.0):
    share = pred_real.numel() / (pred_real.numel() + pred_fake.numel())
    real = BCE(pred_real, low + (high - low) * torch.rand(pred_real.shape))
    return share * real - (1 - share) * F.logsigmoid(-pred_fake).mean()


def element_by_element(pred_real, pred_fake, low=0.8, high=1.0):
    terms = [F.softplus(one) - (low + (high - low) * torch.rand(())) * one for one in pred_real.flatten()]
    terms += [F.softplus(one) for one in pred_fake.flatten()]
    return torch.stack(terms).mean()


RIGHT = {
    "one call": one_call_of_bce,
    "weighted means": weighted_means,
    "element by element": element_by_element,
    "double precision": lambda r, f, low=0.8, high=1.0: joined()(r.double(), f.double(), low, high),
    "a mixture of two losses": joined(lambda real, low, high: high - (high - low) * torch.rand(real.shape)),
}


# ---- wrong


def means(real_weight, fake_weight):
    def loss(pred_real, pred_fake, low=0.8, high=1.0):
        real = BCE(pred_real, uniform(pred_real, low, high))
        return real_weight * real + fake_weight * BCE(pred_fake, torch.zeros_like(pred_fake))

    return loss


def by_rows(pred_real, pred_fake, low=0.8, high=1.0):
    """The share by the numbers of rows."""
    rows = [len(one) if one.dim() else 1 for one in (pred_real, pred_fake)]
    return means(rows[0] / sum(rows), rows[1] / sum(rows))(pred_real, pred_fake, low, high)


def weights_exchanged(pred_real, pred_fake, low=0.8, high=1.0):
    n, m = pred_real.numel(), pred_fake.numel()
    return means(m / (n + m), n / (n + m))(pred_real, pred_fake, low, high)


def overwriting(pred_real, pred_fake, low=0.8, high=1.0):
    loss = joined()(pred_real.clone(), pred_fake.clone(), low, high)
    pred_real.detach().clamp_(-100, 100)
    return loss


def probabilities(pred_real, pred_fake, low=0.8, high=1.0):
    terms = F.binary_cross_entropy(pred_real.sigmoid(), uniform(pred_real, low, high), reduction="sum")
    terms = terms + F.binary_cross_entropy(pred_fake.sigmoid(), torch.zeros_like(pred_fake), reduction="sum")
    return terms / (pred_real.numel() + pred_fake.numel())


VALUE, TARGETS, FAKES = "smooth-value", "smooth-targets", "smooth-fakes"
WRONG = {
    "two means, halved": (means(0.5, 0.5), {VALUE}),
    "two means, added": (means(1.0, 1.0), {VALUE}),
    "one mean, halved": (joined(slope=0.5), {VALUE}),
    "a sum": (joined(reduce=torch.sum), {VALUE}),
    "weights exchanged": (weights_exchanged, {VALUE}),
    "shares of rows": (by_rows, {VALUE}),
    "probabilities": (probabilities, {VALUE}),
    "overwriting": (overwriting, {VALUE}),
    "one target for all": (
        joined(lambda real, low, high: torch.empty(()).uniform_(low, high).expand_as(real)),
        {TARGETS},
    ),
    "the middle": (joined(lambda real, low, high: torch.full_like(real, (low + high) / 2)), {TARGETS}),
    "a generator of its own": (
        joined(
            lambda real, low, high: (
                low + (high - low) * torch.rand(real.shape, generator=torch.Generator().manual_seed(0))
            )
        ),
        {TARGETS},
    ),
    "fakes smoothed": (joined(fake_target=0.1), {FAKES}),
}
