/** One run as the page shows it: a game, its history, its losses so far, and a picture of it on request. */

import { sigmoid } from "./engine/elementary.js";
import { Game } from "./engine/game.js";
import { History } from "./engine/history.js";
import { modeCoverage, optimalDiscriminator, wasserstein } from "./engine/measures.js";
import { fromAddress } from "./engine/settings.js";
import { View } from "./engine/view.js";

const MOST_CURVE_POINTS = 300;
const TRANSPORTED = 256; // points on either side of the exact distance

/** Objectives whose logits are read as log-odds of "real". */
const PROBABILISTIC = ["minimax", "non_saturating", "maximum_likelihood", "label_smoothing"];

export class Lane {
  /** @param {string} address of the settings @param {string} run moves to begin with */
  constructor(address, run) {
    this.game = new Game(fromAddress(address));
    this.history = new History(this.game);
    this.view = new View(this.game);
    this.curve = []; // [discriminator's loss, generator's] after each move
    this.history.replay(run, () => this.note());
  }

  note() {
    const { discriminator, generator } = this.game.lastLosses;
    this.curve[this.history.position - 1] = [discriminator, generator];
  }

  /** Make one kind of move so many times, until a weight is no number any more. */
  advance(move, count) {
    for (let k = 0; k < count && this.game.isFinite; k++) {
      this.history.play(move);
      this.curve.length = Math.min(this.curve.length, this.history.length);
      this.note();
    }
  }

  goTo(position) {
    this.history.goTo(position);
  }

  /**
   * @param {{field: string, arrows: boolean, mesh: boolean}} wanted field: "discriminator", "slope", "optimal"
   * @returns {object} numbers that canvas.js draws
   */
  picture({ field, arrows, mesh }) {
    const { game, view, history } = this;
    const samples = view.readSamples();
    const { centres, areModes, std, reach } = game.density;
    return {
      samples, real: view.real, reach, field: this.field(field), side: view.ticks.length,
      arrows: arrows ? view.readArrows() : null, mesh: mesh ? view.readMesh() : null,
      meshIsLine: game.settings.latentDim === 1,
      coverage: areModes ? { ...modeCoverage(samples, centres, std), of: centres.length / 2 } : null,
      position: history.position, length: history.length, run: history.toAddress(), isFinite: game.isFinite,
      curve: thinned(this.curve.slice(0, history.position)), losses: this.curve[history.position - 1] ?? null,
    };
  }

  /** {values in 0 ... 1, kind, low, high}: low and high are what 0 and 1 stand for. */
  field(kind) {
    const { game, view } = this;
    if (kind === "optimal") {
      const bandwidth = Math.max(game.density.std, view.ticks[1] - view.ticks[0]);
      return { kind: "probability", low: 0, high: 1,
        values: optimalDiscriminator(game.density, view.samples.value, bandwidth, view.ticks) };
    }
    if (kind === "slope") return scaled("slope", view.readSlopes(), 0);
    const logits = view.readField();
    return PROBABILISTIC.includes(game.settings.objective)
      ? { kind: "probability", values: logits.map(sigmoid), low: 0, high: 1 } : scaled("score", logits);
  }

  /** The exact 1-Wasserstein distance between samples and data. */
  distance() {
    const some = (points) => points.subarray(0, 2 * TRANSPORTED);
    return wasserstein(some(this.view.readSamples()), some(this.view.real));
  }
}

function scaled(kind, values, low = values.reduce((a, b) => Math.min(a, b))) {
  const high = values.reduce((a, b) => Math.max(a, b));
  return { kind, low, high, values: values.map((value) => (high > low ? (value - low) / (high - low) : 0)) };
}

/** At most MOST_CURVE_POINTS of them, evenly, the last among them: [position, ...losses]. */
function thinned(curve) {
  const every = Math.ceil(curve.length / MOST_CURVE_POINTS);
  return curve.map((losses, k) => [k + 1, ...losses])
    .filter((_, k) => (curve.length - 1 - k) % every === 0);
}
