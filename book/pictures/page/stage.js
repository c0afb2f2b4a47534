/** Lets a reader move a picture: by pointer, by touch, by keyboard. */

import { makeSvg } from "../../playground/page/elements.js";
import { numbers } from "../still.js";

/** How long a picture rests before a screen reader hears its numbers, in milliseconds. */
const REST = 700;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Stage {
  /** @param {HTMLElement} place that holds still(picture) @param {object} picture of the catalogue */
  constructor(place, picture) {
    Object.assign(this, { place, picture, state: picture.start });
    this.panels = [...place.querySelectorAll(".panels > svg")];
    this.numbers = place.querySelector(".numbers");
    this.said = place.querySelector(".said");
    this.handles = picture.handles.map((handle) => this.makeHandle(handle));
    const fields = place.querySelectorAll(".controls .field");
    this.shows = picture.controls.map((control, k) => FIELDS[control.kind](this, control, fields[k]));
    this.back = place.querySelector(".back");
    this.back.addEventListener("click", () => this.change(picture.start));
    place.classList.add("live");
    this.show();
  }

  /** Take another state; the page follows with its next frame. */
  change(state) {
    this.state = state;
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.redraw();
    });
  }

  redraw() {
    const seen = this.picture.see(this.state);
    seen.panels.forEach((drawn, k) => { this.panels[k].querySelector(".drawn").innerHTML = drawn; });
    this.numbers.innerHTML = numbers(seen);
    this.show();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => { this.said.textContent = seen.summary; }, REST);
  }

  /** Put handles and fields where the state is. */
  show() {
    this.handles.forEach((element, k) => this.showHandle(element, this.picture.handles[k]));
    this.shows.forEach((show) => show(this.state));
    this.back.disabled = this.state === this.picture.start;
  }

  makeHandle(handle) {
    const element = makeSvg("g", {
      class: `handle ${handle.kind}`, role: "slider", tabindex: 0, "aria-label": handle.title,
      "aria-valuemin": handle.x[0], "aria-valuemax": handle.x[1],
    }, makeSvg("circle", { class: "reach", r: 17 }), makeSvg("circle", { class: "knob", r: handle.knob ?? 7.5 }));
    const svg = this.panels[handle.panel];
    svg.append(element);
    // A finger moves the point, not the page; inside of an SVG browsers do not heed `touch-action`.
    element.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      element.focus({ preventScroll: true });
      event.preventDefault();
    });
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      this.put(handle, this.picture.panels[handle.panel].frame.back([x, y]));
    });
    element.addEventListener("keydown", (event) => this.press(handle, event));
    return element;
  }

  showHandle(element, handle) {
    const at = handle.get(this.state), [x, y] = this.picture.panels[handle.panel].frame.at(at);
    element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    element.setAttribute("aria-valuenow", at[0].toFixed(2));
    element.setAttribute("aria-valuetext", handle.says(this.state));
  }

  press(handle, event) {
    const arrow = ARROWS[event.key];
    if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const far = event.shiftKey ? 5 : 1, [x, y] = handle.get(this.state);
    const [right, up] = [handle.step, handle.stepY ?? handle.step];
    this.put(handle, [x + far * right * arrow[0], y + far * up * arrow[1]]);
  }

  put(handle, [x, y]) {
    const within = (value, [least, most]) => Math.min(most, Math.max(least, Number(value.toFixed(4))));
    this.change(handle.set(this.state, [within(x, handle.x), within(y, handle.y)]));
  }
}

/** What a field of a kind does: tells the stage of a change; returns how it shows a state. */
const FIELDS = {
  range(stage, { name }, field) {
    const value = field.parentNode.querySelector("output");
    field.addEventListener("input", () => stage.change({ ...stage.state, [name]: Number(field.value) }));
    return (state) => {
      field.value = state[name];
      value.textContent = state[name].toFixed(2);
    };
  },

  choice(stage, { name }, field) {
    field.addEventListener("change", () => stage.change({ ...stage.state, [name]: field.value }));
    return (state) => { field.value = state[name]; };
  },

  action(stage, { act }, field) {
    field.addEventListener("click", () => stage.change(act(stage.state)));
    return () => {};
  },
};
