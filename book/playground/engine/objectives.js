/**
 * Objectives: what each player minimises, as a function of logits. The same names and formulas as the library's
 * gan_lib.objectives, which gives the sources.
 */

import { add, broadcast, exp, leakyRelu, mean, scale, softplus, square, subtract } from "./operations.js";

/** E[softplus(-a)] = -E[log D]. */
function asReal(logits) {
  return mean(softplus(scale(logits, -1)));
}

/** E[softplus(a)] = -E[log(1 - D)]. */
function asFake(logits) {
  return mean(softplus(logits));
}

function relu(a) {
  return leakyRelu(a, 0);
}

function crossEntropy(real, fake) {
  return add(asReal(real), asFake(fake));
}

function smoothed(real, fake, { realTarget, fakeTarget }) {
  const against = (logits, target) => mean(subtract(softplus(logits), scale(logits, target)));
  return add(against(real, realTarget), against(fake, fakeTarget));
}

function leastSquares(real, fake) {
  return scale(add(mean(square(scale(real, 1, -1))), mean(square(fake))), 0.5);
}

function critic(real, fake) {
  return subtract(mean(fake), mean(real));
}

function hinge(real, fake) {
  return add(mean(relu(scale(real, -1, 1))), mean(relu(scale(fake, 1, 1))));
}

function relativisticAverage(real, fake) {
  const above = (logits, others) => subtract(logits, broadcast(mean(others), logits.rows, 1));
  return add(asReal(above(real, fake)), asFake(above(fake, real)));
}

function relativisticPairing(real, fake) {
  return asReal(subtract(real, fake));
}

const nonSaturating = (fake) => asReal(fake);
const raise = (fake) => scale(mean(fake), -1);

/**
 * Each objective: discriminator(real, fake, targets) and generator(fake, real), from columns of logits to one
 * number, 1 x 1. `targets` are the soft labels of label smoothing; who needs none ignores them.
 */
export const OBJECTIVES = {
  minimax: { discriminator: crossEntropy, generator: (fake) => scale(asFake(fake), -1) },
  non_saturating: { discriminator: crossEntropy, generator: nonSaturating },
  maximum_likelihood: { discriminator: crossEntropy, generator: (fake) => scale(mean(exp(fake)), -1) },
  label_smoothing: { discriminator: smoothed, generator: nonSaturating },
  least_squares: {
    discriminator: leastSquares,
    generator: (fake) => scale(mean(square(scale(fake, 1, -1))), 0.5),
  },
  wasserstein: { discriminator: critic, generator: raise },
  hinge: { discriminator: hinge, generator: raise },
  relativistic_average: {
    discriminator: relativisticAverage,
    generator: (fake, real) => relativisticAverage(fake, real),
  },
  relativistic_pairing: {
    discriminator: relativisticPairing,
    generator: (fake, real) => relativisticPairing(fake, real),
  },
};
