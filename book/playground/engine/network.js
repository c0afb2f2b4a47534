/** Multilayer perceptrons of the plane: the library's MLP pair, with batch or spectral normalisation. */

import { leavesOf } from "./graph.js";
import {
  add, broadcast, leakyRelu, mean, multiply, product, reciprocal, reshape, scale, square, squareRoot, subtract, tanh,
} from "./operations.js";

export const ACTIVATIONS = {
  relu: (x) => leakyRelu(x, 0),
  leaky_relu: (x) => leakyRelu(x, 0.2),
  tanh,
};

const BATCH_NORM_EPSILON = 1e-5; // PyTorch's
const FIRST_POWER_ITERATIONS = 15; // PyTorch's

/**
 * What a perceptron is made of.
 * @typedef {{inputs: number, width: number, depth: number, outputs: number, activation: string,
 *   batchNorm: boolean, spectralNorm: boolean}} Shape depth: how many hidden layers
 */

/** The layers of a shape: [columns, rows] of each weight, and whether batch norm and activation follow. */
function layersOf({ inputs, width, depth, outputs }) {
  const sizes = [inputs, ...Array(depth).fill(width), outputs];
  return sizes.slice(1).map((rows, k) => ({ rows, columns: sizes[k], hidden: k < depth }));
}

/** How many numbers the parameters of a shape are, and those of the vectors of its spectral norms. */
export function sizesOf(shape) {
  let parameters = 0, vectors = 0;
  for (const { rows, columns, hidden } of layersOf(shape)) {
    parameters += rows * columns + rows + (shape.batchNorm && hidden ? 2 * rows : 0);
    if (shape.spectralNorm) vectors += rows + columns;
  }
  return { parameters, vectors };
}

export class Perceptron {
  /**
   * @param {Shape} shape
   * @param {Float64Array} parameters layer after layer: weight (out, in), bias, and where batch norm follows its
   *   gain and shift: PyTorch's order. The caller's array stays the network's memory.
   * @param {Float64Array} [vectors] of the spectral norms: u (out) and v (in) of each layer
   */
  constructor(shape, parameters, vectors = new Float64Array(0)) {
    this.shape = shape;
    const take = leavesOf(parameters), takeVector = leavesOf(vectors);
    this.layers = layersOf(shape).map(({ rows, columns, hidden }) => {
      const layer = { hidden, weight: take(rows, columns), bias: take(1, rows) };
      if (shape.batchNorm && hidden) Object.assign(layer, { gain: take(1, rows), shift: take(1, rows) });
      if (shape.spectralNorm) Object.assign(layer, { u: takeVector(1, rows), v: takeVector(columns, 1) });
      return { ...layer, used: layer.u ? normalisedWeight(layer) : layer.weight };
    });
    this.parameters = this.layers.flatMap((layer) =>
      layer.gain ? [layer.weight, layer.bias, layer.gain, layer.shift] : [layer.weight, layer.bias]);
  }

  /** Draw the parameters as PyTorch's linear layers do: uniform within 1 / sqrt(in). */
  start(stream) {
    for (const { weight, bias, gain, u, v } of this.layers) {
      const bound = 1 / Math.sqrt(weight.columns);
      stream.fillUniform(weight.value, -bound, bound);
      stream.fillUniform(bias.value, -bound, bound);
      if (gain) gain.value.fill(1);
      if (u) [u, v].forEach((vector) => stream.fillNormal(vector.value));
    }
    for (let k = 0; k < FIRST_POWER_ITERATIONS; k++) this.refineNorms();
  }

  /** One power iteration of every spectral norm. */
  refineNorms() {
    for (const { weight, u, v } of this.layers) {
      if (!u) continue;
      toUnit(u.value, (i) => dot(weight.value, i * weight.columns, 1, v.value));
      toUnit(v.value, (j) => dot(weight.value, j, weight.columns, u.value));
    }
  }

  /**
   * @param {Node} x (B, inputs)
   * @param {Node} [reference] (B', inputs), the batch whose statistics batch norm uses: x itself when training
   * @returns {Node} (B, outputs)
   */
  apply(x, reference = x) {
    for (const layer of this.layers) {
      const alone = reference === x || !this.shape.batchNorm;
      const of = forward(this.shape, layer, x, alone ? null : reference);
      [x, reference] = alone ? [of.x, of.x] : [of.x, of.reference];
    }
    return x;
  }

  /** The same for samples packed by m: rows of x are joined m at a time. @returns {Node} (B / m, outputs) */
  applyPacked(x, m) {
    return this.apply(reshape(x, x.rows / m, x.columns * m));
  }
}

function forward({ activation }, layer, x, reference) {
  const [a, b] = [x, reference].map((input) => input && affine(input, layer.used, layer.bias));
  if (!layer.hidden) return { x: a, reference: b };
  const statistics = layer.gain && momentsOf(b ?? a);
  const [y, z] = [a, b].map((input) => {
    if (!input) return null;
    return ACTIVATIONS[activation](layer.gain ? batchNorm(input, statistics, layer) : input);
  });
  return { x: y, reference: z };
}

/** x weight^T + bias. */
function affine(x, weight, bias) {
  return add(product(x, weight, false, true), broadcast(bias, x.rows, bias.columns));
}

/** Mean, and one over the standard deviation, of each column. */
function momentsOf(x) {
  const centre = mean(x);
  const variance = mean(square(subtract(x, broadcast(centre, x.rows, x.columns))));
  return { centre, inverse: reciprocal(squareRoot(scale(variance, 1, BATCH_NORM_EPSILON))) };
}

function batchNorm(x, { centre, inverse }, { gain, shift }) {
  const spread = (row) => broadcast(row, x.rows, x.columns);
  return add(multiply(subtract(x, spread(centre)), spread(multiply(inverse, gain))), spread(shift));
}

/** W / (u W v): by its largest singular value, once u and v have converged. Miyato et al. (2018), equation 8. */
function normalisedWeight({ weight, u, v }) {
  const sigma = product(product(u, weight), v);
  return multiply(weight, broadcast(reciprocal(sigma), weight.rows, weight.columns));
}

function dot(matrix, start, stride, vector) {
  let sum = 0;
  for (let k = 0; k < vector.length; k++) sum += matrix[start + k * stride] * vector[k];
  return sum;
}

/** Fill a vector with f(0), f(1), ... over their length. */
function toUnit(vector, f) {
  let squares = 0;
  for (let k = 0; k < vector.length; k++) {
    vector[k] = f(k);
    squares += vector[k] * vector[k];
  }
  const length = Math.max(Math.sqrt(squares), 1e-12); // PyTorch's bound
  for (let k = 0; k < vector.length; k++) vector[k] /= length;
}
