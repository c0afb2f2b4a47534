// Gives every animation on the page that is not yet alive its controls. Its frames, on one sheet, come when asked for.
document.querySelectorAll(".gan-animation:not([data-ready])").forEach((animation) => {
  animation.dataset.ready = "yes";
  const part = (name) => animation.querySelector(name);
  const [play, back, on, value] = [".gan-play", ".gan-back", ".gan-on", ".gan-value"].map(part);
  const [scrub, speed] = [part("input"), part("select")];
  const labels = JSON.parse(animation.dataset.labels);
  const columns = Number(animation.dataset.columns);
  const rows = Math.ceil(labels.length / columns);
  const last = labels.length - 1;
  let timer, film;

  const share = (k, of) => `${of > 1 ? (100 * k) / (of - 1) : 0}%`;
  const frame = () => Number(scrub.value);
  const show = (k) => {
    scrub.value = k;
    value.textContent = labels[k];
    scrub.setAttribute("aria-valuetext", labels[k]);
    film.style.backgroundPosition = `${share(k % columns, columns)} ${share(Math.floor(k / columns), rows)}`;
  };
  // The sheet lies over the frame that the page came with, once it is there whole.
  const fetched = async () => {
    if (film) return;
    const sheet = new Image();
    sheet.src = animation.dataset.sheet;
    await sheet.decode();
    if (film) return;
    film = document.createElement("div");
    film.className = "gan-frames";
    film.style.backgroundImage = `url("${sheet.src}")`;
    film.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    part(".gan-film").append(film);
  };
  const pause = () => {
    clearTimeout(timer);
    timer = undefined;
    play.textContent = "Play";
  };
  const wait = () => setTimeout(() => {
    show(frame() + 1);
    if (frame() === last) pause(); else timer = wait();
  }, 1000 / (animation.dataset.fps * speed.value));
  // Whether the frame could be shown.
  const go = async (k) => {
    pause();
    try {
      await fetched();
    } catch {
      value.textContent = "The frames did not load.";
      return false;
    }
    show(Math.min(Math.max(k, 0), last));
    return true;
  };

  play.addEventListener("click", async () => {
    if (timer) return pause();
    const shown = await go(frame() === last ? 0 : frame());
    if (!shown || timer) return;
    play.textContent = "Pause";
    timer = wait();
  });
  back.addEventListener("click", () => go(frame() - 1));
  on.addEventListener("click", () => go(frame() + 1));
  scrub.addEventListener("input", () => go(frame()));
  // Arrow keys and Enter belong to the control in focus; with this mark JupyterLab's shortcuts leave them alone.
  [play, back, on, scrub, speed].forEach((control) => {
    control.dataset.lmSuppressShortcuts = "true";
    control.hidden = false;
  });
});
