// Turns every slider on the page that is not yet alive into one that shows the frame it points at.
document.querySelectorAll(".gan-slider:not([data-ready])").forEach((slider) => {
  slider.dataset.ready = "yes";
  const frames = [...slider.querySelectorAll(".gan-frame")];
  const input = slider.querySelector("input");
  const value = slider.querySelector(".gan-value");
  const show = () => {
    frames.forEach((frame, k) => { frame.hidden = k !== Number(input.value); });
    value.textContent = frames[input.value].dataset.value;
    input.setAttribute("aria-valuetext", value.textContent);
  };
  // Arrow keys and Enter belong to the control in focus; with this mark JupyterLab's shortcuts leave them alone.
  input.dataset.lmSuppressShortcuts = "true";
  input.addEventListener("input", show);
  show();
});
