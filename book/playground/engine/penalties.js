/** Gradient penalties on a discriminator, as in the library's gan_lib.regularizers; without their weights. */

import {
  add, broadcast, gradients, mean, multiply, scale, square, squareRoot, subtract, sum,
} from "./operations.js";

/** (B, 2): the slope of the network at each of the points. */
function slopesAt(network, points) {
  return gradients(network(points), [points])[0];
}

/** (B, 1): squared lengths of rows. */
function squaredLengths(rows) {
  return sum(square(rows), rows.rows, 1);
}

/**
 * E[(|slope| - centre)^2] at points between real and fake ones, share * real + (1 - share) * fake.
 *
 * @param {function(Node): Node} discriminator from points (B, 2) to logits
 * @param {Node} share (B, 1) in [0, 1]
 * @param {number} centre 1 in WGAN-GP, 0 in its zero-centred form
 */
export function gradientPenalty(discriminator, real, fake, share, centre) {
  const mixed = add(fake, multiply(broadcast(share, real.rows, real.columns), subtract(real, fake)));
  const lengths = squareRoot(squaredLengths(slopesAt(discriminator, mixed)));
  return mean(square(scale(lengths, 1, -centre)));
}

/** E[|slope|^2] at the points: R1 at real ones, R2 at fake ones. */
export function zeroCentredPenalty(discriminator, points) {
  return mean(squaredLengths(slopesAt(discriminator, points)));
}
