/** What an address holds of the page: the settings of one run or two, and the moves made so far. */

import { complete, fromAddress, SettingError, toAddress } from "../engine/settings.js";

const BETWEEN = "~";

/**
 * "#objective=hinge&run=120i~objective=wasserstein": settings of the first run, moves of both, settings of the second.
 * Empty if all is as usual.
 */
export function toLink(lanes, run) {
  const [first, ...others] = lanes.map(toAddress);
  const moves = run ? `run=${run}` : "";
  const text = [[first, moves].filter(Boolean).join("&"), ...others].join(BETWEEN);
  return text && `#${text}`;
}

/**
 * @param {string} hash of an address
 * @returns {{lanes: object[], run: string, problem: ?string}} the usual game and what was wrong, if it cannot be read
 */
export function fromLink(hash) {
  try {
    const [first, ...others] = hash.replace(/^#/, "").split(BETWEEN);
    const query = new URLSearchParams(first);
    const run = query.get("run") ?? "";
    query.delete("run");
    if (others.length > 1) throw new SettingError(`an address holds at most two runs; got ${others.length + 1}`);
    return { lanes: [query.toString(), ...others].map(fromAddress), run, problem: null };
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return { lanes: [complete()], run: "", problem: `This link cannot be played: ${error.message}.` };
  }
}
