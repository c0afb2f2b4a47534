/** How good samples are, as the library defines it: gan_lib.metrics.mode_coverage and gan_lib.divergences. */

import { assign } from "./assignment.js";
import { densityOnGrid } from "./data.js";
import { log } from "./elementary.js";

/**
 * Modes that samples reach, and how well they keep to them: Lin et al. (2018), section 4.1.
 *
 * @param {Float64Array} samples (n, 2); one that is not finite is not good and not counted
 * @param {Float64Array} centres (k, 2), equally likely
 * @param {number} std along each axis
 * @param {number} radius in standard deviations: a sample that near its nearest centre is good
 * @returns {{modes: number, highQuality: number, kl: number}} modes with a good sample; share of good samples; nats
 *   from the histogram of nearest modes to the uniform one, NaN where no sample is finite
 */
export function modeCoverage(samples, centres, std, radius = 3) {
  const count = centres.length / 2;
  const near = new Float64Array(count), reached = new Uint8Array(count);
  let good = 0, total = 0;
  for (let k = 0; k < samples.length; k += 2) {
    const { which, distance } = nearest(samples[k], samples[k + 1], centres);
    if (!Number.isFinite(distance)) continue;
    near[which] += 1;
    total += 1;
    if (distance > radius * std) continue;
    reached[which] = 1;
    good += 1;
  }
  const terms = near.map((n) => (n ? (n / total) * log((n / total) * count) : 0));
  return {
    modes: reached.reduce((sum, one) => sum + one, 0),
    highQuality: good / (samples.length / 2),
    kl: total ? terms.reduce((sum, term) => sum + term, 0) : NaN,
  };
}

function nearest(x, y, centres) {
  let which = -1, least = Infinity;
  for (let k = 0; k < centres.length; k += 2) {
    const dx = x - centres[k], dy = y - centres[k + 1];
    const square = dx * dx + dy * dy;
    if (square < least) [which, least] = [k / 2, square];
  }
  return { which, distance: Math.sqrt(least) };
}

/**
 * The 1-Wasserstein distance of two samples of equal size, exactly: by the cheapest pairing.
 * @param {Float64Array} x (n, 2) @param {Float64Array} y (n, 2)
 * @returns {number} NaN where a point is not finite
 */
export function wasserstein(x, y) {
  if (x.length !== y.length) throw new Error(`samples must be of one size, got ${x.length / 2} and ${y.length / 2}`);
  if (![x, y].every((points) => points.every(Number.isFinite))) return NaN;
  const n = x.length / 2;
  const costs = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const dx = x[2 * i] - y[2 * j], dy = x[2 * i + 1] - y[2 * j + 1];
      costs[i * n + j] = Math.sqrt(dx * dx + dy * dy);
    }
  }
  const rowOf = assign(costs, n);
  return rowOf.reduce((sum, row, column) => sum + costs[row * n + column], 0) / n;
}

/**
 * The best answer to the generator, D* = p / (p + q), on a grid: q a kernel estimate from samples, p the data's density
 * blurred by the same kernel, so that samples of the data have D* near 1/2. Where neither is, 1/2.
 *
 * @param {Density} density of the data
 * @param {Float64Array} samples (n, 2)
 * @param {number} bandwidth standard deviation of the kernel
 * @param {Float64Array} ticks coordinates of the grid along both axes
 * @returns {Float64Array} (ticks, ticks), row by row from the lowest y
 */
export function optimalDiscriminator(density, samples, bandwidth, ticks) {
  const blurred = Math.sqrt(density.std * density.std + bandwidth * bandwidth);
  const p = densityOnGrid(density.centres, blurred, ticks);
  const q = densityOnGrid(samples, bandwidth, ticks);
  return p.map((value, k) => (value + q[k] === 0 ? 0.5 : value / (value + q[k])));
}
