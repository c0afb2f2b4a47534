"""Adam as the course's source program has it."""

import math

import torch


class KerasAdam(torch.optim.Adam):
    r"""Adam as Keras computes it, with epsilon outside the bias correction ("epsilon hat").

    .. math:: \theta \leftarrow \theta - \eta\,\frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}\,
              \frac{m_t}{\sqrt{v_t} + \hat\varepsilon}

    PyTorch divides by :math:`\sqrt{v_t / (1-\beta_2^t)} + \varepsilon`. So this step is PyTorch's with
    :math:`\varepsilon_t = \hat\varepsilon / \sqrt{1-\beta_2^t}` (32 times as much at t = 1).

    Args:
        params, lr, betas, eps: as in `torch.optim.Adam`, with Keras' defaults.

    Source: Kingma & Ba (2015), end of section 2 (the reordered form); Keras 3, ``optimizers/adam.py``.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-7):
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        eps_hats = [group["eps"] for group in self.param_groups]
        try:
            for group in self.param_groups:
                moving = [p for p in group["params"] if p.grad is not None]
                steps = {int(self.state[p]["step"]) if p in self.state else 0 for p in moving}
                if len(steps) > 1:
                    raise ValueError(f"parameters of a group must share one step count; got {sorted(steps)}")
                t = 1 + max(steps, default=0)
                group["eps"] /= math.sqrt(1 - group["betas"][1] ** t)
            super().step()
        finally:
            for group, eps_hat in zip(self.param_groups, eps_hats, strict=True):
                group["eps"] = eps_hat
        return loss
