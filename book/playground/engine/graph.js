/**
 * Expressions of matrices: built once, evaluated at every step without allocating anything.
 *
 * Gradients are themselves expressions, made by `gradients` from each operation's own rule. So the gradient of a
 * gradient, which a gradient penalty needs, is one more call.
 */

/** A matrix that is given (a leaf) or computed from others, row by row in `value`. */
export class Node {
  /**
   * @param {number} rows @param {number} columns
   * @param {Node[]} inputs none for a leaf
   * @param {?function(): void} run fills `value` from the inputs' values; null where there is nothing to do
   * @param {?function(Node): (?Node)[]} rule from dL/d(this) to dL/d(each input), null where that is zero
   * @param {Float64Array} value shared with an input by operations that only reshape
   */
  constructor(rows, columns, inputs, run, rule, value = new Float64Array(rows * columns)) {
    Object.assign(this, { rows, columns, inputs, run, rule, value });
  }
}

/** A leaf: a parameter or an input. @param {Float64Array} [value] of length rows * columns */
export function leaf(rows, columns, value) {
  return new Node(rows, columns, [], null, null, value);
}

/** A function (rows, columns) that cuts leaves off an array, one after the other; they share its memory. */
export function leavesOf(values) {
  let taken = 0;
  return (rows, columns) => leaf(rows, columns, values.subarray(taken, (taken += rows * columns)));
}

/** A leaf of ones. */
export function ones(rows, columns) {
  return leaf(rows, columns, new Float64Array(rows * columns).fill(1));
}

/** All nodes that the outputs depend on, themselves among them, inputs before what is made of them. */
function ordered(outputs) {
  const found = new Set();
  const visit = (node) => {
    if (found.has(node)) return;
    node.inputs.forEach(visit);
    found.add(node); // a set keeps the order of insertion
  };
  outputs.forEach(visit);
  return [...found];
}

/** A function without arguments that brings the outputs' values up to date with the leaves'. */
export function program(outputs) {
  const steps = ordered(outputs).filter((node) => node.run).map((node) => node.run);
  return () => {
    for (const step of steps) step();
  };
}

/**
 * The gradients of the sum of all entries of `output`, by reverse accumulation.
 *
 * @param {Node} output any shape; its rows may be independent samples: then each has its own gradient
 * @param {Node[]} sources with respect to these; each is taken as free, whatever it is made of
 * @param {function(Node, Node): Node} add the sum of two nodes (an argument: operations.js builds on this file)
 * @returns {Node[]} of the sources' shapes
 */
export function gradientsBy(add, output, sources) {
  const order = ordered([output]);
  const depends = new Set(sources);
  for (const node of order) if (node.inputs.some((input) => depends.has(input))) depends.add(node);
  const gradient = new Map([[output, ones(output.rows, output.columns)]]);
  for (const node of order.reverse()) {
    if (sources.includes(node) || !depends.has(node) || !gradient.has(node)) continue;
    const parts = node.rule(gradient.get(node));
    node.inputs.forEach((input, k) => {
      if (!parts[k] || !depends.has(input)) return;
      gradient.set(input, gradient.has(input) ? add(gradient.get(input), parts[k]) : parts[k]);
    });
  }
  return sources.map((source) => gradient.get(source) ?? leaf(source.rows, source.columns));
}
