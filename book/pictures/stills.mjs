// Prints what the build writes: the pictures' stills, and the presets' addresses, as one line of JSON.
import { complete, toAddress } from "../playground/engine/settings.js";
import { PRESETS } from "../playground/page/presets.js";
import { PICTURES } from "./catalogue.js";
import { still } from "./still.js";

const stills = Object.fromEntries(Object.entries(PICTURES).map(([name, picture]) => [name, still(picture)]));
const presets = PRESETS.map(([place, name, settings]) => [place, name, toAddress(complete(settings))]);
process.stdout.write(JSON.stringify({ stills, presets }));
