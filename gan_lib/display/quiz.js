// Brings every question on the page that is not yet alive to life: check, reasons, the answer on request, a memory.
(() => {
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];

  // "0.5", "0,5", "1/2", "50 %", "-1e-3": a number; anything else: NaN.
  const number = (text) => {
    const [, numeral, percent] = text.trim().replace(/[−–]/g, "-").replaceAll(",", ".").match(/^([^%]*)(%?)$/) ?? [];
    const parts = (numeral ?? "").split("/");
    const form = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
    if (parts.length > 2 || !parts.every((part) => form.test(part))) return NaN;
    return (parts[0] / (parts[1] ?? 1)) / (percent ? 100 : 1);
  };
  const words = (text) => text.normalize("NFKC").toLowerCase().replace(/[\s\-‐‑–]+/g, " ").trim();
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

  // The answers of one page, by question. Where a browser keeps nothing, they last as long as the page is open.
  const place = `gan-quiz ${location.pathname}`;
  const recall = () => {
    try {
      return Object(JSON.parse(localStorage.getItem(place)));
    } catch {
      return {};
    }
  };
  const remember = (id, answer) => {
    try {
      localStorage.setItem(place, JSON.stringify({ ...recall(), [id]: answer }));
    } catch { /* storage is denied or full */ }
  };

  const tally = () => {
    const forms = every(".gan-question:not([data-kind=essay])");
    const answered = forms.filter((form) => form.dataset.state);
    const right = forms.filter((form) => form.dataset.state === "right").length;
    every(".gan-score").forEach((score) => {
      score.hidden = !forms.length;
      score.querySelector("span").textContent = `On this page: ${right} of ${forms.length} answered right.`;
      score.querySelector("button").hidden = answered.length < 2;
    });
  };

  const enliven = (form) => {
    const { kind, id, version } = form.dataset;
    const options = every(".gan-option", form);
    const field = form.querySelector("input[type=text], textarea");
    const [status, reveal, reset, explanation] =
      [".gan-status", ".gan-reveal", ".gan-reset", ".gan-explanation"].map((name) => form.querySelector(name));
    const chosen = (option) => option.querySelector("input").checked;
    const right = (option) => option.dataset.correct === "yes";
    const essay = kind === "essay";

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
      numeric() {
        const given = number(field.value);
        if (!Number.isFinite(given)) return { ask: "Write a number, such as 0.25, 1/4, 25 % or 1e-3." };
        const answer = Number(form.dataset.answer);
        const rounding = 1e-9 * Math.max(1, Math.abs(answer));
        return { right: Math.abs(given - answer) <= Number(form.dataset.tolerance) + rounding };
      },
      text() {
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
    const given = () => (field ? field.value : options.filter(chosen).map((option) => option.querySelector("input").value));
    const keep = () => {
      const begun = given().length > 0 || Boolean(form.dataset.state);
      remember(id, begun ? { version, given: given(), state: form.dataset.state } : undefined);
      reset.hidden = !begun;
      tally();
    };
    // A verdict is about the answer that was checked: with another answer it goes.
    const unjudge = () => {
      delete form.dataset.state;
      status.textContent = "";
      options.forEach((option) => { option.querySelector(".gan-reason").hidden = true; });
      explanation.hidden = true;
      reveal.hidden = !essay;
    };
    const check = () => {
      unjudge();
      const verdict = options.length ? judges.choice() : judges[kind]();
      if (verdict.ask) {
        status.textContent = verdict.ask;
      } else if (verdict.right) {
        say("right", "✓ Right.");
        showAll();
      } else {
        say("wrong", `✗ Not right${verdict.why ? `: ${verdict.why}` : ""}. Try again, or show the answer.`);
        showReasons(chosen);
        reveal.hidden = false;
      }
      keep();
    };
    const showAnswer = () => {
      say("shown", essay ? "" : "The answer is shown below.");
      showAll();
      keep();
    };
    const clear = () => {
      form.reset();
      unjudge();
      keep();
    };
    const restore = () => {
      const kept = recall()[id];
      if (kept?.version !== version) return;
      if (field) field.value = kept.given;
      else every(".gan-option input", form).forEach((input) => { input.checked = kept.given.includes(input.value); });
      if (kept.state === "shown") showAnswer();
      else if (kept.state) check();
      else keep();
    };

    // Arrow keys and Enter belong to the control in focus; with this mark JupyterLab's shortcuts leave them alone.
    every("input, button, textarea", form).forEach((control) => {
      control.dataset.lmSuppressShortcuts = "true";
    });
    form.addEventListener("input", () => {
      if (!essay) unjudge();
      keep();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!essay) check();
    });
    reveal.addEventListener("click", () => {
      showAnswer();
      explanation.tabIndex = -1;
      explanation.focus();
    });
    reset.addEventListener("click", () => {
      clear();
      form.querySelector("input, textarea").focus();
    });
    form.addEventListener("gan-clear", clear);
    restore();
  };

  every(".gan-question:not([data-ready])").forEach((form) => {
    form.dataset.ready = "yes";
    enliven(form);
  });
  every(".gan-score:not([data-ready]) button").forEach((button) => {
    button.closest(".gan-score").dataset.ready = "yes";
    button.dataset.lmSuppressShortcuts = "true";
    button.addEventListener("click", () => {
      every(".gan-question").forEach((form) => form.dispatchEvent(new Event("gan-clear")));
    });
  });
  tally();
})();
