// The two parts of what a playing playground computes, for benchmarks/playground.py.
import { Game } from "../book/playground/engine/game.js";
import { complete } from "../book/playground/engine/settings.js";
import { View } from "../book/playground/engine/view.js";

/** @param {object} settings @returns {{iterate: function(number), show: function(number)}} both: so many times */
export function start(settings) {
  const game = new Game(complete(settings)), view = new View(game);
  return {
    iterate(count) {
      for (let k = 0; k < count; k++) game.iterate();
    },
    show(count) {
      for (let k = 0; k < count; k++) [view.readSamples(), view.readField()];
    },
  };
}
