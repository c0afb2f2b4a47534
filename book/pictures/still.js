/** A picture as it stands before anybody has touched it: the markup that the build writes and the page takes over. */

export function still(picture) {
  const seen = picture.see(picture.start);
  const panels = picture.panels.map(({ frame, title }, k) => {
    const view = `viewBox="0 0 ${frame.width} ${Math.round(frame.height)}"`;
    return `<svg ${view} role="group" aria-label="${title}"><g class="drawn" aria-hidden="true">${seen.panels[k]}</g></svg>`;
  });
  return `<div class="panels">${panels.join("")}</div>`
    + `<div class="beside"><p class="legend">${picture.legend.map(key).join(" ")}</p>`
    + `<div class="controls" role="group" aria-label="Settings">${picture.controls.map(field).join(" ")} `
    + `<button type="button" class="back" disabled>As at first</button></div>`
    + `<dl class="numbers">${numbers(seen)}</dl><p class="said" role="status"></p></div>`;
}

/** Fields are seen, and have their names and events, when the page has taken over; till then they keep their place. */
function field({ kind, label, options, least, most, by }) {
  if (kind === "action") return `<button type="button" class="field">${label}</button>`;
  const choices = Object.entries(options ?? {}).map(([value, name]) => `<option value="${value}">${name}</option>`);
  return kind === "choice" ? `<label>${label} <select class="field">${choices.join("")}</select></label>`
    : `<label>${label} <input class="field" type="range" min="${least}" max="${most}" step="${by}"> `
      + `<output>${least.toFixed(2)}</output></label>`;
}

function key([kind, name]) {
  const sign = /dot|ring/.test(kind) ? `<circle class="${kind}" cx="8" cy="6" r="4"/>`
    : `<polyline class="${kind}" points="0,6 16,6"/>`;
  return `<span><svg viewBox="0 0 16 12" aria-hidden="true">${sign}</svg> ${name}</span>`;
}

export function numbers({ numbers: rows }) {
  return rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("");
}
