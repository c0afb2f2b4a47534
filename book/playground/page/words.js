/** What a reader reads: names of settings, groups, and choices. */

export const GROUPS = {
  "Data": ["data", "points", "std", "seed"],
  "Game": ["objective", "realTarget", "fakeTarget", "update", "criticSteps", "freshNoise", "batch"],
  "Regularisers": ["gradientPenalty", "centre", "r1", "r2", "clip", "spectralNorm", "packing", "instanceNoise"],
  "Networks": ["latentDim", "widthG", "depthG", "activationG", "batchNorm", "widthD", "depthD", "activationD"],
  "Optimizer": ["optimizer", "rateG", "rateD", "beta1", "beta2", "decay", "ema"],
};

export const NAMES = {
  data: "Data", points: "Centres x,y;x,y", std: "Spread σ", seed: "Seed",
  objective: "Objective", realTarget: "Label of real", fakeTarget: "Label of fake",
  update: "Update", criticSteps: "Steps of D", freshNoise: "Fresh noise for G", batch: "Batch",
  gradientPenalty: "Gradient penalty λ", centre: "… its centre", r1: "R1 γ", r2: "R2 γ", clip: "Clip weights at",
  spectralNorm: "Spectral norm in D", packing: "Packing", instanceNoise: "Instance noise σ",
  latentDim: "Latent dimension", widthG: "G width", depthG: "G depth", activationG: "G activation",
  batchNorm: "Batch norm in G", widthD: "D width", depthD: "D depth", activationD: "D activation",
  optimizer: "Optimizer", rateG: "Rate of G", rateD: "Rate of D", beta1: "β₁", beta2: "β₂",
  decay: "Rates fall to 0 in", ema: "Average of G β",
};

export const CHOICES = {
  ring: "Ring of eight", grid: "Grid of 25", moons: "Two moons", spiral: "Spiral", gaussian: "One Gaussian",
  drawn: "Drawn by you",
  minimax: "Minimax", non_saturating: "Non-saturating", maximum_likelihood: "Maximum likelihood",
  label_smoothing: "Label smoothing", least_squares: "Least squares", wasserstein: "Wasserstein", hinge: "Hinge",
  relativistic_average: "Relativistic average", relativistic_pairing: "Relativistic pairing",
  relu: "ReLU", leaky_relu: "Leaky ReLU", tanh: "tanh", sgd: "SGD", adam: "Adam",
  alternating: "Alternating", simultaneous: "Simultaneous",
};

/** When a setting changes something; those not named do always. */
export const MATTERS = {
  points: ({ data }) => data === "drawn",
  realTarget: ({ objective }) => objective === "label_smoothing",
  fakeTarget: ({ objective }) => objective === "label_smoothing",
  criticSteps: ({ update }) => update === "alternating",
  freshNoise: ({ update }) => update === "alternating",
  centre: ({ gradientPenalty }) => gradientPenalty > 0,
  beta1: ({ optimizer }) => optimizer === "adam",
  beta2: ({ optimizer }) => optimizer === "adam",
};

/** A number as a reader likes it: three digits that matter. */
export function short(value) {
  if (value === null || Number.isNaN(value)) return "–";
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))).replace("-", "−") : "∞";
}
