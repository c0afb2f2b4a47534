"""Statistics of an epoch's steps, summed where the numbers are."""

import torch


class Statistics:
    """Mean and spread of a player's loss, and the norms of its gradients.

    Summed on the device: reading a number makes the host wait for the GPU.

    Args:
        player: "g" or "d", the prefix of the names in `summary`.
        device: of the numbers added.
    """

    def __init__(self, player, device):
        self.player, self.count = player, 0
        self.sums = torch.zeros(4, dtype=torch.float64, device=device)
        self.largest = torch.zeros((), device=device)

    def add(self, loss, norm):
        """Count a step: its loss and the norm of its gradient, 0-dim tensors on the device.

        A norm that is not finite is that of a step which the scaler of float16 left out, or the end of the
        run, and enters no mean of norms.
        """
        taken = norm.isfinite()
        norm = torch.where(taken, norm, 0.0)
        self.sums += torch.stack([loss, loss.double().square(), norm, taken])
        self.largest = torch.maximum(self.largest, norm)
        self.count += 1

    def summary(self):
        """Read the numbers: {"g_loss": mean, "g_loss_std": …, "g_gradient_norm": mean, …}.

        The mean loss is over all steps; g_gradient_norm and g_gradient_norm_max are over the steps taken, of
        which g_skipped says how many there were not.
        """
        loss, square, norm, taken = self.sums.tolist()
        mean, player = loss / self.count, self.player
        return {
            f"{player}_loss": mean,
            f"{player}_loss_std": max(square / self.count - mean**2, 0.0) ** 0.5,
            f"{player}_gradient_norm": norm / max(taken, 1.0),
            f"{player}_gradient_norm_max": self.largest.item(),
            f"{player}_skipped": self.count - round(taken),
        }
