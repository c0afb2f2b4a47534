"""Submissions that are neither right nor blank, by assignment, student and cell, and what they earn."""

HUGO_1 = {
    # two of three letters, a right with a wrong one, one of three, a list for a set ...
    "c1-answer": 'answer_C1 = {"A", "B"}',
    "c9-answer": 'answer_C9 = {"A", "D"}',
    "c10-answer": 'answer_C10 = {"A"}',
    "c11-answer": 'answer_C11 = ["A"]',
    "c12-answer": 'answer_C12 = " Float "',
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
    "t11-answer": 'answer_T11 = {"A"}',
    "t2-answer": 'answer_T2 = {"A", "C"}',
    "t10-answer": 'answer_T10 = {"B"}',
    "t4-answer": "answer_T4 = -1",
    "t12-answer": "answer_T12 = 0.5",
    "t12v-answer": 'answer_T12v = 1 - numbers_T12v["r"] / sum(numbers_T12v.values())',
    "t4v-answer": 'answer_T4v = -1 / (1 + math.exp(-numbers_T4v["a"])) + 0.0005',
    "q1-essay": "The **game** is $\\min_G \\max_D V$. <script>alert('hello from Hugo')</script> And so on.",
    "q2-essay": "*Your essay takes the place of this line.*\n",
}
# The notebook of somebody else, whose right answers are right for somebody else.
CARL_0 = {
    "id": 'my_id = "hugo"',
    "t12-answer": "answer_T12 = 0.5",
    "t12v-answer": 'answer_T12v = numbers_T12v["r"] / sum(numbers_T12v.values())',
}
# Functions of the course's own library, which is not there where notebooks are graded.
INES_2 = {
    "penalty": "from gan_lib.regularizers import gradient_penalty",
    "clip": "from gan_lib.regularizers import clip_weights_",
    "distance": "from gan_lib.divergences import wasserstein_1d",
}
OTHERS = {
    "ps0_theory": {"hugo": HUGO_0, "carl": CARL_0},
    "ps1_minimax": {"hugo": HUGO_1},
    "ps2_wasserstein": {"ines": INES_2},
}
POINTS = {
    ("ps0_theory", "hugo"): {"t10-key": 0.5, "t12-key": 1, "t4v-key": 1},
    ("ps0_theory", "carl"): {"t12-key": 1},
    ("ps1_minimax", "hugo"): {
        "c1-key": 4 / 3, "c9-key": 4 / 3, "c10-key": 2 / 3, "c12-key": 2,
        "step-generator": 2, "step-losses": 1, "step-state": 1, "smooth-value": 2, "smooth-fakes": 1,
        "clear-none": 1, "clear-graph": 1, "clear-rest": 1, "mean-type": 1, "mean-precision": 2,
    },
}  # fmt: skip
