// Answers the tests' questions about the pictures: one JSON line in, one out.
import { PICTURES } from "../../../book/pictures/catalogue.js";
import * as dirac from "../../../book/pictures/numbers/dirac.js";
import * as gaussians from "../../../book/pictures/numbers/gaussians.js";
import * as line from "../../../book/pictures/numbers/line.js";
import { distances, samplesOf } from "../../../book/pictures/pictures/frechet.js";
import { measures, pointsOf } from "../../../book/pictures/pictures/outlier.js";
import { answerLines } from "../playground/lines.mjs";

await answerLines({
  line({ p, q }) {
    const [real, fake] = [p, q].map(line.density);
    return { points: [...line.POINTS], p: [...real], q: [...fake], best: [...line.optimalDiscriminator(real, fake)],
      js: line.jensenShannon(real, fake), w1: line.wasserstein(real, fake), slopes: line.slopes(real, fake, q) };
  },
  orbit: ({ start, rule, count }) => dirac.orbit(start, rule, count),
  modulus: ({ rule }) => dirac.modulus(rule),
  outlier: (state) => ({ ...pointsOf({ ...PICTURES.outlier.start, ...state }),
    ...measures({ ...PICTURES.outlier.start, ...state }) }),
  frechet: (state) => ({ ...samplesOf({ ...PICTURES.frechet.start, ...state }),
    ...distances({ ...PICTURES.frechet.start, ...state }) }),
  standard: ({ shape, count, seed }) => gaussians.standard(shape, count, seed),
  see: ({ name, state }) => PICTURES[name].see({ ...PICTURES[name].start, ...state }),
});
