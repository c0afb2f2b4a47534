/** The moves of a run, and the way back to any of them. */

import { SettingError } from "./settings.js";

/** What a move is called in an address. */
export const MOVES = {
  i: (game) => game.iterate(),
  d: (game) => game.stepDiscriminator(),
  g: (game) => game.stepGenerator(),
};

const MOST_SNAPSHOTS = 200;
const MOST_MOVES = 100000;

export class History {
  /** @param {Game} game before its first move */
  constructor(game) {
    this.game = game;
    this.runs = []; // [move, how many in a row]
    this.position = 0;
    this.every = 10; // moves from one snapshot to the next
    this.snapshots = [game.save()];
  }

  /** How many moves there are, of which `position` have been taken back or not. */
  get length() {
    return this.runs.reduce((sum, [, count]) => sum + count, 0);
  }

  /** Make a move from where the run stands. What came after is forgotten, unless it begins with this move. */
  play(move) {
    if (this.moveAt(this.position) !== move) this.forgetFuture();
    this.advance(move);
    if (this.position <= this.length) return;
    const last = this.runs.at(-1);
    if (last?.[0] === move) last[1] += 1;
    else this.runs.push([move, 1]);
  }

  /** Go to the state after so many moves, forward or back: from the nearest snapshot before it. */
  goTo(position) {
    const from = Math.min(Math.floor(position / this.every), this.snapshots.length - 1) * this.every;
    if (this.position > position || this.position < from) {
      this.game.restore(this.snapshots[from / this.every]);
      this.position = from;
    }
    while (this.position < position) this.advance(this.moveAt(this.position));
  }

  advance(move) {
    MOVES[move](this.game);
    this.position += 1;
    if (this.position === this.snapshots.length * this.every) this.keep();
  }

  keep() {
    this.snapshots.push(this.game.save());
    if (this.snapshots.length <= MOST_SNAPSHOTS) return;
    this.snapshots = this.snapshots.filter((_, k) => k % 2 === 0);
    this.every *= 2;
  }

  /** The move that leads on from a position, undefined from the last. */
  moveAt(position) {
    let end = 0;
    return this.runs.find(([, count]) => (end += count) > position)?.[0];
  }

  forgetFuture() {
    let left = this.position;
    this.runs = this.runs.map(([move, count]) => {
      const kept = Math.min(count, left);
      left -= kept;
      return [move, kept];
    }).filter(([, count]) => count);
    this.snapshots.length = Math.min(this.snapshots.length, Math.floor(this.position / this.every) + 1);
  }

  /** The moves up to here, as an address holds them: "120i1d3g". */
  toAddress() {
    let left = this.position;
    return this.runs.map(([move, count]) => {
      const made = Math.min(count, left);
      left -= made;
      return made ? `${made}${move}` : "";
    }).join("");
  }

  /**
   * Make the moves of an address.
   * @param {string} text @param {function(): void} [after] called after each
   * @throws {SettingError} if they are none, or too many
   */
  replay(text, after = () => {}) {
    for (const move of movesOf(text)) {
      this.play(move);
      after();
    }
  }
}

function movesOf(text) {
  const runs = [...text.matchAll(/(\d+)([idg])/g)].map(([, count, move]) => [move, Number(count)]);
  const total = runs.reduce((sum, [, count]) => sum + count, 0);
  if (!/^(\d+[idg])*$/.test(text) || total > MOST_MOVES) {
    throw new SettingError(
      `run must be numbers of moves such as 120i1d3g, at most ${MOST_MOVES} in all; got ${JSON.stringify(text)}`);
  }
  return runs.flatMap(([move, count]) => Array(count).fill(move));
}
