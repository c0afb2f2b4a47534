// Pictures lie in files and are fetched when nearly seen. A slider needs all of its pictures before it is moved, so
// that none is missing when its turn comes: it fetches them when it is near and the reader has begun to move about.
// A printed page needs all of its pictures.
addEventListener("DOMContentLoaded", () => {
  const fetchAll = (part) => part.querySelectorAll("img[loading=lazy]").forEach((image) => {
    image.loading = "eager";
  });
  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      near.unobserve(target);
      fetchAll(target);
    });
  }, { rootMargin: "800px" });
  const begun = ["scroll", "pointermove", "touchstart", "keydown", "focusin"];
  const begin = () => {
    begun.forEach((kind) => removeEventListener(kind, begin));
    document.querySelectorAll(".gan-slider").forEach((slider) => near.observe(slider));
  };
  begun.forEach((kind) => addEventListener(kind, begin, { passive: true }));
  addEventListener("beforeprint", () => fetchAll(document));
});
