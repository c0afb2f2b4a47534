"""Submissions that are neither right nor blank, by assignment, student and cell, and what they earn."""

import pytest

from autograder.bank import forms
from questions import pools

TERM = "0123456789abcdef"
FAMILIES = pools.families()


def form(family, student):
    """Whether each statement of a student's form is true, by its letter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "TERM", TERM)
        groups = FAMILIES[family].pool()
        drawn = forms.form_of(student, family, groups)
    flat = [one for group in groups for one in group]
    return {letter: flat[number].correct for letter, number in drawn.items()}


def chosen(family, student, true, false):
    """An answer with so many true and so many false statements."""
    is_true = form(family, student)
    letters = [one for one in is_true if is_true[one]][:true] + [one for one in is_true if not is_true[one]][
        :false
    ]
    return f"answer_{family} = {set(letters)!r}"


def share(family, student, true, false):
    """What that earns of a point."""
    count = sum(form(family, student).values())
    return true / count - false / (5 - count)


HUGO_1 = {
    "id": 'my_id = "hugo"',
    # two true ones, a true with a false one, a false one, a list for a set ...
    "c1-answer": chosen("C1", "hugo", 2, 0),
    "c9-answer": chosen("C9", "hugo", 1, 1),
    "c10-answer": chosen("C10", "hugo", 0, 1),
    "c11-answer": 'answer_C11 = ["A"]',
    "c12v-answer": 'answer_C12v = 4 * numbers_C12v["b"] * ((numbers_C12v["s"] + 1) // 4)',
    # the factor 1/2 is missing
    "step": """
def gan_step(netG, netD, optG, optD, x, z):
    netG.train(), netD.train()
    fake = netG(z)
    g_loss = F.softplus(-netD(fake)).mean()
    optG.zero_grad()
    g_loss.backward()
    optG.step()
    d_loss = F.softplus(-netD(x)).mean() + F.softplus(netD(fake.detach())).mean()
    optD.zero_grad()
    d_loss.backward()
    optD.step()
    return float(g_loss), float(d_loss)  # warns
""",
    # one target for the whole batch
    "smooth": """
def d_loss_smoothed(pred_real, pred_fake, low=0.8, high=1.0):
    target = low + (high - low) * torch.rand(())
    real = F.binary_cross_entropy_with_logits(pred_real, target.expand_as(pred_real))
    return 0.5 * (real + F.binary_cross_entropy_with_logits(pred_fake, torch.zeros_like(pred_fake)))
""",
    # zeros in other memory; and a page that should not run in anybody's browser
    "clear": """
from IPython.display import HTML, display
display(HTML("<script>alert('hello from Hugo')</script>"))
def clear_grads(optimizer, set_to_none=True):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None if set_to_none or p.grad is None else torch.zeros_like(p)
""",
    # no refusal of empty and complex tensors
    "mean": """
def mean_as_float(t):
    return t.detach().double().mean().item()
""",
}
HUGO_0 = {
    "id": 'my_id = " Hugo"',
    "t11-answer": chosen("T11", "hugo", 0, 1),
    "t2-answer": chosen("T2", "hugo", 1, 1),
    "t10-answer": chosen("T10", "hugo", 1, 0),
    "t12v-answer": 'answer_T12v = 1 - numbers_T12v["r"] / sum(numbers_T12v.values())',
    "t4v-answer": 'answer_T4v = -1 / (1 + math.exp(-numbers_T4v["a"])) + 0.0005',
    "q1-essay": "The **game** is $\\min_G \\max_D V$. <script>alert('hello from Hugo')</script> And so on.",
    "q2-essay": "*Your essay takes the place of this line.*\n",
}
# The notebook of somebody else, whose right answers are right for somebody else.
CARL_0 = {
    "id": 'my_id = "hugo"',
    "t1-answer": chosen("T1", "hugo", 2, 0),
    "t12v-answer": 'answer_T12v = numbers_T12v["r"] / sum(numbers_T12v.values())',
}
# Worse than nothing: what is lost is scaled until the points of the set are 0.
LOST = ("T1", "T2", "T3", "T5", "T6", "T7")
DORA_0 = {
    "id": 'my_id = "dora"',
    "t12v-answer": 'answer_T12v = numbers_T12v["r"] / sum(numbers_T12v.values())',
    **{f"{one.lower()}-answer": chosen(one, "dora", 0, 2) for one in LOST},
}
# A slip of the pen: nobody has this id.
EMIL_0 = {
    "id": 'my_id = "emill"',
    "t1-answer": chosen("T1", "emill", 2, 0),
    "t9-answer": chosen("T9", "emill", 1, 0),
}
# Functions of the course's own library, which is not there where notebooks are graded.
INES_2 = {
    "penalty": "from gan_lib.regularizers import gradient_penalty",
    "clip": "from gan_lib.regularizers import clip_weights_",
    "distance": "from gan_lib.divergences import wasserstein_1d",
}
OTHERS = {
    "ps0_theory": {"hugo": HUGO_0, "carl": CARL_0, "dora": DORA_0, "emil": EMIL_0},
    "ps1_minimax": {"hugo": HUGO_1},
    "ps2_wasserstein": {"ines": INES_2},
}


def _lost(family):
    return share(family, "dora", 0, 2)


POINTS = {
    ("ps0_theory", "hugo"): {
        "t11-key": share("T11", "hugo", 0, 1), "t2-key": share("T2", "hugo", 1, 1),
        "t10-key": share("T10", "hugo", 1, 0), "t4v-key": 2,
    },
    ("ps0_theory", "dora"): {
        "t12v-key": 2,
        **{f"{one.lower()}-key": -2 * _lost(one) / sum(map(_lost, LOST)) for one in LOST},
    },
    ("ps0_theory", "emil"): {"t1-key": share("T1", "emill", 2, 0), "t9-key": share("T9", "emill", 1, 0)},
    ("ps1_minimax", "hugo"): {
        "c1-key": 2 * share("C1", "hugo", 2, 0), "c9-key": 2 * share("C9", "hugo", 1, 1),
        "c10-key": 2 * share("C10", "hugo", 0, 1), "c12v-key": 2,
        "step-generator": 2, "step-losses": 1, "step-state": 1, "smooth-value": 2, "smooth-fakes": 1,
        "clear-none": 1, "clear-graph": 1, "clear-rest": 1, "mean-type": 1, "mean-precision": 2,
    },
}  # fmt: skip
