/** Precision, recall, density and coverage, with one point of the data and one of the samples to be moved. */

import { normals } from "../numbers/gaussians.js";
import { densityCoverage, inside, precisionRecall, radii } from "../numbers/neighbours.js";
import { fixed, Frame } from "../plot.js";

const K = 3;
const PLANE = new Frame({ x: [-5, 5], y: [-3.5, 3.5], ticksX: [-4, -2, 0, 2, 4], ticksY: [-2, 0, 2], labelX: "feature 1",
  labelY: "feature 2", equal: true });

const rounded = (value) => Math.round(100 * value) / 100;
const cloud = (count, seed, [x, y], std) =>
  normals(count, seed).map(([u, v]) => [rounded(x + std * u), rounded(y + std * v)]);
const REAL = [...cloud(24, 1, [-2.2, 0.9], 0.6), ...cloud(15, 2, [-1.6, -1.9], 0.5)];
const FAKE = [...cloud(28, 3, [-2.2, 0.9], 0.6), ...cloud(11, 4, [1.7, 1.3], 0.35)];

/** All points of a state: the one that moves is the last of each. */
export function pointsOf({ real, fake }) {
  return { real: [...REAL, real], fake: [...FAKE, fake] };
}

export function measures(state) {
  const { real, fake } = pointsOf(state);
  return { ...precisionRecall(real, fake), ...densityCoverage(real, fake) };
}

function handle(name, title) {
  return {
    panel: 0, kind: name, title, x: [-4.8, 4.8], y: [-3.3, 3.3], step: 0.1,
    get: (state) => state[name], set: (state, at) => ({ ...state, [name]: at }),
    says: (state) => `at ${fixed(state[name][0], 1)}, ${fixed(state[name][1], 1)}`,
  };
}

export const PICTURE = {
  panels: [{ frame: PLANE, title: "Data and generated samples in the plane, with the balls of the two points that move" }],
  legend: [["real ring", "data"], ["fake dot", "generated, in a ball of the data"],
    ["fake ring", "generated, in none"], ["real dashed", "balls of the two points, k = 3"]],
  start: { real: [3.6, 0.2], fake: [-1.6, 1.6] },
  handles: [handle("real", "A data point"), handle("fake", "A generated sample")],
  controls: [],

  see(state) {
    const { real, fake } = pointsOf(state), found = measures(state);
    const good = inside(fake, real, K);
    const ball = (name, points) => PLANE.ball(state[name], radii(points, K).at(-1), `${name} ball`);
    const of = (flag) => FAKE.filter((_, i) => good[i] === flag);
    const percent = (value) => `${Math.round(100 * value)} %`;
    return {
      panels: [PLANE.draw(ball("real", real), ball("fake", fake), PLANE.dots(REAL, "real ring", 4),
        PLANE.dots(of(true), "fake dot", 3.5), PLANE.dots(of(false), "fake ring", 3.5))],
      numbers: [["Precision", percent(found.precision)], ["Recall", percent(found.recall)],
        ["Density", fixed(found.density)], ["Coverage", percent(found.coverage)]],
      summary: `Precision ${percent(found.precision)}, recall ${percent(found.recall)}, `
        + `density ${fixed(found.density)}, coverage ${percent(found.coverage)}.`,
    };
  },
};
