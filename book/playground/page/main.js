/** The playground: buttons, panels and settings, and the worker that plays. */

import { complete, SettingError, SETTINGS, toAddress } from "../engine/settings.js";
import { pointAt } from "./canvas.js";
import { Controls } from "./controls.js";
import { make } from "./elements.js";
import { fromLink, toLink } from "./link.js";
import { Panel } from "./panel.js";
import { Server } from "./server.js";

const SPEEDS = [["slow", 1, 8], ["usual", 1, 1], ["fast", 5, 1]]; // [name, iterations a picture, screens a picture]
const FIELDS = [["discriminator", "D, or the score"], ["slope", "slope of D"], ["optimal", "D* of a kernel estimate"]];
const NEAR = 0.06; // a click this near to a centre means it, in half widths of the picture
const DISTANCE_EVERY = 40; // pictures while playing

/** Bring every playground on the page to life. @param {string} worker its bundle */
export function start(worker) {
  document.querySelectorAll(".gan-playground:not([data-ready])").forEach((place, k) => {
    place.dataset.ready = "yes";
    new Playground(place, new Server(worker), `playground${k}`);
  });
}

/** The part of the address that holds a game; empty if it names a section of the page. */
function gameInAddress() {
  return document.getElementById(location.hash.slice(1)) ? "" : location.hash;
}

class Playground {
  constructor(place, server, id) {
    Object.assign(this, { place, server, id, playing: false, editing: 0, pictures: 0, shown: [] });
    this.small = place.dataset.small !== undefined; // one fixed game, without settings or address
    const { lanes, run, problem } = fromLink(this.small ? "" : gameInAddress());
    this.lanes = lanes;
    this.problem = make("p", { className: "problem", role: "alert", hidden: !problem }, problem ?? "");
    this.controls = new Controls(id, (settings) => this.change(settings));
    this.controls.write(lanes[0]);
    this.makeButtons();
    this.makeShown();
    this.panels = make("div", { className: "panels" });
    this.controls.form.prepend(this.makeLaneChoice());
    const parts = this.small ? [this.panels] : [this.panels, this.controls.form];
    place.replaceChildren(this.problem, this.bar, make("div", { className: "stage" }, ...parts));
    new ResizeObserver(() => this.redraw()).observe(this.panels);
    new MutationObserver(() => this.redraw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    if (!this.small) addEventListener("hashchange", () => this.follow());
    this.open(run);
  }

  /** A link on this page leads to other games: begin them in the place of these. */
  follow() {
    const hash = gameInAddress();
    if (!hash) return;
    const { lanes, run, problem } = fromLink(hash);
    this.problem.textContent = problem ?? "";
    this.problem.hidden = !problem;
    this.lanes = lanes;
    this.both.checked = lanes.length > 1;
    this.whichLabel.hidden = lanes.length < 2;
    this.edit(0);
    this.open(run);
    this.place.scrollIntoView();
  }

  makeButtons() {
    const button = (text, title, act) => {
      const made = make("button", { type: "button", title }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.playButton = button("Play", "Play or pause", () => this.setPlaying(!this.playing));
    this.speed = make("select", { id: `${this.id}-speed` },
      ...SPEEDS.map(([name], k) => make("option", { value: k, selected: k === 1 }, name)));
    this.scrubber = make("input", { type: "range", min: 0, max: 0, value: 0, id: `${this.id}-scrub` });
    this.scrubber.addEventListener("input", () => this.scrub());
    this.bar = make("div", { className: "bar", role: "group", "aria-label": "Playing" },
      this.playButton,
      button("Step", "One iteration", () => this.step("i")),
      button("Step D", "One step of the discriminator alone", () => this.step("d")),
      button("Step G", "One step of the generator alone", () => this.step("g")),
      button("Restart", "Back to the first move", () => this.restart()),
      make("label", { for: this.speed.id }, "Speed ", this.speed),
      make("label", { className: "scrub", for: this.scrubber.id }, "Move ", this.scrubber));
  }

  makeShown() {
    this.field = make("select", { id: `${this.id}-field` },
      ...FIELDS.map(([value, name]) => make("option", { value }, name)));
    this.arrows = make("input", { type: "checkbox", id: `${this.id}-arrows` });
    this.mesh = make("input", { type: "checkbox", id: `${this.id}-mesh` });
    const shown = make("div", { className: "bar", role: "group", "aria-label": "Shown" },
      make("label", { for: this.field.id }, "Ground ", this.field),
      make("label", { for: this.arrows.id }, this.arrows, " gradient of G's loss, downhill"),
      make("label", { for: this.mesh.id }, this.mesh, " noise as a mesh"));
    shown.addEventListener("change", () => this.ask("show"));
    this.bar = make("div", {}, this.bar, ...(this.small ? [] : [shown]));
  }

  makeLaneChoice() {
    this.both = make("input", { type: "checkbox", id: `${this.id}-both`, checked: this.lanes.length > 1 });
    this.which = make("select", { id: `${this.id}-which` },
      make("option", { value: 0 }, "left"), make("option", { value: 1 }, "right"));
    const hidden = this.lanes.length < 2;
    this.whichLabel = make("label", { for: this.which.id, hidden }, "settings of the ", this.which);
    this.both.addEventListener("change", () => {
      this.lanes = this.both.checked ? [this.lanes[0], complete(this.lanes[0])] : [this.lanes[0]];
      this.whichLabel.hidden = !this.both.checked;
      this.edit(this.both.checked ? 1 : 0);
      this.restart();
    });
    this.which.addEventListener("change", () => this.edit(Number(this.which.value)));
    return make("div", { className: "setting" },
      make("label", { for: this.both.id }, this.both, " two runs side by side"),
      this.whichLabel);
  }

  /** Show one lane's settings in the form. */
  edit(lane) {
    this.editing = lane;
    this.which.value = String(lane);
    this.controls.write(this.lanes[lane]);
  }

  /** The reader has changed the settings of the lane in the form: both runs begin anew. */
  change(settings) {
    this.lanes[this.editing] = settings;
    this.restart();
  }

  restart() {
    this.open("");
  }

  get wanted() {
    return { field: this.field.value, arrows: this.arrows.checked, mesh: this.mesh.checked };
  }

  /** Begin anew with the moves of an address; without them, if they are none. */
  async open(run) {
    this.setPlaying(false);
    const lanes = this.lanes.map(toAddress);
    if (!(await this.ask("open", { lanes, run }))) await this.ask("open", { lanes, run: "" });
    this.rest();
  }

  makePanels() {
    const titles = this.lanes.length > 1 ? ["Left", "Right"] : [""];
    this.shown = titles.map((title) => new Panel(title));
    this.panels.replaceChildren(...this.shown.map(({ element }) => element));
    this.place.classList.toggle("two", this.lanes.length > 1);
    this.shown.forEach((panel, lane) =>
      panel.canvas.addEventListener("click", (event) => this.addPoint(panel, lane, event)));
  }

  /** Call the worker and show what it answers; say what it refuses. Returns whether it answered. */
  async ask(call, argument = {}) {
    try {
      const pictures = await this.server.call(call, { ...argument, wanted: this.wanted });
      if (call === "open") this.makePanels();
      this.show(pictures);
      return true;
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      this.problem.textContent = `This link cannot be played: ${error.message}.`;
      this.problem.hidden = false;
      return false;
    }
  }

  show(pictures) {
    if (pictures.length !== this.shown.length) return; // of the runs before these
    const theme = document.documentElement.dataset.theme === "dark" ? "dark" : "light";
    pictures.forEach((picture, k) => this.shown[k].show(picture, theme));
    const { length, position, run } = pictures[0];
    this.scrubber.max = length;
    if (!this.scrubbing) this.scrubber.value = position;
    this.run = run;
    if (pictures.some(({ isFinite }) => !isFinite)) this.setPlaying(false);
  }

  redraw() {
    if (this.shown.length) this.show(this.shown.map(({ picture }) => picture));
  }

  setPlaying(playing) {
    const before = this.playing;
    this.playing = playing;
    this.playButton.textContent = playing ? "Pause" : "Play";
    if (playing && !before) this.loop();
  }

  async loop() {
    while (this.playing) {
      const [, count, screens] = SPEEDS[Number(this.speed.value)];
      await this.ask("advance", { move: "i", count });
      for (let k = 0; k < screens; k++) await new Promise(requestAnimationFrame);
      this.pictures += 1;
      if (this.pictures % DISTANCE_EVERY === 0) await this.measure();
    }
    this.rest();
  }

  async step(move) {
    this.setPlaying(false);
    await this.ask("advance", { move, count: 1 });
    this.rest();
  }

  /** Follow the scrubber, until it rests. */
  async scrub() {
    this.setPlaying(false);
    if (this.scrubbing) return;
    this.scrubbing = true;
    let position;
    do {
      position = Number(this.scrubber.value);
      await this.ask("goTo", { position });
    } while (Number(this.scrubber.value) !== position);
    this.scrubbing = false;
    this.rest();
  }

  /** What can wait for a pause: the address and the distance. */
  rest() {
    const link = toLink(this.lanes, this.run);
    if (!this.small) history.replaceState(null, "", link || location.pathname);
    this.measure();
  }

  async measure() {
    const shown = this.shown;
    const distances = await this.server.call("distances");
    if (shown === this.shown) distances.forEach((distance, k) => shown[k].showDistance(distance));
  }

  /** A click draws one more centre, where the data are the reader's; on a centre, it takes that away. */
  addPoint(panel, lane, event) {
    const settings = this.lanes[lane];
    if (settings.data !== "drawn") return;
    const [x, y] = pointAt(panel.canvas, event, panel.picture.reach).map((value) => Math.round(100 * value) / 100);
    const others = settings.points.filter(([a, b]) => Math.hypot(a - x, b - y) > panel.picture.reach * NEAR);
    const points = others.length < settings.points.length ? others : [...others, [x, y]];
    if (!points.length || points.length > SETTINGS.points.most) return;
    this.lanes[lane] = complete({ ...settings, points });
    this.edit(lane);
    this.restart();
  }
}
