/**
 * Elementary functions that give the same bits in every browser.
 *
 * Math.exp, Math.log, Math.tanh and Math.cos are "implementation-approximated": two browsers may differ in the
 * last digit, and a game of two players turns that digit into another run. Here stand additions,
 * multiplications, divisions and square roots alone, which IEEE 754 rounds in one way.
 *
 * Polynomials: fdlibm 5.3, Copyright 1993 by Sun Microsystems ("permission to use, copy, modify, and distribute
 * this software is freely granted, provided that this notice is preserved"); of tanh: Cephes, S. L. Moshier.
 */

const LN2_HIGH = 6.93147180369123816490e-1; // its last 32 bits are zero: k * LN2_HIGH is exact
const LN2_LOW = 1.90821492927058770002e-10;

/** Powers of two, -1074 ... 1023, each exact. */
const POWERS = powersOfTwo();
const LEAST_EXPONENT = -1074;

function powersOfTwo() {
  const powers = new Float64Array(1023 - -1074 + 1);
  powers[1074] = 1;
  for (let k = 1075; k < powers.length; k++) powers[k] = powers[k - 1] * 2;
  for (let k = 1073; k >= 0; k--) powers[k] = powers[k + 1] / 2;
  return powers;
}

/** y * 2^k for -1100 < k < 1100, in two steps: 2^1024 is no number, and 2^-1070 has few digits. */
function scaled(y, k) {
  const half = k >> 1;
  return y * POWERS[half - LEAST_EXPONENT] * POWERS[k - half - LEAST_EXPONENT];
}

/** e^x, within 1 ulp. */
export function exp(x) {
  if (!(x < 709.782712893384)) return x > 0 ? Infinity : x; // NaN stays
  if (x < -745.1332191019412) return 0;
  const k = Math.floor(x * 1.44269504088896338700 + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const c = r - t * (1.66666666666666019037e-1 + t * (-2.77777777770155933842e-3 + t * (6.61375632143793436117e-5
    + t * (-1.65339022054652515390e-6 + t * 4.13813679705723846039e-8))));
  return scaled(1 - (low - (r * c) / (2 - c) - high), k);
}

const word = new DataView(new ArrayBuffer(8));

/** Natural logarithm, within 1 ulp; -Infinity at 0, NaN below. */
export function log(x) {
  if (!(x > 0) || x === Infinity) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984; // 2^54, out of the subnormal numbers
    k = -54;
  }
  word.setFloat64(0, x);
  k += (word.getUint32(0) >>> 20) - 1023;
  word.setUint32(0, (word.getUint32(0) & 0xfffff) | 0x3ff00000);
  let m = word.getFloat64(0);
  if (m > 1.4142135623730951) {
    m /= 2;
    k += 1;
  }
  return k * LN2_HIGH + (logNearOne(m - 1, k * LN2_LOW));
}

/** log(1 + f) + rest for sqrt(1/2) - 1 <= f <= sqrt(2) - 1. */
function logNearOne(f, rest) {
  const s = f / (2 + f);
  const z = s * s;
  const series = z * (6.666666666666735130e-1 + z * (3.999999999940941908e-1 + z * (2.857142874366239149e-1
    + z * (2.222219843214978396e-1 + z * (1.818357216161805012e-1 + z * (1.531383769920937332e-1
    + z * 1.479819860511658591e-1))))));
  const half = 0.5 * f * f;
  return f - (half - (s * (half + series) + rest));
}

/** log(1 + x) for x >= 0, within 2 ulp. */
export function log1p(x) {
  const sum = 1 + x;
  return sum === Infinity ? x : log(sum) + (x - (sum - 1)) / sum; // what the sum lost comes back to first order
}

/** log(1 + e^x), within 2 ulp. */
export function softplus(x) {
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/** 1 / (1 + e^-x), within 3 ulp. */
export function sigmoid(x) {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** Hyperbolic tangent, within 2 ulp. */
export function tanh(x) {
  const size = Math.abs(x);
  if (size < 0.625) {
    const z = x * x;
    const above = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
    const below = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
    return x + (x * z * above) / below;
  }
  if (size > 22) return x > 0 ? 1 : -1;
  const y = 1 - 2 / (exp(2 * size) + 1);
  return x > 0 ? y : x < 0 ? -y : x; // NaN stays
}

const TURN = 6.283185307179586;
const TURN_LOW = 2.4492935982947064e-16; // 2 pi - TURN

/**
 * Cosine of t turns, cos(2 pi t), within 2 ulp. In turns, because whole and quarter turns are taken off exactly.
 * @param {number} t at most 2^50 in size
 */
export function cosTurns(t) {
  const quarters = Math.floor(4 * t + 0.5);
  const rest = t - quarters / 4;
  switch (quarters & 3) {
    case 0: return cosSmall(rest);
    case 1: return -sinSmall(rest);
    case 2: return -cosSmall(rest);
    default: return sinSmall(rest);
  }
}

/** Sine of t turns, sin(2 pi t); see cosTurns. */
export function sinTurns(t) {
  const quarters = Math.floor(4 * t + 0.5);
  const rest = t - quarters / 4;
  switch (quarters & 3) {
    case 0: return sinSmall(rest);
    case 1: return cosSmall(rest);
    case 2: return -sinSmall(rest);
    default: return -cosSmall(rest);
  }
}

/** sin(2 pi t) for |t| <= 1/8. */
function sinSmall(t) {
  const x = t * TURN;
  const z = x * x;
  const series = 8.33333333332248946124e-3 + z * (-1.98412698298579493134e-4 + z * (2.75573137070700676789e-6
    + z * (-2.50507602534068634195e-8 + z * 1.58969099521155010221e-10)));
  return x + (x * z * (-1.66666666666666324348e-1 + z * series) + t * TURN_LOW);
}

/** cos(2 pi t) for |t| <= 1/8. */
function cosSmall(t) {
  const x = t * TURN;
  const z = x * x;
  const series = z * (4.16666666666666019037e-2 + z * (-1.38888888888741095749e-3 + z * (2.48015872894767294178e-5
    + z * (-2.75573143513906633035e-7 + z * (2.08757232129817482790e-9 + z * -1.13596475577881948265e-11)))));
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (1 - w - half + z * series);
}
