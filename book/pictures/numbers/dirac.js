/**
 * The Dirac-GAN of Mescheder et al. (2018): data at 0, fakes at theta, discriminator sigmoid(psi x). Theta descends and
 * psi ascends V = log(1 - sigmoid(psi theta)), less the penalty gamma / 2 psi^2.
 */

/** Beyond it an orbit is not followed. */
const FAR = 1e6;

/** Where both players want to go from (theta, psi). */
export function direction([theta, psi], gamma) {
  const seen = 1 / (1 + Math.exp(-psi * theta));
  return [psi * seen, -theta * seen - gamma * psi];
}

/** One step of (theta, psi); `before` is the direction at the state before, for optimistic steps. */
const STEPS = {
  simultaneous: (state, { step, gamma }) => add(state, step, direction(state, gamma)),
  alternating: ([theta, psi], { step, gamma }) => {
    const moved = theta + step * direction([theta, psi], gamma)[0];
    return [moved, psi + step * direction([moved, psi], gamma)[1]];
  },
  optimistic: (state, { step, gamma }, before) => {
    const now = direction(state, gamma);
    return add(state, step, [2 * now[0] - before[0], 2 * now[1] - before[1]]);
  },
};

/** @returns {number[][]} start and `count` steps; fewer if they leave for good */
export function orbit(start, rule, count) {
  const path = [start];
  let before = direction(start, rule.gamma);
  while (path.length <= count && Math.hypot(...path.at(-1)) < FAR) {
    const state = path.at(-1);
    path.push(STEPS[rule.update](state, rule, before));
    before = direction(state, rule.gamma);
  }
  return path;
}

/** By what a step multiplies the distance to (0, 0) in the long run, near it: the largest modulus of the linear map. */
export function modulus({ step, gamma, update }) {
  const half = step / 2, damped = step * gamma;
  if (update === "simultaneous") return largest(eigenvalues(1, half, -half, 1 - damped));
  if (update === "alternating") return largest(eigenvalues(1, half, -half, 1 - damped - half * half));
  // w' = w + h F (2 w - w_before): rho^2 - (1 + 2 lambda) rho + lambda = 0 for each eigenvalue lambda of h F
  return largest(eigenvalues(0, half, -half, -damped).flatMap((lambda) => optimisticRoots(lambda)));
}

/** Of [[a, b], [c, d]], as pairs of real and imaginary part. */
function eigenvalues(a, b, c, d) {
  const middle = (a + d) / 2;
  const root = squareRoot([middle * middle - (a * d - b * c), 0]);
  return [1, -1].map((sign) => [middle + sign * root[0], sign * root[1]]);
}

function optimisticRoots([x, y]) {
  const root = squareRoot([1 + 4 * (x * x - y * y), 8 * x * y]); // (1 + 2 lambda)^2 - 4 lambda = 1 + 4 lambda^2
  return [1, -1].map((sign) => [(1 + 2 * x + sign * root[0]) / 2, (2 * y + sign * root[1]) / 2]);
}

function squareRoot([x, y]) {
  const size = Math.hypot(x, y);
  return [Math.sqrt((size + x) / 2), Math.sqrt((size - x) / 2) * (y < 0 ? -1 : 1)];
}

function largest(numbers) {
  return Math.max(...numbers.map(([x, y]) => Math.hypot(x, y)));
}

function add([a, b], factor, [c, d]) {
  return [a + factor * c, b + factor * d];
}
