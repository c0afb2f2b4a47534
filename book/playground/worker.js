/** The worker: runs that the page asks for. Each message {id, call, argument} is answered {id, value} or {id, error}. */

import { SettingError } from "./engine/settings.js";
import { Lane } from "./lane.js";

let lanes = [];

const calls = {
  /** Begin anew. @param {{lanes: string[], run: string, wanted: object}} */
  open({ lanes: addresses, run, wanted }) {
    lanes = addresses.map((address) => new Lane(address, run));
    return lanes.map((lane) => lane.picture(wanted));
  },
  advance({ move, count, wanted }) {
    lanes.forEach((lane) => lane.advance(move, count));
    return lanes.map((lane) => lane.picture(wanted));
  },
  goTo({ position, wanted }) {
    lanes.forEach((lane) => lane.goTo(position));
    return lanes.map((lane) => lane.picture(wanted));
  },
  show: ({ wanted }) => lanes.map((lane) => lane.picture(wanted)),
  distances: () => lanes.map((lane) => lane.distance()),
};

export function serve(scope) {
  scope.onmessage = ({ data: { id, call, argument } }) => {
    try {
      scope.postMessage({ id, value: calls[call](argument) });
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      scope.postMessage({ id, error: error.message });
    }
  };
}
