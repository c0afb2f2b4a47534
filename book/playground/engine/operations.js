/** The operations that expressions are made of: each a node with its arithmetic and its gradient. */

import * as elementary from "./elementary.js";
import { gradientsBy, Node } from "./graph.js";
import { multiply as multiplyMatrices } from "./matrix.js";

/** Gradients of the sum of `output` with respect to each of `sources`: see graph.js. */
export function gradients(output, sources) {
  return gradientsBy(add, output, sources);
}

function checkSameShape(a, b) {
  if (a.rows !== b.rows || a.columns !== b.columns) {
    throw new Error(`shapes must agree, got ${a.rows} x ${a.columns} and ${b.rows} x ${b.columns}`);
  }
}

/** a + b of one shape. */
export function add(a, b) {
  checkSameShape(a, b);
  const node = new Node(a.rows, a.columns, [a, b], run, (g) => [g, g]);
  function run() {
    const out = node.value, x = a.value, y = b.value;
    for (let k = 0; k < out.length; k++) out[k] = x[k] + y[k];
  }
  return node;
}

/** a - b of one shape. */
export function subtract(a, b) {
  return add(a, scale(b, -1));
}

/** Entry by entry, a * b of one shape. */
export function multiply(a, b) {
  checkSameShape(a, b);
  const node = new Node(a.rows, a.columns, [a, b], run, (g) => [multiply(g, b), multiply(g, a)]);
  function run() {
    const out = node.value, x = a.value, y = b.value;
    for (let k = 0; k < out.length; k++) out[k] = x[k] * y[k];
  }
  return node;
}

/** factor * a + shift, both numbers. */
export function scale(a, factor, shift = 0) {
  const node = new Node(a.rows, a.columns, [a], run, (g) => [scale(g, factor)]);
  function run() {
    const out = node.value, x = a.value;
    for (let k = 0; k < out.length; k++) out[k] = factor * x[k] + shift;
  }
  return node;
}

/** The same numbers, row by row, in another shape. */
export function reshape(a, rows, columns) {
  if (rows * columns !== a.rows * a.columns) {
    throw new Error(`${a.rows} x ${a.columns} numbers cannot be read as ${rows} x ${columns}`);
  }
  return new Node(rows, columns, [a], null, (g) => [reshape(g, a.rows, a.columns)], a.value);
}

/** The product of matrices, of either's transpose where said. */
export function product(a, b, transposeA = false, transposeB = false) {
  const [rows, inner] = transposeA ? [a.columns, a.rows] : [a.rows, a.columns];
  const [innerB, columns] = transposeB ? [b.columns, b.rows] : [b.rows, b.columns];
  if (inner !== innerB) throw new Error(`inner sizes of a product must agree, got ${inner} and ${innerB}`);
  const [aRow, aColumn] = transposeA ? [1, a.columns] : [a.columns, 1];
  const [bRow, bColumn] = transposeB ? [1, b.columns] : [b.columns, 1];
  const shape = { rows, columns, inner, aRow, aColumn, bRow, bColumn };
  const node = new Node(rows, columns, [a, b], run, (g) => [
    transposeA ? product(b, g, transposeB, true) : product(g, b, false, !transposeB),
    transposeB ? product(g, a, true, transposeA) : product(a, g, !transposeA, false),
  ]);
  function run() {
    multiplyMatrices(node.value, a.value, b.value, shape);
  }
  return node;
}

/** Sums down to (rows, columns), each either a's own or 1. */
export function sum(a, rows = 1, columns = 1) {
  const node = new Node(rows, columns, [a], run, (g) => [broadcast(g, a.rows, a.columns)]);
  const down = rows === 1 ? 0 : columns, across = columns === 1 ? 0 : 1;
  function run() {
    const out = node.value.fill(0), x = a.value;
    for (let i = 0, k = 0; i < a.rows; i++) {
      for (let j = 0, at = i * down; j < a.columns; j++, k++, at += across) out[at] += x[k];
    }
  }
  return node;
}

/** Copies up to (rows, columns); each of a's sizes is that or 1. */
export function broadcast(a, rows, columns) {
  const node = new Node(rows, columns, [a], run, (g) => [sum(g, a.rows, a.columns)]);
  const down = a.rows === 1 ? 0 : a.columns, across = a.columns === 1 ? 0 : 1;
  function run() {
    const out = node.value, x = a.value;
    for (let i = 0, k = 0; i < rows; i++) {
      for (let j = 0, at = i * down; j < columns; j++, k++, at += across) out[k] = x[at];
    }
  }
  return node;
}

/** The mean over all rows: of a column one number, of a matrix one row. */
export function mean(a) {
  return scale(sum(a, 1, a.columns), 1 / a.rows);
}

/** max(x, slope * x) for slope < 1; slope 0 is the ReLU. */
export function leakyRelu(a, slope) {
  const node = new Node(a.rows, a.columns, [a], run, (g) => [leakyGate(g, a, slope)]);
  function run() {
    const out = node.value, x = a.value;
    for (let k = 0; k < out.length; k++) out[k] = x[k] > 0 ? x[k] : slope * x[k];
  }
  return node;
}

/** g where x > 0, elsewhere slope * g. Constant in x where it has a derivative. */
function leakyGate(g, x, slope) {
  const node = new Node(g.rows, g.columns, [g, x], run, (h) => [leakyGate(h, x, slope), null]);
  function run() {
    const out = node.value, from = g.value, gate = x.value;
    for (let k = 0; k < out.length; k++) out[k] = gate[k] > 0 ? from[k] : slope * from[k];
  }
  return node;
}

/** An operation on each entry. @param {function(Node, Node): Node} rule of (g, the node itself) */
function entrywise(a, f, rule) {
  const node = new Node(a.rows, a.columns, [a], run, (g) => [rule(g, node)]);
  function run() {
    const out = node.value, x = a.value;
    for (let k = 0; k < out.length; k++) out[k] = f(x[k]);
  }
  return node;
}

export function tanh(a) {
  return entrywise(a, elementary.tanh, tanhGate);
}

/** g * (1 - y^2). */
function tanhGate(g, y) {
  const node = new Node(g.rows, g.columns, [g, y], run, (h) => [
    tanhGate(h, y),
    scale(multiply(multiply(g, h), y), -2),
  ]);
  function run() {
    const out = node.value, from = g.value, at = y.value;
    for (let k = 0; k < out.length; k++) out[k] = from[k] * (1 - at[k] * at[k]);
  }
  return node;
}

export function exp(a) {
  return entrywise(a, elementary.exp, multiply);
}

/** log(1 + e^x). */
export function softplus(a) {
  return entrywise(a, elementary.softplus, (g) => multiply(g, sigmoid(a)));
}

export function sigmoid(a) {
  return entrywise(a, elementary.sigmoid, (g, y) => multiply(g, multiply(y, scale(y, -1, 1))));
}

export function square(a) {
  return multiply(a, a);
}

/** The square root; its derivative at 0 is taken as 0, as PyTorch does for a norm. */
export function squareRoot(a) {
  return entrywise(a, Math.sqrt, (g, y) => scale(multiply(g, reciprocal(y)), 0.5));
}

/** 1 / x, and 0 at 0: see squareRoot. */
export function reciprocal(a) {
  const invert = (x) => (x === 0 ? 0 : 1 / x);
  return entrywise(a, invert, (g, y) => scale(multiply(g, square(y)), -1));
}
