/** Draws a lane's picture on a canvas. */

const COLOURS = {
  light: { ground: [255, 255, 255], real: [0, 114, 178], fake: [213, 94, 0], slope: [120, 94, 160],
    mesh: "rgba(60, 60, 60, .35)", ink: "#333" },
  dark: { ground: [24, 26, 30], real: [86, 180, 233], fake: [240, 135, 50], slope: [175, 145, 220],
    mesh: "rgba(220, 220, 220, .35)", ink: "#ddd" },
};
const rgb = ([r, g, b], alpha = 1) => `rgba(${r}, ${g}, ${b}, ${alpha})`;

/** How strong a field may colour the ground, so that dots stay seen. */
const FIELD_STRENGTH = 0.55;
const ARROW_LENGTH = 0.12; // of the longest arrow, in half widths of the picture

/** @param {HTMLCanvasElement} canvas @param {object} picture of lane.js @param {"light"|"dark"} theme */
export function draw(canvas, picture, theme) {
  const size = fit(canvas);
  const context = canvas.getContext("2d");
  const colours = COLOURS[theme];
  const at = (x, y) => [(size / 2) * (1 + x / picture.reach), (size / 2) * (1 - y / picture.reach)];
  context.setTransform(canvas.width / size, 0, 0, canvas.height / size, 0, 0);
  drawField(context, picture, colours, size);
  if (picture.mesh) drawMesh(context, picture, colours, at);
  drawDots(context, picture.real, at, rgb(colours.real, 0.75), size / 260, true);
  drawDots(context, picture.samples, at, rgb(colours.fake, 0.9), size / 230, false);
  if (picture.arrows) drawArrows(context, picture, colours, at);
}

/** Where a click falls, in the data's coordinates. */
export function pointAt(canvas, event, reach) {
  const box = canvas.getBoundingClientRect();
  return [((2 * (event.clientX - box.left)) / box.width - 1) * reach,
    (1 - (2 * (event.clientY - box.top)) / box.height) * reach];
}

/** As many pixels as the screen shows. Returns the width in CSS pixels. */
function fit(canvas) {
  const size = canvas.clientWidth;
  const pixels = Math.round(size * devicePixelRatio);
  if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
  return size;
}

function drawField(context, { field, side }, colours, size) {
  const image = new ImageData(side, side);
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) {
      const colour = colourOf(field.kind, field.values[(side - 1 - i) * side + j], colours);
      image.data.set([...colour, 255], 4 * (i * side + j));
    }
  }
  const small = new OffscreenCanvas(side, side);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  // nodes stand at the ends of the axes, pixels beside each other: half a pixel lies outside on each side
  const step = size / (side - 1);
  context.drawImage(small, -step / 2, -step / 2, size + step, size + step);
}

function colourOf(kind, value, { ground, real, fake, slope }) {
  const [towards, share] = kind === "slope" ? [slope, value]
    : value > 0.5 ? [real, 2 * value - 1] : [fake, 1 - 2 * value];
  return ground.map((channel, k) => channel + FIELD_STRENGTH * share * (towards[k] - channel));
}

function drawDots(context, points, at, colour, radius, hollow) {
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = radius / 1.6;
  for (let k = 0; k < points.length; k += 2) {
    context.beginPath();
    context.arc(...at(points[k], points[k + 1]), radius, 0, 7);
    if (hollow) context.stroke();
    else context.fill();
  }
}

function drawMesh(context, { mesh, meshIsLine }, colours, at) {
  const side = meshIsLine ? mesh.length / 2 : Math.round(Math.sqrt(mesh.length / 2));
  const line = (start, step) => {
    context.beginPath();
    for (let k = 0; k < side; k++) {
      const node = 2 * (start + k * step);
      context.lineTo(...at(mesh[node], mesh[node + 1]));
    }
    context.stroke();
  };
  context.strokeStyle = colours.mesh;
  context.lineWidth = 1;
  for (let k = 0; k < (meshIsLine ? 1 : side); k++) {
    line(k * side, 1);
    if (!meshIsLine) line(k, side);
  }
}

function drawArrows(context, { arrows, samples, reach }, colours, at) {
  let longest = 0;
  for (let k = 0; k < arrows.length; k += 2) longest = Math.max(longest, Math.hypot(arrows[k], arrows[k + 1]));
  const scale = (ARROW_LENGTH * reach) / (longest || 1);
  context.strokeStyle = colours.ink;
  context.lineWidth = 1.2;
  for (let k = 0; k < arrows.length; k += 2) {
    const [dx, dy] = [scale * arrows[k], scale * arrows[k + 1]];
    const [x, y] = [samples[k] + dx, samples[k + 1] + dy];
    context.beginPath();
    context.moveTo(...at(samples[k], samples[k + 1]));
    context.lineTo(...at(x, y));
    context.moveTo(...at(x - 0.3 * dx + 0.15 * dy, y - 0.3 * dy - 0.15 * dx));
    context.lineTo(...at(x, y));
    context.lineTo(...at(x - 0.3 * dx - 0.15 * dy, y - 0.3 * dy + 0.15 * dx));
    context.stroke();
  }
}
