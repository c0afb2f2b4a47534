/** Both players' losses over a run, as an SVG. */

import { makeSvg } from "./elements.js";
import { short } from "./words.js";

const WIDTH = 320, HEIGHT = 110, LEFT = 40, BOTTOM = 18, TOP = 6;

/** @param {SVGElement} svg @param {number[][]} curve of [position, discriminator's loss, generator's] */
export function drawChart(svg, curve) {
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  const losses = curve.flatMap(([, d, g]) => [d, g]).filter(Number.isFinite).sort((a, b) => a - b);
  if (!losses.length) {
    svg.replaceChildren();
    return;
  }
  // single spikes would flatten all the rest
  const [low, high] = [0.01, 0.99].map((share) => losses[Math.round(share * (losses.length - 1))]);
  const spread = high - low || 1;
  const last = curve.at(-1)[0];
  const x = (position) => LEFT + ((WIDTH - LEFT - 4) * position) / last;
  const y = (loss) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.max(-0.05, Math.min(1.05, (loss - low) / spread)));
  const line = (column, name) => makeSvg("polyline", {
    class: name,
    points: curve.filter((row) => Number.isFinite(row[column]))
      .map((row) => `${x(row[0]).toFixed(1)},${y(row[column]).toFixed(1)}`).join(" "),
  });
  svg.replaceChildren(
    ...[low, (low + high) / 2, high].flatMap((loss) => [
      makeSvg("line", { class: "rule", x1: LEFT, x2: WIDTH, y1: y(loss), y2: y(loss) }),
      text(short(loss), LEFT - 4, y(loss) + 4, "end"),
    ]),
    text("1", LEFT, HEIGHT - 4, "start"), text(`${last} moves`, WIDTH - 2, HEIGHT - 4, "end"),
    line(1, "loss-d"), line(2, "loss-g"),
  );
}

function text(content, x, y, anchor) {
  return makeSvg("text", { x, y, "text-anchor": anchor }, content);
}
