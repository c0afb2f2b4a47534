// Answers the tests' questions about the engine: one JSON line in, one out.
import { assign } from "../../../book/playground/engine/assignment.js";
import { Density, densityOnGrid } from "../../../book/playground/engine/data.js";
import * as elementary from "../../../book/playground/engine/elementary.js";
import { Game } from "../../../book/playground/engine/game.js";
import { History } from "../../../book/playground/engine/history.js";
import * as measures from "../../../book/playground/engine/measures.js";
import { Stream } from "../../../book/playground/engine/random.js";
import { complete, fromAddress, SETTINGS, toAddress } from "../../../book/playground/engine/settings.js";
import { View } from "../../../book/playground/engine/view.js";
import { PRESETS } from "../../../book/playground/page/presets.js";
import { answerLines } from "./lines.mjs";

const list = (values) => [...values];
const array = (values) => Float64Array.from(values);

/** A game whose state is what a test says. */
function gameOf(settings, { generator, discriminator, vectors, batch }) {
  const game = new Game(complete(settings));
  if (generator) game.state.generator.set(generator);
  if (generator) game.state.average.set(generator);
  if (discriminator) game.state.discriminator.set(discriminator);
  if (vectors) game.state.vectors.set(vectors);
  if (batch) fill(game, batch);
  return game;
}

function fill(game, batch) {
  for (const [name, values] of Object.entries(batch)) game.batch[name].value.set(values);
}

const summary = (game) => ({
  generator: list(game.state.generator), discriminator: list(game.state.discriminator),
  average: list(game.state.average), losses: game.lastLosses,
});

const answers = {
  /** Values of a function of elementary.js. */
  elementary: ({ f, at }) => at.map((x) => elementary[f](x)),
  /** The same where infinities matter: text in, text out. */
  atEdges: ({ f, at }) => at.map((x) => String(elementary[f](Number(x)))),

  stream({ seed, stream, integers, uniforms, normals }) {
    const source = new Stream(new Float64Array(4));
    source.seed(seed, stream);
    const normal = new Float64Array(normals);
    return {
      integers: Array.from({ length: integers }, () => source.integer()),
      uniforms: Array.from({ length: uniforms }, () => source.uniform()),
      normals: (source.fillNormal(normal), list(normal)),
    };
  },

  /** Losses of a batch, and both players' gradients. */
  gradients({ settings, ...state }) {
    const game = gameOf(settings, state);
    game.players.evaluateBoth();
    const flat = ({ parts }) => parts.flatMap(({ value }) => list(value));
    return { losses: game.lastLosses, fake: list(game.losses.fake.value),
      generator: flat(game.players.g), discriminator: flat(game.players.d) };
  },

  /** A game on the given batches: moves is a list of [move, batch]. */
  play({ settings, moves, ...state }) {
    const game = gameOf(settings, state);
    for (const [move, batch] of moves) {
      fill(game, batch);
      game[move]();
    }
    return summary(game);
  },

  /** The vectors of the spectral norms after some moves on one batch. */
  vectors({ settings, moves, ...state }) {
    const game = gameOf(settings, state);
    game.draw();
    for (const move of moves) game[move]();
    return list(game.state.vectors);
  },

  /** The last batch of data and noise. */
  drawn({ settings, count }) {
    const game = new Game(complete(settings));
    for (let k = 0; k < count; k++) game.iterate();
    return [list(game.batch.real.value), list(game.batch.noise.value)];
  },

  /** Whether the generator's half of an iteration sees the batch of the discriminator's last. */
  halves({ settings }) {
    const game = new Game(complete(settings)), { real, noise } = game.batch;
    for (let k = 0; k < game.settings.criticSteps; k++) game.stepDiscriminator();
    const [data, latent] = [real, noise].map(({ value }) => list(value));
    game.stepGenerator();
    const same = (node, before) => before.every((value, k) => value === node.value[k]);
    return { data: same(real, data), noise: same(noise, latent) };
  },

  /** How good the samples of a game are. */
  judge({ settings, count }) {
    const game = new Game(complete(settings));
    for (let k = 0; k < count; k++) game.iterate();
    const view = new View(game, { samples: 256 });
    const samples = view.readSamples();
    return { ...measures.modeCoverage(samples, game.density.centres, game.density.std),
      distance: measures.wasserstein(samples, view.real) };
  },

  /** A game by itself. */
  iterate({ settings, count }) {
    const game = new Game(complete(settings));
    for (let k = 0; k < count; k++) game.iterate();
    return { ...summary(game), vectors: list(game.state.vectors) };
  },

  density({ name, std, points, count, ticks }) {
    const density = new Density(name, std, points ?? []);
    const stream = new Stream(new Float64Array(4)), samples = new Float64Array(2 * count);
    stream.seed(1, 0);
    density.fill(samples, stream);
    return { centres: list(density.centres), samples: list(samples), reach: density.reach,
      values: list(densityOnGrid(density.centres, std, array(ticks))) };
  },

  modeCoverage: ({ samples, centres, std }) => measures.modeCoverage(array(samples.map(Number)), array(centres), std),
  wasserstein: ({ x, y }) => measures.wasserstein(array(x), array(y)),
  assign: ({ costs, n }) => list(assign(array(costs), n)),
  optimalDiscriminator({ name, std, samples, bandwidth, ticks }) {
    return list(measures.optimalDiscriminator(new Density(name, std, []), array(samples), bandwidth, array(ticks)));
  },

  /** All that a view reads of a game, and the noise that it reads with. */
  view({ settings, sizes, ...state }) {
    const view = new View(gameOf(settings, state), sizes);
    return { noise: list(view.noise.value), real: list(view.real), ticks: list(view.ticks),
      samples: list(view.readSamples()), mesh: list(view.readMesh()), field: list(view.readField()),
      slopes: list(view.readSlopes()), arrows: list(view.readArrows()) };
  },

  settings: () => Object.fromEntries(Object.entries(SETTINGS).map(([name, kind]) => [name, kind.initial])),
  complete: ({ settings }) => complete(settings),
  presets: () => Object.fromEntries(PRESETS.map(([place, name, some]) => [`${place}: ${name}`, complete(some)])),

  /** Where the samples of a game are, how far they spread, and the losses, after each of some counts of iterations. */
  watch({ settings, counts }) {
    const game = new Game(complete(settings)), view = new View(game, { samples: 200 });
    let played = 0;
    return counts.map((count) => {
      for (; played < count; played++) game.iterate();
      const samples = list(view.readSamples());
      return { samples, losses: game.lastLosses,
        ...measures.modeCoverage(samples, game.density.centres, game.density.std) };
    });
  },
  address: ({ settings }) => toAddress(complete(settings)),
  fromAddress: ({ address }) => fromAddress(address),

  /** A run with detours, and the same run from its address: whether their states agree to the bit. */
  history({ settings, script }) {
    const history = new History(new Game(complete(settings)));
    const seen = new Map(), differing = [];
    for (const [what, argument] of script) {
      if (what === "goTo") history.goTo(argument);
      else for (let k = 0; k < argument; k++) history.play(what);
      const key = `${history.toAddress()}`, state = list(history.game.save());
      if (seen.has(key) && !state.every((value, k) => Object.is(value, seen.get(key)[k]))) differing.push(key);
      seen.set(key, state);
    }
    const again = new History(new Game(fromAddress(toAddress(history.game.settings))));
    again.replay(history.toAddress());
    const end = list(history.game.save()), other = list(again.game.save());
    return { address: history.toAddress(), length: history.length, differing, seen: seen.size,
      same: end.every((value, k) => Object.is(value, other[k])) };
  },
  replay({ text }) {
    const history = new History(new Game(complete({ widthG: 2, widthD: 2, batch: 2 })));
    history.replay(text);
    return history.toAddress();
  },
};

await answerLines(answers);
