/** A game of two networks: its state, its moves, and copies of it. */

import { Density } from "./data.js";
import { leavesOf, program } from "./graph.js";
import { batchSize, makeBatch, makeLosses } from "./losses.js";
import { Perceptron, sizesOf } from "./network.js";
import { add, gradients } from "./operations.js";
import { clip, follow, forget, memorySize, OPTIMIZERS } from "./optimizers.js";
import { STATE_SIZE, Stream } from "./random.js";

/** Streams of a seed: data, noise and weights are the same for all games of one seed and these sizes. */
export const STREAMS = { weightsG: 0, weightsD: 1, data: 2, noise: 3, share: 4, instance: 5, view: 6 };
const DRAWN = ["data", "noise", "share", "instance"]; // those that go on while a game is played

/** The shapes of both networks. @returns {{generator: Shape, discriminator: Shape}} see network.js */
export function shapesOf(settings) {
  const { latentDim, packing, batchNorm, spectralNorm } = settings;
  return {
    generator: {
      inputs: latentDim, width: settings.widthG, depth: settings.depthG, outputs: 2,
      activation: settings.activationG, batchNorm, spectralNorm: false,
    },
    discriminator: {
      inputs: 2 * packing, width: settings.widthD, depth: settings.depthD, outputs: 1,
      activation: settings.activationD, batchNorm: false, spectralNorm,
    },
  };
}

/** One array for all that a run goes on from, and a view of it for each part. */
function makeState(settings, { generator, discriminator }) {
  const g = sizesOf(generator), d = sizesOf(discriminator);
  const sizes = {
    generator: g.parameters,
    discriminator: d.parameters,
    average: g.parameters,
    vectors: d.vectors,
    memoryG: memorySize(g.parameters),
    memoryD: memorySize(d.parameters),
    batch: batchSize(settings),
    streams: DRAWN.length * STATE_SIZE,
    counts: 3, // moves of G, moves of D, whether a batch waits for G's answer
  };
  const all = new Float64Array(Object.values(sizes).reduce((sum, size) => sum + size));
  const state = { all };
  let taken = 0;
  for (const [name, size] of Object.entries(sizes)) state[name] = all.subarray(taken, (taken += size));
  return state;
}

export class Game {
  /** @param {object} settings complete: see settings.js */
  constructor(settings) {
    this.settings = settings;
    this.density = new Density(settings.data, settings.std, settings.points);
    const shapes = shapesOf(settings);
    this.state = makeState(settings, shapes);
    this.generator = new Perceptron(shapes.generator, this.state.generator);
    this.average = new Perceptron(shapes.generator, this.state.average);
    this.discriminator = new Perceptron(shapes.discriminator, this.state.discriminator, this.state.vectors);
    this.batch = makeBatch(settings, leavesOf(this.state.batch));
    this.losses = makeLosses(settings, this.generator, this.discriminator, this.batch);
    this.players = this.makePlayers();
    this.streams = Object.fromEntries(DRAWN.map((name, k) =>
      [name, new Stream(this.state.streams.subarray(k * STATE_SIZE, (k + 1) * STATE_SIZE))]));
    this.start();
  }

  /** Each player's gradient, the program that computes it and the losses, and its part of the state. */
  makePlayers() {
    const { generatorLoss, discriminatorLoss, penalty } = this.losses;
    const player = (network, loss, parameters, memory, rate) => {
      const parts = gradients(loss, network.parameters);
      const gradient = new Float64Array(parameters.length);
      return { parts, gradient, parameters, memory, rate };
    };
    const { rateG, rateD } = this.settings;
    const { generator, discriminator, memoryG, memoryD } = this.state;
    const minimised = penalty ? add(discriminatorLoss, penalty) : discriminatorLoss;
    const g = player(this.generator, generatorLoss, generator, memoryG, rateG);
    const d = player(this.discriminator, minimised, discriminator, memoryD, rateD);
    const wantedG = [...g.parts, generatorLoss], wantedD = [...d.parts, minimised];
    g.evaluate = program(wantedG);
    d.evaluate = program(wantedD);
    return { g, d, evaluateBoth: program([...wantedG, ...wantedD]) };
  }

  /** Back to the start: initial weights and streams of the seed. */
  start() {
    const { seed } = this.settings;
    const streamOf = (name) => {
      const stream = new Stream(new Float64Array(STATE_SIZE));
      stream.seed(seed, STREAMS[name]);
      return stream;
    };
    this.generator.start(streamOf("weightsG"));
    this.discriminator.start(streamOf("weightsD"));
    this.state.average.set(this.state.generator);
    forget(this.state.memoryG);
    forget(this.state.memoryD);
    for (const name of DRAWN) this.streams[name].seed(seed, STREAMS[name]);
    this.state.counts.fill(0);
  }

  /** One iteration: `criticSteps` moves of the discriminator and one of the generator. */
  iterate() {
    if (this.settings.update === "simultaneous") {
      this.draw();
      this.moveBoth();
      return;
    }
    for (let k = 0; k < this.settings.criticSteps; k++) this.stepDiscriminator();
    this.stepGenerator();
  }

  /** A move of the discriminator on a new batch. */
  stepDiscriminator() {
    this.draw();
    this.moveDiscriminator();
    this.state.counts[2] = 1;
  }

  /** A move of the generator: its answer on the batch that the discriminator moved on, else on a new one. */
  stepGenerator() {
    if (!this.state.counts[2]) this.draw();
    else if (this.settings.freshNoise) this.streams.noise.fillNormal(this.batch.noise.value);
    this.moveGenerator();
    this.state.counts[2] = 0;
  }

  /** Draw a new batch. Every stream moves on, used or not: games with other settings see the same data. */
  draw() {
    const { real, noise, share, realNoise, fakeNoise } = this.batch;
    this.density.fill(real.value, this.streams.data);
    this.streams.noise.fillNormal(noise.value);
    this.streams.share.fillUniform(share.value, 0, 1);
    this.streams.instance.fillNormal(realNoise.value);
    this.streams.instance.fillNormal(fakeNoise.value);
  }

  /** Move the discriminator on the batch as it is. */
  moveDiscriminator() {
    this.discriminator.refineNorms();
    this.players.d.evaluate();
    this.descend(this.players.d);
    this.afterDiscriminator();
  }

  /** Move the generator on the batch as it is. */
  moveGenerator() {
    this.discriminator.refineNorms();
    this.players.g.evaluate();
    this.descend(this.players.g);
    this.afterGenerator();
  }

  /** Move both from the same point. */
  moveBoth() {
    this.discriminator.refineNorms();
    this.players.evaluateBoth();
    this.descend(this.players.g);
    this.descend(this.players.d);
    this.afterDiscriminator();
    this.afterGenerator();
  }

  descend({ parts, parameters, memory, rate, gradient }) {
    gather(gradient, parts);
    const { optimizer, decay, beta1, beta2 } = this.settings;
    const left = decay ? Math.max(0, 1 - this.state.counts[0] / decay) : 1;
    OPTIMIZERS[optimizer](parameters, gradient, memory, { rate: rate * left, beta1, beta2 });
  }

  afterDiscriminator() {
    if (this.settings.clip > 0) clip(this.state.discriminator, this.settings.clip);
    this.state.counts[1] += 1;
  }

  afterGenerator() {
    if (this.settings.ema > 0) follow(this.state.average, this.state.generator, this.settings.ema);
    this.state.counts[0] += 1;
  }

  /** The network that samples are shown of: the average of the generator where one is kept. */
  get shown() {
    return this.settings.ema > 0 ? this.average : this.generator;
  }

  /** The losses as they were before the last move that computed each; the discriminator's without its penalty. */
  get lastLosses() {
    const { generatorLoss, discriminatorLoss, penalty } = this.losses;
    return { generator: generatorLoss.value[0], discriminator: discriminatorLoss.value[0],
      penalty: penalty ? penalty.value[0] : 0 };
  }

  /** Whether all weights are still numbers. */
  get isFinite() {
    return this.state.generator.every(Number.isFinite) && this.state.discriminator.every(Number.isFinite);
  }

  /** A copy of the state, from which restore goes on to the bit. */
  save() {
    return this.state.all.slice();
  }

  /** @param {Float64Array} saved by a game of the same settings */
  restore(saved) {
    this.state.all.set(saved);
  }
}

/** Write the values of several nodes into one array, one after the other. */
function gather(values, nodes) {
  let at = 0;
  for (const { value } of nodes) {
    values.set(value, at);
    at += value.length;
  }
}
