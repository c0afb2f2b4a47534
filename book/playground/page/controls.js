/** The form of a game's settings, made from what settings.js says of each. */

import { complete, SETTINGS, SettingError } from "../engine/settings.js";
import { make } from "./elements.js";
import { PRESETS } from "./presets.js";
import { CHOICES, GROUPS, MATTERS, NAMES } from "./words.js";

function labelled(text, field) {
  return make("div", { className: "setting" }, make("label", { for: field.id }, text), field);
}

/** Where drawn data begin. */
const FIRST_POINTS = [[-1, 0], [1, 0], [0, 1]];

export class Controls {
  /** @param {string} id prefix of the ids of fields @param {function(object): void} changed called with settings */
  constructor(id, changed) {
    this.id = id;
    this.changed = changed;
    this.fields = Object.fromEntries(Object.values(GROUPS).flat().map((name) => [name, this.field(name)]));
    this.problem = make("p", { className: "problem", role: "alert", hidden: true });
    this.preset = this.presets();
    this.rows = Object.fromEntries(Object.entries(this.fields).map(([name, field]) =>
      [name, labelled(NAMES[name], field)]));
    const groups = Object.entries(GROUPS).map(([title, names], k) =>
      make("details", { open: k < 2 }, make("summary", {}, title), ...names.map((name) => this.rows[name])));
    this.form = make("form", { className: "settings" },
      labelled("From the book", this.preset),
      make("div", { className: "groups" }, ...groups), this.problem);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("change", (event) => event.target !== this.preset && this.read());
  }

  field(name) {
    const kind = SETTINGS[name], id = `${this.id}-${name}`;
    if (kind.kind === "flag") return make("input", { id, type: "checkbox" });
    if (kind.kind === "choice") {
      const options = kind.values.map((value) => make("option", { value }, CHOICES[value]));
      return make("select", { id }, ...options);
    }
    const inputMode = { points: "text", integer: "numeric", number: "decimal" }[kind.kind];
    const title = kind.kind === "points" ? "A click into the picture adds one, or takes it away"
      : `${kind.least} to ${kind.most}`;
    return make("input", { id, type: "text", inputMode, title });
  }

  presets() {
    const select = make("select", { id: `${this.id}-preset` }, make("option", { value: "" }, "Choose …"));
    const groups = new Map([["", select]]);
    PRESETS.forEach(([place, name], k) => {
      if (!groups.has(place)) {
        groups.set(place, make("optgroup", { label: place }));
        select.append(groups.get(place));
      }
      groups.get(place).append(make("option", { value: String(k) }, name));
    });
    select.addEventListener("change", () => {
      if (select.value === "") return;
      const settings = complete(PRESETS[Number(select.value)][2]);
      this.write(settings);
      this.changed(settings);
    });
    return select;
  }

  /** Show settings in the fields. */
  write(settings) {
    for (const [name, field] of Object.entries(this.fields)) {
      if (SETTINGS[name].kind === "flag") field.checked = settings[name];
      else field.value = SETTINGS[name].write(settings[name]);
      this.rows[name].hidden = !(MATTERS[name]?.(settings) ?? true);
    }
    this.say(null);
  }

  /** Read the fields and tell; or say what cannot be. */
  read() {
    try {
      const settings = complete(this.readFields());
      this.preset.value = "";
      this.write(settings);
      this.changed(settings);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      this.say(error.message);
    }
  }

  /** The fields' values; what no longer matters is as usual. */
  readFields() {
    const some = {};
    for (const [name, field] of Object.entries(this.fields)) {
      const { kind, read } = SETTINGS[name];
      const text = kind === "number" ? field.value.trim().replace(",", ".") : field.value.trim();
      some[name] = kind === "flag" ? field.checked : read(text, NAMES[name]);
    }
    if (some.data === "drawn" && !some.points.length) some.points = FIRST_POINTS;
    return Object.fromEntries(Object.entries(some).filter(([name]) => MATTERS[name]?.(some) ?? true));
  }

  say(problem) {
    this.problem.hidden = problem === null;
    this.problem.textContent = problem ?? "";
  }
}
