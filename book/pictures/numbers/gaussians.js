/** Gaussians of the plane, samples with their exact moments, and two distances. */

import { assign } from "../../playground/engine/assignment.js";
import { Stream, STATE_SIZE } from "../../playground/engine/random.js";

/** The Fréchet distance, in two parts: of {mean: [x, y], covariance: [xx, xy, yy]}. */
export function frechet(a, b) {
  const [p, q, r] = a.covariance, [s, t, u] = b.covariance;
  const determinants = Math.max(0, p * r - q * q) * Math.max(0, s * u - t * t);
  // of a 2 x 2 matrix with eigenvalues >= 0: (trace of its root)^2 = trace + 2 sqrt(determinant)
  const rootTrace = Math.sqrt(Math.max(0, p * s + 2 * q * t + r * u + 2 * Math.sqrt(determinants)));
  const ofMeans = (a.mean[0] - b.mean[0]) ** 2 + (a.mean[1] - b.mean[1]) ** 2;
  return { ofMeans, ofCovariances: Math.max(0, p + r + s + u - 2 * rootTrace) };
}

/** Points of mean 0 and covariance 1, put where a Gaussian is. */
export function place(points, [x, y], axis, across) {
  const [c, s] = turn(axis), along = Math.hypot(...axis);
  return points.map(([u, v]) => [x + along * c * u - across * s * v, y + along * s * u + across * c * v]);
}

function turn([x, y]) {
  const size = Math.hypot(x, y);
  return size ? [x / size, y / size] : [1, 0];
}

/** Mean, and covariance with the divisor n - 1. */
export function moments(points) {
  const n = points.length;
  const average = (term, by = n) => points.reduce((sum, point) => sum + term(point), 0) / by;
  const mean = [average(([x]) => x), average(([, y]) => y)];
  const about = (f) => average(([x, y]) => f(x - mean[0], y - mean[1]), n - 1);
  return { mean, covariance: [about((x) => x * x), about((x, y) => x * y), about((x, y) => y * y)] };
}

/** The mean squared way of the cheapest pairing: the squared 2-Wasserstein distance of two samples of one size. */
export function transport(x, y) {
  const n = x.length;
  const costs = Float64Array.from({ length: n * n }, (_, k) => {
    const [a, b] = x[Math.floor(k / n)], [c, d] = y[k % n];
    return (a - c) ** 2 + (b - d) ** 2;
  });
  return assign(costs, n).reduce((sum, row, column) => sum + costs[row * n + column], 0) / n;
}

/** Standard normal points, as pairs. */
export function normals(count, seed) {
  const values = new Float64Array(2 * count), stream = new Stream(new Float64Array(STATE_SIZE));
  stream.seed(seed, 0);
  stream.fillNormal(values);
  return Array.from({ length: count }, (_, k) => [values[2 * k], values[2 * k + 1]]);
}

/** Shapes that look unlike each other; scattered by a little noise. */
const SHAPES = {
  gaussian: (noise) => noise,
  ring: (noise) => noise.map(([u, v], k) => {
    const angle = (2 * Math.PI * k) / noise.length;
    return [Math.cos(angle) + 0.05 * u, Math.sin(angle) + 0.05 * v];
  }),
  islands: (noise) => noise.map(([u, v], k) => [(k % 2 ? 1 : -1) + 0.1 * u, (k % 4 < 2 ? 1 : -1) + 0.1 * v]),
};

/** Points of a shape with mean 0 and covariance 1, to rounding. */
export function standard(shape, count, seed) {
  const points = SHAPES[shape](normals(count, seed));
  const { mean, covariance: [xx, xy, yy] } = moments(points);
  const a = Math.sqrt(xx), b = xy / a, c = Math.sqrt(yy - b * b); // the Cholesky factor
  return points.map(([x, y]) => {
    const u = (x - mean[0]) / a;
    return [u, (y - mean[1] - b * u) / c];
  });
}
