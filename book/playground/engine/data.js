/**
 * Densities of the plane. All are equal mixtures of round Gaussians, so that all have samples and an exact density;
 * of the moons and the spiral the centres are so close that no ripple is left to see.
 */

import { cosTurns, exp, sinTurns } from "./elementary.js";

const ARC_POINTS = 100; // along a curve: at most 0.06 apart, less than a standard deviation of 0.05 shows

/** Gaussians evenly on the unit circle, counter-clockwise from (1, 0): gan_lib.data.ring. */
function ring() {
  return Array.from({ length: 8 }, (_, k) => [cosTurns(k / 8), sinTurns(k / 8)]);
}

/** 25 Gaussians on a grid, 2 apart: gan_lib.data.grid. */
function grid() {
  const ticks = [-4, -2, 0, 2, 4];
  return ticks.flatMap((x) => ticks.map((y) => [x, y]));
}

/** Two half circles of radius 1 that reach into each other: scikit-learn's make_moons, centred. */
function moons() {
  const upper = arc(ARC_POINTS, (t) => [cosTurns(t / 2), sinTurns(t / 2)]);
  const lower = upper.map(([x, y]) => [1 - x, 0.5 - y]);
  return [...upper, ...lower].map(([x, y]) => [x - 0.5, y - 0.25]);
}

/** Three half turns of an Archimedean spiral, evenly along its radius. */
function spiral() {
  return arc(2 * ARC_POINTS, (t) => {
    const radius = 0.2 + 1.3 * t;
    return [radius * cosTurns(1.5 * t), radius * sinTurns(1.5 * t)];
  });
}

function arc(count, at) {
  return Array.from({ length: count }, (_, k) => at((k + 0.5) / count));
}

/** Name -> {centres, areModes: whether a reader would call each centre a mode}. */
const DENSITIES = {
  ring: { centres: ring, areModes: true },
  grid: { centres: grid, areModes: true },
  moons: { centres: moons, areModes: false },
  spiral: { centres: spiral, areModes: false },
  gaussian: { centres: () => [[0, 0]], areModes: true },
  drawn: { centres: (points) => points, areModes: true },
};

export const DATA = Object.keys(DENSITIES);

export class Density {
  /**
   * @param {string} name one of DATA
   * @param {number} std of each Gaussian along each axis, > 0
   * @param {number[][]} points the centres of a density that the reader has drawn
   */
  constructor(name, std, points) {
    const centres = DENSITIES[name].centres(points);
    this.centres = Float64Array.from(centres.flat());
    this.areModes = DENSITIES[name].areModes;
    this.std = std;
  }

  /** How far the centres reach from the origin along an axis, and four standard deviations more. */
  get reach() {
    return this.centres.reduce((far, value) => Math.max(far, Math.abs(value)), 0) + 4 * this.std;
  }

  /** Fill (n, 2) with points. @param {Float64Array} points @param {Stream} stream */
  fill(points, stream) {
    stream.fillNormal(points);
    for (let k = 0; k < points.length; k += 2) {
      const at = 2 * stream.below(this.centres.length / 2);
      points[k] = this.centres[at] + this.std * points[k];
      points[k + 1] = this.centres[at + 1] + this.std * points[k + 1];
    }
  }
}

/**
 * The density, at each node of a grid, of an equal mixture of round Gaussians: a kernel estimate, if the centres
 * are samples. Rows and columns of the kernel are tabled apart, exp(-dx^2 - dy^2) = exp(-dx^2) exp(-dy^2).
 *
 * @param {Float64Array} centres (n, 2)
 * @param {number} std
 * @param {Float64Array} ticks the grid's coordinates along both axes
 * @returns {Float64Array} (ticks, ticks), row by row from the lowest y
 */
export function densityOnGrid(centres, std, ticks) {
  const size = ticks.length, count = centres.length / 2;
  const out = new Float64Array(size * size), across = new Float64Array(size);
  const factor = 1 / (count * 2 * Math.PI * std * std);
  const kernel = (distance) => exp(-(distance * distance) / (2 * std * std));
  for (let n = 0; n < count; n++) {
    for (let j = 0; j < size; j++) across[j] = kernel(ticks[j] - centres[2 * n]);
    for (let i = 0; i < size; i++) {
      const up = factor * kernel(ticks[i] - centres[2 * n + 1]);
      if (up === 0) continue;
      for (let j = 0, k = i * size; j < size; j++, k++) out[k] += up * across[j];
    }
  }
  return out;
}
