// Gives every animation on the page a button that stops and starts it.
document.querySelectorAll(".gan-animation:not([data-ready])").forEach((animation) => {
  animation.dataset.ready = "yes";
  const image = animation.querySelector("img");
  const button = animation.querySelector("button");
  const moving = image.src;
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  animation.querySelector("source").remove();
  const show = () => {
    image.src = playing ? moving : animation.dataset.still;
    button.textContent = playing ? "Pause" : "Play";
  };
  // Arrow keys and Enter belong to the control in focus; with this mark JupyterLab's shortcuts leave them alone.
  button.dataset.lmSuppressShortcuts = "true";
  button.addEventListener("click", () => { playing = !playing; show(); });
  button.hidden = false;
  show();
});
