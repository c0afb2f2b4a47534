/** The Fréchet distance of two Gaussians of the plane, and of samples that have their moments and another shape. */

import { frechet, moments, place, standard, transport } from "../numbers/gaussians.js";
import { fixed, Frame } from "../plot.js";

const COUNT = 128, ACROSS = 0.5;
const PLANE = new Frame({ x: [-4, 4], y: [-3, 3], ticksX: [-4, -2, 0, 2, 4], ticksY: [-2, 0, 2], labelX: "feature 1",
  labelY: "feature 2", equal: true });

const DATA = standard("gaussian", COUNT, 1);
const SAMPLES = Object.fromEntries(["gaussian", "ring", "islands"].map((shape) => [shape, standard(shape, COUNT, 2)]));

const put = (points, { mean, axis }) => place(points, mean, axis, ACROSS);

/** Both samples of a state. */
export function samplesOf({ real, fake, shape }) {
  return { real: put(DATA, real), fake: put(SAMPLES[shape], fake) };
}

export function distances(state) {
  const { real, fake } = samplesOf(state), parts = frechet(moments(real), moments(fake));
  return { ...parts, frechet: parts.ofMeans + parts.ofCovariances, transport: transport(real, fake) };
}

const AROUND = Array.from({ length: 73 }, (_, k) => {
  const angle = (Math.PI * k) / 36;
  return [2 * Math.cos(angle), 2 * Math.sin(angle)];
});

function handles(name, title) {
  const common = { panel: 0, kind: name, step: 0.1, knob: name === "real" ? 9 : 5.5 }; // both are seen, one on the other
  const centre = {
    ...common, title: `${title}: mean`, x: [-3, 3], y: [-2, 2], get: (state) => state[name].mean,
    set: (state, mean) => ({ ...state, [name]: { ...state[name], mean } }),
    says: (state) => `at ${state[name].mean.map((value) => fixed(value, 1)).join(", ")}`,
  };
  const end = {
    ...common, title: `${title}: one standard deviation along its axis`, x: [-4, 4], y: [-3, 3], knob: common.knob - 2,
    get: ({ [name]: { mean, axis } }) => [mean[0] + axis[0], mean[1] + axis[1]],
    set: (state, at) => {
      const { mean } = state[name], axis = [at[0] - mean[0], at[1] - mean[1]];
      const size = Math.hypot(...axis) || 1, length = Math.min(2, Math.max(0.1, size));
      return { ...state, [name]: { mean, axis: axis.map((value) => (value * length) / size) } };
    },
    says: (state) => {
      const [x, y] = state[name].axis;
      return `${fixed(Math.hypot(x, y))} long, at ${fixed((Math.atan2(y, x) * 180) / Math.PI, 0)} degrees`;
    },
  };
  return [centre, end];
}

export const PICTURE = {
  panels: [{ frame: PLANE, title: "Two samples in the plane, with their ellipses of two standard deviations" }],
  legend: [["real ring", "data"], ["fake dot", "generated"], ["real", "two standard deviations"]],
  start: { real: { mean: [0, 0], axis: [1, 0.3] }, fake: { mean: [0, 0], axis: [1, 0.3] }, shape: "ring" },
  handles: [...handles("real", "Data"), ...handles("fake", "Generated")],
  controls: [
    { kind: "choice", name: "shape", label: "Generated samples",
      options: { gaussian: "a Gaussian", ring: "a ring", islands: "four islands" } },
    { kind: "action", label: "Give them the data's moments",
      act: (state) => ({ ...state, fake: { mean: [...state.real.mean], axis: [...state.real.axis] } }) },
  ],

  see(state) {
    const { real, fake } = samplesOf(state), found = distances(state);
    const ellipse = (name) => PLANE.curve(put(AROUND, state[name]), name)
      + PLANE.curve([state[name].mean, state[name].mean.map((value, k) => value + state[name].axis[k])], name);
    return {
      panels: [PLANE.draw(PLANE.dots(real, "real ring thin", 2.6), PLANE.dots(fake, "fake dot", 2.2), ellipse("real"),
        ellipse("fake"))],
      numbers: [["FD", fixed(found.frechet, 3)], ["… of the means", fixed(found.ofMeans, 3)],
        ["… of the covariances", fixed(found.ofCovariances, 3)], ["W₂² of the two samples", fixed(found.transport, 3)]],
      summary: `Fréchet distance ${fixed(found.frechet, 3)}: ${fixed(found.ofMeans, 3)} of the means and `
        + `${fixed(found.ofCovariances, 3)} of the covariances. Squared W2 of the samples ${fixed(found.transport, 3)}.`,
    };
  },
};
