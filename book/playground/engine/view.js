/** What a reader sees of a game, as numbers: samples, both fields, arrows, and the generator's map of its noise. */

import { leaf, program } from "./graph.js";
import { OBJECTIVES } from "./objectives.js";
import { gradients } from "./operations.js";
import { Stream, STATE_SIZE } from "./random.js";
import { STREAMS } from "./game.js";

/** How far the mesh reaches along each of the first two axes of the noise: all but 5 % of it lies inside. */
const MESH_REACH = 2;

export class View {
  /**
   * @param {Game} game
   * @param {{samples?: number, arrows?: number, side?: number, mesh?: number}} sizes samples: how many; arrows: of
   *   those, how many bear one, at least; side: nodes of the field along an axis; mesh: of the noise
   */
  constructor(game, { samples = 512, arrows = 64, side = 48, mesh = 17 } = {}) {
    const { latentDim, packing, seed } = game.settings;
    this.game = game;
    this.stream = new Stream(new Float64Array(STATE_SIZE));
    this.stream.seed(seed, STREAMS.view);
    this.noise = leaf(samples, latentDim);
    this.stream.fillNormal(this.noise.value);
    this.real = new Float64Array(2 * samples);
    game.density.fill(this.real, this.stream);
    this.ticks = ticksOf(game.density.reach, side);
    this.makeSamples(mesh);
    this.makeFields(packing * Math.ceil(arrows / packing));
  }

  makeSamples(mesh) {
    const { shown, settings } = this.game;
    this.samples = shown.apply(this.noise);
    this.mesh = shown.apply(latticeOf(mesh, settings.latentDim), this.noise);
    this.updateSamples = program([this.samples]);
    this.updateMesh = program([this.mesh]);
  }

  makeFields(arrows) {
    const { discriminator, settings } = this.game;
    const grid = gridOf(this.ticks, settings.packing);
    this.logits = discriminator.apply(grid);
    [this.slopes] = gradients(this.logits, [grid]);
    this.updateField = program([this.logits]);
    this.updateSlopes = program([this.slopes]);
    this.judged = leaf(arrows, 2);
    const [fake, real] = [this.judged, leaf(arrows, 2, this.real.subarray(0, 2 * arrows))]
      .map((points) => discriminator.applyPacked(points, settings.packing));
    [this.pull] = gradients(OBJECTIVES[settings.objective].generator(fake, real), [this.judged]);
    this.updatePull = program([this.pull]);
  }

  /** (n, 2): the generator's samples of the same noise every time. */
  readSamples() {
    this.updateSamples();
    return this.samples.value;
  }

  /** (mesh^2, 2): where the generator takes a square mesh of its first two axes; of a line, if there is but one. */
  readMesh() {
    this.updateMesh();
    return this.mesh.value;
  }

  /** (side, side): logits, row by row from the lowest y; packed, of as many copies of each point. */
  readField() {
    this.updateField();
    return this.logits.value;
  }

  /** (side, side): the length of the logit's gradient; packed, of the sum over the copies. */
  readSlopes() {
    this.updateSlopes();
    const { rows, columns, value } = this.slopes;
    return Float64Array.from({ length: rows }, (_, i) => {
      let x = 0, y = 0;
      for (let k = i * columns; k < (i + 1) * columns; k += 2) {
        x += value[k];
        y += value[k + 1];
      }
      return Math.sqrt(x * x + y * y);
    });
  }

  /** (arrows, 2): where gradient descent on the generator's loss would move each of the first samples, per sample. */
  readArrows() {
    this.judged.value.set(this.readSamples().subarray(0, this.judged.value.length));
    this.updatePull();
    return this.pull.value.map((value) => -this.judged.rows * value);
  }
}

function ticksOf(reach, side) {
  return Float64Array.from({ length: side }, (_, k) => reach * ((2 * k) / (side - 1) - 1));
}

/** (side^2, 2 copies): each node of the grid, as many times in a row as the discriminator sees samples at once. */
function gridOf(ticks, copies) {
  const side = ticks.length;
  const grid = leaf(side * side, 2 * copies);
  for (let k = 0; k < grid.value.length; k++) {
    const node = Math.floor(k / (2 * copies));
    grid.value[k] = ticks[k % 2 ? Math.floor(node / side) : node % side];
  }
  return grid;
}

/** A square mesh in the first two axes of the noise, 0 along the others. */
function latticeOf(side, latentDim) {
  const ticks = ticksOf(MESH_REACH, side);
  const lattice = leaf(latentDim > 1 ? side * side : side, latentDim);
  for (let i = 0; i < lattice.rows; i++) {
    lattice.value[i * latentDim] = ticks[i % side];
    if (latentDim > 1) lattice.value[i * latentDim + 1] = ticks[Math.floor(i / side)];
  }
  return lattice;
}
