/** Two Gaussians on the line: the best discriminator, and two divergences with their slopes. */

import { density, jensenShannon, optimalDiscriminator, POINTS, slopes, wasserstein } from "../numbers/line.js";
import { fixed, Frame, short } from "../plot.js";

const MEAN = [-3, 3], STD = [0.3, 1.5], FARTHEST = 6; // the distance of the two ends of MEAN
const heightOf = (std) => 1 / (std * Math.sqrt(2 * Math.PI));

const DENSITIES = new Frame({ x: [-5, 5], y: [0, 1.4], ticksX: [-4, -2, 0, 2, 4], ticksY: [0, 0.5, 1], labelX: "x",
  labelY: "densities and D*" });
const DIVERGENCES = new Frame({ x: MEAN, y: [0, 1.05], ticksX: [-3, -2, -1, 0, 1, 2, 3], ticksY: [0, 0.5, 1],
  labelX: "mean of q", labelY: "JS / log 2 and W₁ / 6" });

const SHOWN = POINTS.reduce((shown, x, k) => (Math.abs(x) <= 5 && k % 3 === 0 ? [...shown, k] : shown), []);
const MEANS = Array.from({ length: 61 }, (_, k) => -3 + k / 10);

function handle(name, kind, title) {
  return {
    panel: 0, kind, title, x: MEAN, y: [heightOf(STD[1]), heightOf(STD[0])],
    get: (state) => [state[name].mean, heightOf(state[name].std)],
    set: (state, [mean, height]) => ({ ...state, [name]: { mean, std: 1 / (height * Math.sqrt(2 * Math.PI)) } }),
    step: 0.1, stepY: 0.05,
    says: (state) => `mean ${fixed(state[name].mean)}, standard deviation ${fixed(state[name].std)}`,
  };
}

function divergences(p, q) {
  return { js: jensenShannon(p, q), w1: wasserstein(p, q) };
}

export const PICTURE = {
  panels: [
    { frame: DENSITIES, title: "Densities of data and generator, and the best discriminator between them" },
    { frame: DIVERGENCES, title: "Jensen–Shannon divergence and 1-Wasserstein distance while the mean of q moves" },
  ],
  legend: [["real", "data p"], ["fake", "generator q"], ["third dashed", "D*"], ["ink", "JS"], ["violet dashed", "W₁"]],
  start: { p: { mean: -1.5, std: 0.5 }, q: { mean: 1.5, std: 0.5 } },
  handles: [handle("p", "real", "Data p: move left and right; up is narrower"),
    handle("q", "fake", "Generator q: move left and right; up is narrower")],
  controls: [],

  see(state) {
    const p = density(state.p), q = density(state.q), best = optimalDiscriminator(p, q);
    const line = (values) => SHOWN.map((k) => [POINTS[k], values[k]]);
    const now = divergences(p, q), slope = slopes(p, q, state.q);
    const along = MEANS.map((mean) => [mean, divergences(p, density({ mean, std: state.q.std }))]);
    const equal = state.p.mean === state.q.mean && state.p.std === state.q.std;
    const curve = (of, kind) => DIVERGENCES.curve(along.map(([mean, both]) => [mean, of(both)]), kind)
      + DIVERGENCES.circle([state.q.mean, of(now)], 4.5, kind);
    return {
      panels: [
        DENSITIES.draw(DENSITIES.curve([[-5, 0.5], [5, 0.5]], "rule"), DENSITIES.curve(line(p), "real"),
          DENSITIES.curve(line(q), "fake"), DENSITIES.curve(line(best), "third dashed")),
        DIVERGENCES.draw(DIVERGENCES.curve([[MEAN[0], 1], [MEAN[1], 1]], "rule"),
          curve(({ js }) => js / Math.LN2, "ink"), curve(({ w1 }) => w1 / FARTHEST, "violet dashed")),
      ],
      numbers: [["JS, nats (at most 0.693)", fixed(now.js, 4)], ["its slope in the mean of q", short(slope.jensenShannon)],
        ["W₁", fixed(now.w1, 3)], ["its slope in the mean of q", equal ? "a kink" : fixed(slope.wasserstein, 3)]],
      summary: `Jensen–Shannon divergence ${fixed(now.js, 4)} nats, slope ${short(slope.jensenShannon)}. `
        + `W1 ${fixed(now.w1, 3)}, ${equal ? "at a kink" : `slope ${fixed(slope.wasserstein, 3)}`}.`,
    };
  },
};
