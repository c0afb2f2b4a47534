"""Several processes that train one pair of networks, started by Lightning Fabric.

Every process holds the whole data set and both networks, and draws the order, the noise and the random
numbers of the penalties of the *whole* batch; then it takes its part. So the global batch does not depend on
the number of processes, and as gradients are averaged over them, n processes compute what one would, up to
rounding, where

- the networks treat samples independently. Batch norm sees a process's part of the batch only, as do
  minibatch layers and the relativistic objectives' averages; `torch.nn.SyncBatchNorm`, which would mend the
  first, runs on CUDA alone. The moving averages kept are those of process 0.
- nothing is drawn inside a network: dropout differs on every process, and there is one stream for each.

Gradients are averaged by one all-reduce for each player and update, rather than by wrapping the networks in
DistributedDataParallel: its hooks expect one forward pass for each backward pass, and a GAN's step runs the
discriminator twice or three times, backward through one pass twice, and through the gradients of penalties.
"""

import torch
from torch import distributed


class Processes:
    """This process's place among those that train together. Alone, every method returns what it is given.

    Attributes:
        size: how many there are.
        rank: this one's number; 0 writes the files.
    """

    def __init__(self, rank=0, size=1):
        self.rank, self.size = rank, size

    def part(self, batch):
        """This process's share of a global batch, (B, *) to (B / size, *)."""
        share = len(batch) // self.size
        return batch[self.rank * share : (self.rank + 1) * share]

    def mean(self, tensor):
        """The mean over the processes, element by element, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
            tensor /= self.size
        return tensor

    @torch.no_grad()
    def average_gradients(self, network):
        """Replace the gradients of a network's parameters by their means over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        means = self.mean(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, mean in zip(gradients, means.split(sizes), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def from_first(self, value):
        """The value that process 0 passes."""
        values = [value]
        if self.size > 1:
            distributed.broadcast_object_list(values)
        return values[0]

    def gather(self, value):
        """The values of all processes, as a list."""
        values = [value] * self.size
        if self.size > 1:
            distributed.all_gather_object(values, value)
        return values


def start_processes(device, devices, nodes, strategy):
    """Start the other processes, or join those that torchrun or SLURM started.

    Fabric starts a process by running this program's command line again; each comes to this call and goes on
    from it. A device is one process: on the CPU, the cores are shared among them.

    Args:
        device: torch.device whose kind is used.
        devices: processes on each machine.
        nodes: machines.
        strategy: "auto" or "ddp", for `lightning_fabric.Fabric`.

    Returns: (Processes, torch.device of this process).
    Raises: ValueError if torchrun started a different number of processes.
    """
    if devices * nodes == 1:
        if distributed.is_torchelastic_launched():
            raise ValueError(
                "torchrun started this program: say by --devices (and --nodes) how many there are"
            )
        return Processes(), device
    from lightning_fabric import Fabric  # takes seconds to import, and few runs need it

    fabric = Fabric(accelerator=device.type, devices=devices, num_nodes=nodes, strategy=strategy)
    fabric.launch()
    index = fabric.device.index if device.type == "cuda" else None
    return Processes(fabric.global_rank, fabric.world_size), torch.device(device.type, index)
