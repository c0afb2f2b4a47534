/** The games of the book's figures, as settings; the seed's random numbers are the playground's own. */

const TOYS = { std: 0.01, widthG: 64, widthD: 64, rateG: 0.003, rateD: 0.001, decay: 1000 };
const MINIMAX = {
  latentDim: 8, widthG: 64, widthD: 64, activationG: "leaky_relu", batch: 256, freshNoise: true, rateG: 0.001,
  rateD: 0.001, beta2: 0.999,
};
const STALL = {
  data: "drawn", points: [[4, 0]], objective: "minimax", activationG: "leaky_relu", optimizer: "sgd", rateG: 0.01,
  rateD: 0.1, criticSteps: 5, batch: 64,
};
const CYCLE = {
  data: "gaussian", std: 0.2, latentDim: 1, widthG: 8, depthG: 1, widthD: 16, depthD: 1, activationD: "tanh",
  update: "simultaneous", optimizer: "sgd", rateG: 0.03, rateD: 0.1, batch: 64,
};
const UNBOUNDED = { objective: "wasserstein", criticSteps: 5, batch: 64 };
const LIPSCHITZ = { ...MINIMAX, activationG: "relu", beta1: 0, beta2: 0.9, criticSteps: 5 };

/** [where it is shown, name, settings]. */
export const PRESETS = [
  ["", "A ring that is learnt", {}],
  ["Four failures", "Stall", STALL],
  ["Four failures", "No stall: non-saturating", { ...STALL, objective: "non_saturating" }],
  ["Four failures", "Collapse", TOYS],
  ["Four failures", "No collapse: PacGAN2", { ...TOYS, packing: 2 }],
  ["Four failures", "Unbounded critic", UNBOUNDED],
  ["Four failures", "Bounded: gradient penalty", { ...UNBOUNDED, gradientPenalty: 1 }],
  ["Four failures", "Cycle", CYCLE],
  ["Four failures", "No cycle: R1", { ...CYCLE, r1: 1 }],
  ["The minimax game", "Opening: eight islands", MINIMAX],
  ["The Wasserstein distance", "Clipped at 0.1", { ...LIPSCHITZ, objective: "wasserstein", clip: 0.1 }],
  ["The Wasserstein distance", "WGAN-GP, λ = 10", { ...LIPSCHITZ, objective: "wasserstein", gradientPenalty: 10 }],
  ["The Wasserstein distance", "WGAN-GP, λ = 1", { ...LIPSCHITZ, objective: "wasserstein", gradientPenalty: 1 }],
  ["The Wasserstein distance", "Wasserstein, spectral norm",
    { ...LIPSCHITZ, objective: "wasserstein", spectralNorm: true }],
  ["The Wasserstein distance", "Hinge", { ...LIPSCHITZ, objective: "hinge" }],
  ["The Wasserstein distance", "Hinge, spectral norm", { ...LIPSCHITZ, objective: "hinge", spectralNorm: true }],
  ["The Wasserstein distance", "Minimax, five steps of D", { ...LIPSCHITZ, objective: "minimax" }],
  ["The Wasserstein distance", "Non-saturating, five steps of D", LIPSCHITZ],
  ["Mode collapse", "A plain GAN collapses", TOYS],
  ["Mode collapse", "The same on the grid", { ...TOYS, data: "grid", std: 0.05 }],
  ["Mode collapse", "Three times as long", { ...TOYS, decay: 3000 }],
  ["Mode collapse", "Three steps of D", { ...TOYS, criticSteps: 3 }],
  ["Mode collapse", "Slower generator", { ...TOYS, rateG: 0.001 }],
  ["Mode collapse", "Faster discriminator", { ...TOYS, rateD: 0.003 }],
  ["Mode collapse", "Two time scales", { ...TOYS, rateG: 0.001, rateD: 0.003 }],
  ["Mode collapse", "Batch norm", { ...TOYS, batchNorm: true }],
  ["Mode collapse", "PacGAN2", { ...TOYS, packing: 2 }],
  ["Mode collapse", "Spectral norm", { ...TOYS, spectralNorm: true }],
  ["Mode collapse", "Gradient penalty", { ...TOYS, gradientPenalty: 10 }],
  ["Mode collapse", "R1", { ...TOYS, r1: 2 }],
  ["Mode collapse", "Wasserstein, gradient penalty", { ...TOYS, objective: "wasserstein", gradientPenalty: 10 }],
  ["Mode collapse", "WGAN-GP", { ...TOYS, objective: "wasserstein", gradientPenalty: 10, criticSteps: 3 }],
  ["Mode collapse", "WGAN-GP, two time scales",
    { ...TOYS, objective: "wasserstein", gradientPenalty: 10, criticSteps: 3, rateG: 0.001, rateD: 0.003 }],
  ["What works now", "Pairing", { ...TOYS, objective: "relativistic_pairing" }],
  ["What works now", "Plain, R1 and R2", { ...TOYS, r1: 2, r2: 2 }],
  ["What works now", "Pairing, R1 and R2", { ...TOYS, objective: "relativistic_pairing", r1: 2, r2: 2 }],
];
