/** Draws in SVG, as text: the page that moves and the one that stands without scripts are drawn by one program. */

const LEFT = 36, RIGHT = 10, TOP = 20, BOTTOM = 34;
const round = (value) => Math.round(10 * value) / 10;

/** A rectangle of the plane on paper. Lengths on paper are in units of which a panel is `width` wide. */
export class Frame {
  /**
   * @param {object} how x, y: [least, most]; ticksX, ticksY: places or [place, text]; labelX, labelY: text
   * @param {boolean} how.equal whether both axes have one scale; else the frame is `height` high
   */
  constructor({ x, y, ticksX, ticksY, labelX, labelY, equal = false, height = 250, width = 340 }) {
    Object.assign(this, { x, y, ticksX, ticksY, labelX, labelY, width });
    this.wide = width - LEFT - RIGHT;
    this.high = equal ? (this.wide * (y[1] - y[0])) / (x[1] - x[0]) : height - TOP - BOTTOM;
    this.height = this.high + TOP + BOTTOM;
  }

  /** Place on paper. */
  at([x, y]) {
    return [LEFT + (this.wide * (x - this.x[0])) / (this.x[1] - this.x[0]),
      TOP + (this.high * (this.y[1] - y)) / (this.y[1] - this.y[0])];
  }

  /** The inverse of at. */
  back([px, py]) {
    return [this.x[0] + ((px - LEFT) / this.wide) * (this.x[1] - this.x[0]),
      this.y[1] - ((py - TOP) / this.high) * (this.y[1] - this.y[0])];
  }

  /** How long a length along x is on paper. */
  scale(length) {
    return (length * this.wide) / (this.x[1] - this.x[0]);
  }

  /** Axes, and what is drawn between them, cut at the frame. */
  draw(...parts) {
    const box = `x="${LEFT}" y="${TOP}" width="${this.wide}" height="${round(this.high)}"`;
    const view = `viewBox="${LEFT} ${TOP} ${this.wide} ${round(this.high)}"`;
    return `<rect class="box" ${box}/><svg ${box} ${view}>${parts.join("")}</svg>${this.axes()}`;
  }

  axes() {
    const ticks = (list) => list.map((tick) => (Array.isArray(tick) ? tick : [tick, String(tick).replace("-", "−")]));
    const bottom = TOP + this.high;
    return [
      ...ticks(this.ticksX).map(([x, name]) => text(name, [this.at([x, 0])[0], bottom + 13], "middle")),
      ...ticks(this.ticksY).map(([y, name]) => text(name, [LEFT - 5, this.at([0, y])[1] + 4], "end")),
      text(this.labelX, [LEFT + this.wide / 2, bottom + 28], "middle"),
      text(this.labelY, [LEFT, TOP - 7], "start"),
    ].join("");
  }

  /** A line through points of the plane. */
  curve(points, kind) {
    const places = points.map((point) => this.at(point).map(round).join(",")).join(" ");
    return `<polyline class="${kind}" points="${places}"/>`;
  }

  dots(points, kind, radius = 3) {
    return points.map((point) => this.circle(point, radius, kind)).join("");
  }

  /** A circle of the plane where both axes have one scale. */
  ball(centre, radius, kind) {
    return this.circle(centre, this.scale(radius), kind);
  }

  circle(centre, radius, kind) {
    const [cx, cy] = this.at(centre).map(round);
    return `<circle class="${kind}" cx="${cx}" cy="${cy}" r="${round(radius)}"/>`;
  }

  /** Arrows of one length, `length` on paper, with their middle at the points. */
  arrows(points, directionAt, length) {
    return points.map((point) => {
      const [dx, dy] = directionAt(point), size = Math.hypot(dx, dy);
      if (!size) return "";
      const [px, py] = this.at(point), [ux, uy] = [(length * dx) / size, (-length * dy) / size];
      const [tx, ty] = [px + ux / 2, py + uy / 2];
      const wing = (side) => `${round(tx - 0.35 * ux + side * 0.22 * uy)},${round(ty - 0.35 * uy - side * 0.22 * ux)}`;
      const tip = `${round(tx)},${round(ty)}`;
      return `<polyline class="arrow" points="${round(px - ux / 2)},${round(py - uy / 2)} ${tip}"/>`
        + `<polyline class="arrow" points="${wing(1)} ${tip} ${wing(-1)}"/>`;
    }).join("");
  }
}

export function text(content, [x, y], anchor) {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${content}</text>`;
}

/** A number as a reader likes it. */
export function fixed(value, digits = 2) {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** Three digits that matter, small ones as a power of ten. */
export function short(value) {
  if (value !== 0 && Math.abs(value) < 1e-3) {
    const [digits, power] = value.toExponential(1).split("e");
    return `${digits}·10${[...power.replace("+", "")].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`
      .replace("-", "−");
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
}
