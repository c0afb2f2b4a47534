/** The pictures that move, by the name that a chapter calls them. */

import { PICTURE as bumps } from "./pictures/bumps.js";
import { PICTURE as dirac } from "./pictures/dirac.js";
import { PICTURE as frechet } from "./pictures/frechet.js";
import { PICTURE as outlier } from "./pictures/outlier.js";

export const PICTURES = { bumps, dirac, outlier, frechet };
