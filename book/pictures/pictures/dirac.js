/** The Dirac-GAN from where the reader puts it. */

import { direction, modulus, orbit } from "../numbers/dirac.js";
import { fixed, Frame, short } from "../plot.js";

const REACH = 2.4, COUNT = 500, FLOOR = 1e-6;
const PLANE = new Frame({ x: [-REACH, REACH], y: [-REACH, REACH], ticksX: [-2, -1, 0, 1, 2], ticksY: [-2, -1, 0, 1, 2],
  labelX: "fake θ", labelY: "discriminator ψ", equal: true });
const DISTANCE = new Frame({ x: [0, COUNT], y: [-6, 1], height: PLANE.height, ticksX: [0, 100, 200, 300, 400, 500],
  ticksY: [[-6, "10⁻⁶"], [-4, "10⁻⁴"], [-2, "0.01"], [0, "1"], [1, "10"]], labelX: "steps",
  labelY: "distance to the solution" });

const SIDE = Array.from({ length: 11 }, (_, k) => -2 + (2 * k) / 5);
const GRID = SIDE.flatMap((x) => SIDE.map((y) => [x, y]));

const logarithm = (distance) => Math.log10(Math.max(distance, FLOOR / 10));

function verdict(rho) {
  if (Math.abs(rho - 1) < 1e-9) return "1: decides nothing";
  return `${fixed(rho, 5)}: ${rho < 1 ? "closes in" : "spirals out"}`;
}

export const PICTURE = {
  panels: [
    { frame: PLANE, title: "Field of steps, and the orbit from the start" },
    { frame: DISTANCE, title: "Distance to the solution against the step, on a logarithmic scale" },
  ],
  legend: [["real", "500 steps"], ["ink dashed", "the modulus, step by step"], ["fake dot", "start"]],
  start: { at: [1, 1], step: 0.2, gamma: 0, update: "simultaneous" },
  handles: [{
    panel: 0, kind: "fake", title: "Start", x: [-2, 2], y: [-2, 2], step: 0.1,
    get: ({ at }) => at, set: (state, at) => ({ ...state, at }),
    says: ({ at }) => `θ ${fixed(at[0])}, ψ ${fixed(at[1])}`,
  }],
  controls: [
    { kind: "choice", name: "update", label: "Steps",
      options: { simultaneous: "simultaneous", alternating: "alternating", optimistic: "optimistic" } },
    { kind: "range", name: "step", label: "Step h", least: 0.02, most: 1, by: 0.02 },
    { kind: "range", name: "gamma", label: "R1 penalty γ", least: 0, most: 1.5, by: 0.05 },
  ],

  see(state) {
    const path = orbit(state.at, state, COUNT), rho = modulus(state);
    const distances = path.map((place) => Math.hypot(...place));
    const end = distances.at(-1), gone = path.length <= COUNT;
    const line = [0, COUNT].map((k) => [k, Math.log10(Math.max(distances[0], 1e-9)) + k * Math.log10(rho)]);
    return {
      panels: [
        PLANE.draw(PLANE.arrows(GRID, (at) => direction(at, state.gamma), 15),
          PLANE.curve([[-0.12, 0], [0.12, 0]], "ink"), PLANE.curve([[0, -0.12], [0, 0.12]], "ink"),
          PLANE.curve(path, "real thin")),
        DISTANCE.draw(DISTANCE.curve([[0, 0], [COUNT, 0]], "rule"), DISTANCE.curve(line, "ink dashed"),
          DISTANCE.curve(distances.map((distance, k) => [k, logarithm(distance)]), "real")),
      ],
      numbers: [["Modulus near the solution", verdict(rho)],
        [`Distance after ${gone ? path.length - 1 : COUNT} steps`, gone ? "beyond a million" : short(end)],
        ["Least distance on the way", short(Math.min(...distances))]],
      summary: `Modulus ${verdict(rho)}. From distance ${fixed(distances[0])} to `
        + `${gone ? "beyond a million" : short(end)} in ${path.length - 1} steps.`,
    };
  },
};
