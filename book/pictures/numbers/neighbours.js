/** Precision, recall, density and coverage of points of the plane, as gan_lib.metrics defines them. */

const distance = ([a, b], [c, d]) => Math.hypot(a - c, b - d);

/** Of each point, how far its k-th nearest neighbour among the others is. */
export function radii(points, k) {
  return points.map((point) => points.map((other) => distance(point, other)).sort((a, b) => a - b)[k]);
}

/** Which of the points lie in a ball of the others. */
export function inside(points, centres, k) {
  const reach = radii(centres, k);
  return points.map((point) => centres.some((centre, i) => distance(point, centre) <= reach[i]));
}

const share = (flags) => flags.filter(Boolean).length / flags.length;

export function precisionRecall(real, fake, k = 3) {
  return { precision: share(inside(fake, real, k)), recall: share(inside(real, fake, k)) };
}

export function densityCoverage(real, fake, k = 5) {
  const reach = radii(real, k);
  const held = real.map((centre, i) => fake.filter((point) => distance(point, centre) <= reach[i]).length);
  return { density: held.reduce((sum, n) => sum + n, 0) / (k * fake.length), coverage: share(held) };
}
