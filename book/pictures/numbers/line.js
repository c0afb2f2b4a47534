/** Two Gaussians on the line, on one grid: the sums of gan_lib.divergences. */

const LOW = -13, STEP = 0.02, COUNT = 1301; // means within 4 of 0 and deviations up to 1.5 lose nothing that counts

export const POINTS = Float64Array.from({ length: COUNT }, (_, k) => LOW + k * STEP);

export function density({ mean, std }) {
  const height = 1 / (std * Math.sqrt(2 * Math.PI));
  return POINTS.map((x) => height * Math.exp(-0.5 * ((x - mean) / std) ** 2));
}

/** p / (p + q); 1/2 where both are 0. */
export function optimalDiscriminator(p, q) {
  return p.map((value, k) => (value + q[k] === 0 ? 0.5 : value / (value + q[k])));
}

/** In nats. */
export function jensenShannon(p, q) {
  const term = (a, total) => (a > 0 ? a * Math.log((2 * a) / total) : 0);
  return sum((k) => term(p[k], p[k] + q[k]) + term(q[k], p[k] + q[k])) / 2;
}

/** The area between the distribution functions. */
export function wasserstein(p, q) {
  let between = 0;
  return sum((k) => Math.abs((between += (p[k] - q[k]) * STEP)));
}

/** How fast both grow with the mean of the Gaussian q: {jensenShannon, wasserstein}; at q = p the latter has a kink. */
export function slopes(p, q, { mean, std }) {
  const moved = q.map((value, k) => (value * (POINTS[k] - mean)) / (std * std)); // derivative of q in its mean
  let between = 0, change = 0;
  return {
    jensenShannon: sum((k) => (q[k] > 0 ? moved[k] * Math.log((2 * q[k]) / (p[k] + q[k])) : 0)) / 2,
    wasserstein: sum((k) => {
      between += (p[k] - q[k]) * STEP;
      change -= moved[k] * STEP;
      return Math.sign(between) * change;
    }),
  };
}

function sum(term) {
  let total = 0;
  for (let k = 0; k < COUNT; k++) total += term(k);
  return total * STEP;
}
