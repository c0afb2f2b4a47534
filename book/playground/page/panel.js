/** One run on the page: its picture, its numbers, its losses. */

import { draw } from "./canvas.js";
import { drawChart } from "./chart.js";
import { make, makeSvg } from "./elements.js";
import { short } from "./words.js";

const SCALES = {
  probability: () => "D(x): orange 0, blue 1",
  score: ({ low, high }) => `score: orange ${short(low)}, blue ${short(high)}`,
  slope: ({ high }) => `slope of D: pale 0, violet ${short(high)}`,
};

export class Panel {
  /** @param {string} title of the run, empty if it is the only one */
  constructor(title) {
    this.canvas = make("canvas", { role: "img" });
    this.scale = make("span", { className: "scale" });
    this.numbers = make("dl", { className: "numbers" });
    this.chart = makeSvg("svg", { role: "img", "aria-label": "Losses of both players over the run", class: "losses" });
    this.distance = null;
    this.element = make("section", { className: "panel" },
      make("h3", { hidden: !title }, title), this.canvas,
      make("p", { className: "legend" }, make("span", { className: "key real" }, "data"),
        make("span", { className: "key fake" }, "samples of G"), this.scale),
      this.numbers,
      make("p", { className: "legend" }, make("span", { className: "key line-d" }, "loss of D"),
        make("span", { className: "key line-g" }, "loss of G")),
      this.chart);
  }

  show(picture, theme) {
    this.picture = picture;
    draw(this.canvas, picture, theme);
    drawChart(this.chart, picture.curve);
    this.scale.textContent = SCALES[picture.field.kind](picture.field);
    this.showNumbers();
  }

  showDistance(distance) {
    this.distance = distance;
    this.showNumbers();
  }

  showNumbers() {
    const { coverage, losses, position, isFinite } = this.picture;
    const rows = [["Moves", position]];
    if (coverage) {
      rows.push(["Modes", `${coverage.modes} of ${coverage.of}`],
        ["Good samples", `${Math.round(100 * coverage.highQuality)} %`], ["KL, nats", short(coverage.kl)]);
    }
    rows.push(["W₁, exact, 256 points", short(this.distance)]);
    if (losses) rows.push(["Loss of D", short(losses[0])], ["Loss of G", short(losses[1])]);
    this.numbers.replaceChildren(...rows.map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))));
    if (!isFinite) this.numbers.append(make("p", { className: "problem" }, "The weights have left the numbers."));
    this.canvas.setAttribute("aria-label",
      `Data, samples of the generator and the discriminator's field. ${rows.map((row) => row.join(": ")).join("; ")}.`);
  }
}
