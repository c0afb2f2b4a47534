"""The simultaneous step with its two passes replayed as one CUDA graph."""

import torch

from gan_lib.training.steps import Engine, simultaneous_gradients
from gan_lib.training.streams import forked

WARM_UP = 3  # passes before the capture, in which libraries choose their algorithms and take their memory


class CapturedStep:
    """`simultaneous_step`, for networks so small that a GPU may wait for the program.

    The two passes of the DCGAN pair are some 160 operations in float32 and 230 in bfloat16, which the program
    starts one by one. Here the first call captures them as a CUDA graph, and each call replays it, in one
    launch; the optimizers then move as ever. Both gradients of a simultaneous step are complete before either
    optimizer moves, so that a single graph holds them. Weights, buffers, dropout masks and losses are those
    of `simultaneous_step`.

    Args:
        generator, discriminator, optimizer_g, optimizer_d, objective, engine: as there, on a CUDA device. Not
            moved, reloaded or given other gradients later: the graph knows their places in memory.

    Call: real (B, *), noise (B', latent_dim), in every call of the sizes of the first, to (g_loss, d_loss).
    Raises: ValueError on a batch of another size.
    """

    def __init__(self, generator, discriminator, optimizer_g, optimizer_d, objective, engine=None):
        self.networks = generator, discriminator
        self.optimizers, self.objective = (optimizer_g, optimizer_d), objective
        self.engine = engine or Engine()
        self.graph = None

    def __call__(self, real, noise):
        if self.graph is None:
            self._capture(real, noise)
        for name, place, given in (("real", self.real, real), ("noise", self.noise, noise)):
            if place.shape != given.shape:
                seen = f"{tuple(place.shape)} was captured, got {tuple(given.shape)}"
                raise ValueError(f"{name} must have the same shape in every call: {seen}")
            place.copy_(given)
        self.graph.replay()
        for network, optimizer in zip(self.networks, self.optimizers, strict=True):
            self.engine.step(network, optimizer)
        self.engine.finish()
        return tuple(loss.clone() for loss in self.losses)  # the next replay writes over them

    def _capture(self, real, noise):
        self.real, self.noise = real.clone(), noise.clone()
        buffers = [buffer for network in self.networks for buffer in network.buffers()]
        before = [buffer.clone() for buffer in buffers]
        default, own = torch.cuda.current_stream(real.device), torch.cuda.Stream(real.device)
        own.wait_stream(default)
        with forked(real.device), torch.cuda.stream(own):
            for _ in range(WARM_UP):
                self._gradients()
        default.wait_stream(own)
        for buffer, value in zip(buffers, before, strict=True):  # as if nothing had been tried
            buffer.copy_(value)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=own):
            self.losses = self._gradients()
        self.graph = graph

    def _gradients(self):
        for optimizer in self.optimizers:
            optimizer.zero_grad()  # to None: the captured pass makes gradients, and each replay fills them
        return simultaneous_gradients(
            *self.networks, self.real, self.noise, self.objective, engine=self.engine
        )
