// A link to a claim leads to a line below its code, which may be folded: it is opened, and both come into view.
(() => {
  function show() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const cell = target.closest("div.cell");
    const folded = [...(cell?.querySelectorAll("details.hide") ?? [])];
    for (let part = target; part; part = part.parentElement) if (part.matches("details")) folded.push(part);
    if (!folded.some((one) => !one.open)) return;
    for (const one of folded) one.open = true;
    const fits = cell && cell.offsetHeight < 0.8 * innerHeight;
    (fits ? cell : target).scrollIntoView({ block: fits ? "start" : "center" });
  }
  addEventListener("load", show);
  addEventListener("hashchange", show);
})();
