/**
 * Random numbers from a seed, the same in every browser: integer arithmetic modulo 2^32, and the logarithm and
 * cosine of elementary.js.
 */

import { cosTurns, log, sinTurns } from "./elementary.js";

/** How many numbers hold the state of a stream. */
export const STATE_SIZE = 4;

/**
 * A stream of sfc32, "small fast counting" (Chris Doty-Humphrey, PractRand 0.94): its 96 bits of chaos and a
 * counter of 32 are seeded as there, so no stream is shorter than 2^32 numbers.
 *
 * The state lives in an array of the caller's, so that who copies that array has copied the stream.
 */
export class Stream {
  /** @param {Float64Array} state of length STATE_SIZE; seed() fills it. */
  constructor(state) {
    this.state = state;
  }

  /** Start anew. @param {number} seed @param {number} stream which of the seed's: integers in 0 ... 2^32 - 1 */
  seed(seed, stream) {
    this.state.set([0, seed, stream, 1]);
    for (let k = 0; k < 12; k++) this.integer();
  }

  /** The next integer in 0 ... 2^32 - 1. */
  integer() {
    const [a, b, c, counter] = this.state;
    const result = (a + b + counter) >>> 0;
    this.state[0] = (b ^ (b >>> 9)) >>> 0;
    this.state[1] = (c + (c << 3)) >>> 0;
    this.state[2] = (((c << 21) | (c >>> 11)) + result) >>> 0;
    this.state[3] = (counter + 1) >>> 0;
    return result;
  }

  /** Uniform in [0, 1): a multiple of 2^-53, from two integers. */
  uniform() {
    const high = this.integer() >>> 5;
    const low = this.integer() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** An integer in 0 ... count - 1, uniform but for a bias below count / 2^53. */
  below(count) {
    return Math.floor(this.uniform() * count);
  }

  /** Fill an array with uniform numbers in [low, high). */
  fillUniform(values, low, high) {
    for (let k = 0; k < values.length; k++) values[k] = low + (high - low) * this.uniform();
  }

  /** Fill an array with standard normal numbers, in pairs: Box & Muller (1958). */
  fillNormal(values) {
    for (let k = 0; k < values.length; k += 2) {
      const radius = Math.sqrt(-2 * log(1 - this.uniform()));
      const turn = this.uniform();
      values[k] = radius * cosTurns(turn);
      if (k + 1 < values.length) values[k + 1] = radius * sinTurns(turn);
    }
  }
}
