// On paper a page is light, and what is folded is open (but for code); afterwards all is as it was.
(() => {
  const page = document.documentElement;
  let theme, opened;
  addEventListener("beforeprint", () => {
    theme = page.dataset.theme;
    page.dataset.theme = "light";
    opened = [...document.querySelectorAll("main details:not(.hide, [open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    page.dataset.theme = theme;
    for (const one of opened) one.open = false;
  });
})();
