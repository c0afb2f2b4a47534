// Brings every question on the page that is not yet alive to life: check, reasons, and the answer on request.
document.querySelectorAll(".gan-question:not([data-ready])").forEach((form) => {
  form.dataset.ready = "yes";
  const kind = form.dataset.kind;
  const options = [...form.querySelectorAll(".gan-option")];
  const status = form.querySelector(".gan-status");
  const reveal = form.querySelector(".gan-reveal");
  const explanation = form.querySelector(".gan-explanation");
  const chosen = (option) => option.querySelector("input").checked;
  const right = (option) => option.dataset.correct === "yes";
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

  // "0.5", "0,5", "1/2", "-1e-3": a number; anything else: NaN.
  const number = (text) => {
    const parts = text.trim().replace(/[−–]/g, "-").replaceAll(",", ".").split("/");
    const numeral = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
    if (parts.length > 2 || !parts.every((part) => numeral.test(part))) return NaN;
    return parts.length === 2 ? parts[0] / parts[1] : Number(parts[0]);
  };
  const words = (text) => text.normalize("NFKC").toLowerCase().replace(/[\s\-‐‑–]+/g, " ").trim();

  const judges = {
    choice() {
      const picked = options.filter(chosen);
      if (!picked.length) return { ask: "Choose an option first." };
      const wrong = picked.filter((option) => !right(option)).length;
      const missing = options.filter((option) => right(option) && !chosen(option)).length;
      if (!wrong && !missing) return { right: true };
      if (kind === "single") return { right: false };
      const parts = [];
      if (wrong) parts.push(count(wrong, "of your choices does not belong", "of your choices do not belong"));
      if (missing) parts.push(count(missing, "option is missing", "options are missing"));
      return { right: false, why: parts.join("; ") };
    },
    numeric(field) {
      const given = number(field.value);
      if (!Number.isFinite(given)) return { ask: "Write a number, such as 0.25, 1/4 or 1e-3." };
      const answer = Number(form.dataset.answer);
      const rounding = 1e-9 * Math.max(1, Math.abs(answer));
      return { right: Math.abs(given - answer) <= Number(form.dataset.tolerance) + rounding };
    },
    text(field) {
      if (!words(field.value)) return { ask: "Write your answer first." };
      return { right: words(field.value) === words(form.dataset.answer) };
    },
  };

  const showReasons = (which) => options.filter(which).forEach((option) => {
    option.querySelector(".gan-reason").hidden = false;
  });
  const showAll = () => {
    showReasons(() => true);
    explanation.hidden = false;
    reveal.hidden = true;
  };
  const say = (state, text) => {
    form.dataset.state = state;
    status.textContent = text;
  };

  // Arrow keys and Enter belong to the control in focus; with this mark JupyterLab's shortcuts leave them alone.
  form.querySelectorAll("input, button, textarea").forEach((control) => {
    control.dataset.lmSuppressShortcuts = "true";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (kind === "essay") return;
    const field = form.querySelector("input[type=text]");
    const verdict = options.length ? judges.choice() : judges[kind](field);
    if (verdict.ask) return say("ask", verdict.ask);
    options.forEach((option) => { option.querySelector(".gan-reason").hidden = true; });
    explanation.hidden = true;
    if (verdict.right) {
      say("right", "✓ Right.");
      showAll();
    } else {
      say("wrong", `✗ Not right${verdict.why ? `: ${verdict.why}` : ""}. Try again, or show the answer.`);
      showReasons(chosen);
      reveal.hidden = false;
    }
  });
  reveal.addEventListener("click", () => {
    if (kind !== "essay") say("shown", "The answer is shown below.");
    showAll();
    explanation.tabIndex = -1;
    explanation.focus();
  });
});
