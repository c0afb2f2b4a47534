/** What moves parameters: steps down a gradient, clipping, and the average of a run. All in place. */

/** How many numbers Adam remembers beside `count` parameters: two moments, and how far beta^t has fallen. */
export const memorySize = (count) => 2 * count + 2;

const ADAM_EPSILON = 1e-8;

/** Fill the memory as before the first step. */
export function forget(memory) {
  memory.fill(0);
  memory.fill(1, memory.length - 2); // beta^0
}

/** Gradient descent. @param {Float64Array} parameters @param {Float64Array} gradient of the same length */
function sgd(parameters, gradient, memory, { rate }) {
  for (let k = 0; k < parameters.length; k++) parameters[k] -= rate * gradient[k];
}

/** Adam, Kingma & Ba (2015), Algorithm 1, in PyTorch's order of operations. */
function adam(parameters, gradient, memory, { rate, beta1, beta2 }) {
  const count = parameters.length;
  const first = memory.subarray(0, count), second = memory.subarray(count, 2 * count);
  const powers = memory.subarray(2 * count);
  powers[0] *= beta1;
  powers[1] *= beta2;
  const step = rate / (1 - powers[0]);
  const correction = Math.sqrt(1 - powers[1]);
  for (let k = 0; k < count; k++) {
    first[k] = beta1 * first[k] + (1 - beta1) * gradient[k];
    second[k] = beta2 * second[k] + (1 - beta2) * gradient[k] * gradient[k];
    parameters[k] -= (step * first[k]) / (Math.sqrt(second[k]) / correction + ADAM_EPSILON);
  }
}

/** Each: (parameters, gradient, memory, {rate, beta1, beta2}). */
export const OPTIMIZERS = { sgd, adam };

/** Clamp to [-bound, bound]: the critic of Arjovsky et al. (2017), Algorithm 1. */
export function clip(parameters, bound) {
  for (let k = 0; k < parameters.length; k++) {
    parameters[k] = Math.max(-bound, Math.min(bound, parameters[k]));
  }
}

/** average <- decay * average + (1 - decay) * parameters. */
export function follow(average, parameters, decay) {
  for (let k = 0; k < average.length; k++) average[k] += (1 - decay) * (parameters[k] - average[k]);
}
