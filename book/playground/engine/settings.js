/** The settings of a game: what each may be, and how an address holds them. */

import { DATA } from "./data.js";
import { ACTIVATIONS } from "./network.js";
import { OBJECTIVES } from "./objectives.js";
import { OPTIMIZERS } from "./optimizers.js";

/** A setting that an address or a reader gave and that cannot be. */
export class SettingError extends Error {}

const MOST_POINTS = 40;
const FAR = 6;

/** A kind of setting: initial value, text -> value (throws SettingError), value -> text. */
function choice(values, initial = values[0]) {
  const read = (text, name) => {
    if (!values.includes(text)) throw wrong(name, `one of ${values.join(", ")}`, text);
    return text;
  };
  return { kind: "choice", values, initial, read, write: String };
}

function number(least, most, initial) {
  const read = (text, name) => {
    const value = Number(text);
    if (!/^-?\d*\.?\d+(e[+-]?\d+)?$/i.test(text) || !(value >= least && value <= most)) {
      throw wrong(name, `a number from ${least} to ${most}`, text);
    }
    return value;
  };
  return { kind: "number", least, most, initial, read, write: String };
}

function integer(least, most, initial) {
  const read = (text, name) => {
    if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most) {
      throw wrong(name, `a whole number from ${least} to ${most}`, text);
    }
    return Number(text);
  };
  return { kind: "integer", least, most, initial, read, write: String };
}

function flag() {
  const read = (text, name) => {
    if (text !== "yes" && text !== "no") throw wrong(name, "yes or no", text);
    return text === "yes";
  };
  return { kind: "flag", initial: false, read, write: (value) => (value ? "yes" : "no") };
}

/** Points of the plane: "x,y;x,y". */
function points() {
  const coordinate = number(-FAR, FAR, 0);
  const read = (text, name) => {
    const found = text === "" ? [] : text.split(";").map((point) => point.split(","));
    if (found.length > MOST_POINTS || found.some((point) => point.length !== 2)) {
      throw wrong(name, `at most ${MOST_POINTS} points x,y;x,y`, text);
    }
    return found.map((point) => point.map((value) => coordinate.read(value, `a coordinate of ${name}`)));
  };
  const write = (value) => value.map((point) => point.join(",")).join(";");
  return { kind: "points", most: MOST_POINTS, initial: [], read, write };
}

function wrong(name, expected, text) {
  return new SettingError(`${name} must be ${expected}; got ${JSON.stringify(text)}`);
}

/** All settings. Where 0 means that there is none of it, the default is 0. */
export const SETTINGS = {
  data: choice(DATA),
  std: number(0.005, 1, 0.1), // of each Gaussian of the data
  points: points(), // of drawn data
  latentDim: integer(1, 16, 2),
  widthG: integer(1, 128, 32),
  depthG: integer(1, 4, 2), // hidden layers
  activationG: choice(Object.keys(ACTIVATIONS), "relu"),
  batchNorm: flag(), // in the generator
  widthD: integer(1, 128, 32),
  depthD: integer(1, 4, 2),
  activationD: choice(Object.keys(ACTIVATIONS), "leaky_relu"),
  spectralNorm: flag(), // in the discriminator
  objective: choice(Object.keys(OBJECTIVES), "non_saturating"),
  realTarget: number(0, 1, 0.9), // of label smoothing
  fakeTarget: number(0, 1, 0),
  gradientPenalty: number(0, 1000, 0), // lambda
  centre: number(0, 10, 1), // of the gradient penalty
  r1: number(0, 1000, 0), // gamma, of gamma / 2 E|slope|^2
  r2: number(0, 1000, 0),
  clip: number(0, 10, 0), // bound of the discriminator's weights
  packing: integer(1, 8, 1),
  instanceNoise: number(0, 5, 0), // standard deviation
  update: choice(["alternating", "simultaneous"]),
  freshNoise: flag(), // for the generator's half of an alternating iteration; else both halves see the same
  criticSteps: integer(1, 20, 1), // of the discriminator for one of the generator
  batch: integer(2, 512, 128),
  optimizer: choice(Object.keys(OPTIMIZERS), "adam"),
  rateG: number(0, 10, 0.003),
  rateD: number(0, 10, 0.005),
  beta1: number(0, 0.9999, 0.5),
  beta2: number(0, 0.9999, 0.99),
  decay: integer(0, 1000000, 0), // iterations in which both rates fall linearly to 0
  ema: number(0, 0.9999, 0), // decay of the generator's average, which then gives the samples
  seed: integer(0, 4294967295, 0),
};

/**
 * Complete and checked settings. @param {object} some of the settings, as values
 * @throws {SettingError} that names the setting, what was expected and what was got
 */
export function complete(some = {}) {
  const settings = {};
  for (const name of Object.keys(some)) checkName(name);
  for (const [name, kind] of Object.entries(SETTINGS)) {
    settings[name] = Object.hasOwn(some, name) ? kind.read(kind.write(some[name]), name) : kind.initial;
  }
  checkTogether(settings);
  return settings;
}

function checkName(name) {
  if (!Object.hasOwn(SETTINGS, name)) throw new SettingError(`there is no setting ${JSON.stringify(name)}`);
}

function checkTogether({ batch, packing, realTarget, fakeTarget, update, criticSteps, data, points: drawn }) {
  if (batch % packing) throw new SettingError(`batch must be a multiple of packing ${packing}; got ${batch}`);
  if (!(fakeTarget < realTarget)) {
    throw new SettingError(`fakeTarget must be less than realTarget ${realTarget}; got ${fakeTarget}`);
  }
  if (criticSteps > 1 && update === "simultaneous") {
    throw new SettingError(`criticSteps must be 1 where players move simultaneously; got ${criticSteps}`);
  }
  if (data === "drawn" && !drawn.length) throw new SettingError("data drawn needs at least one of points; got none");
}

/** The settings that are not as usual, as the query of an address: "objective=wasserstein&clip=0.1". */
export function toAddress(settings) {
  const query = new URLSearchParams();
  for (const [name, kind] of Object.entries(SETTINGS)) {
    const text = kind.write(settings[name]);
    if (text !== kind.write(kind.initial)) query.set(name, text);
  }
  return query.toString();
}

/** The inverse of toAddress. @throws {SettingError} as complete does, also on a setting that comes twice */
export function fromAddress(address) {
  const some = {};
  for (const [name, text] of new URLSearchParams(address)) {
    checkName(name);
    if (Object.hasOwn(some, name)) throw new SettingError(`${name} must be given once; got it twice`);
    some[name] = SETTINGS[name].read(text, name);
  }
  return complete(some);
}
