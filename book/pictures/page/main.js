/** Brings the pictures of a page to life. */

import { PICTURES } from "../catalogue.js";
import { Stage } from "./stage.js";

export function start() {
  for (const place of document.querySelectorAll(".gan-picture")) new Stage(place, PICTURES[place.dataset.picture]);
}
