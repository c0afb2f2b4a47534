/** Both players' losses, as expressions of their parameters and of one batch. */

import { OBJECTIVES } from "./objectives.js";
import { add, scale } from "./operations.js";
import { gradientPenalty, zeroCentredPenalty } from "./penalties.js";

/** How many numbers makeBatch takes. */
export const batchSize = ({ batch, latentDim }) => batch * (2 + latentDim + 1 + 2 + 2);

/**
 * Leaves for what a step draws: real points, latent noise of the fake ones, the share of the real point in the
 * mixtures of a gradient penalty, and the instance noise of both, standard normal.
 * @param {function(number, number): Node} leaf of (rows, columns)
 */
export function makeBatch({ batch, latentDim }, leaf) {
  return {
    real: leaf(batch, 2),
    noise: leaf(batch, latentDim),
    share: leaf(batch, 1),
    realNoise: leaf(batch, 2),
    fakeNoise: leaf(batch, 2),
  };
}

/**
 * @param {object} settings of the game: see settings.js
 * @param {Perceptron} generator
 * @param {Perceptron} discriminator
 * @param {object} batch of makeBatch
 * @returns {{fake: Node, fakeLogits: Node, generatorLoss: Node, discriminatorLoss: Node, penalty: Node}} fake: the
 *   points before any instance noise; penalty: what is added to the discriminator's loss, null if nothing is
 */
export function makeLosses(settings, generator, discriminator, batch) {
  const judge = (points) => discriminator.applyPacked(points, settings.packing);
  const fake = generator.apply(batch.noise);
  const seenReal = withNoise(batch.real, batch.realNoise, settings.instanceNoise);
  const seenFake = withNoise(fake, batch.fakeNoise, settings.instanceNoise);
  const objective = OBJECTIVES[settings.objective];
  const realLogits = judge(seenReal), fakeLogits = judge(seenFake);
  return {
    fake,
    fakeLogits,
    generatorLoss: objective.generator(fakeLogits, realLogits),
    discriminatorLoss: objective.discriminator(realLogits, fakeLogits, settings),
    penalty: penaltyOf(settings, judge, seenReal, seenFake, batch.share),
  };
}

function withNoise(points, noise, std) {
  return std > 0 ? add(points, scale(noise, std)) : points;
}

/** The sum of the penalties that have a weight: lambda GP + gamma1 / 2 R1 + gamma2 / 2 R2. */
function penaltyOf({ gradientPenalty: weight, centre, r1, r2 }, judge, real, fake, share) {
  const parts = [];
  if (weight > 0) parts.push(scale(gradientPenalty(judge, real, fake, share, centre), weight));
  if (r1 > 0) parts.push(scale(zeroCentredPenalty(judge, real), r1 / 2));
  if (r2 > 0) parts.push(scale(zeroCentredPenalty(judge, fake), r2 / 2));
  return parts.length ? parts.reduce(add) : null;
}
