// The search fields of a page: results stand under the field while one types. What is searched in (searchindex.js)
// and what searches (_static/finder/find.js) are loaded when a field is first used.
addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement.dataset.content_root;
  const script = (name) => new Promise((done, failed) => {
    const element = document.createElement("script");
    document.head.append(Object.assign(element, { src: root + name, onload: done, onerror: failed }));
  });
  let loading;
  const load = () => (
    loading ??= script("searchindex.js").then(() => script("_static/finder/find.js")));

  // On the search page the field in the page is the one; elsewhere it is the one in the dialog.
  const page = document.querySelector(".bd-search-container");
  document.querySelectorAll("form.bd-search").forEach((form) => {
    if (page && !page.contains(form)) return;
    const input = form.querySelector("input");
    const answer = Object.assign(document.createElement("div"), { className: "finder" });
    answer.innerHTML = '<p class="finder-status" role="status"></p><div class="finder-results"></div>';
    const [status, results] = answer.children;
    form.after(answer);

    const search = async () => {
      const query = input.value;
      try {
        await load();
      } catch {
        status.textContent = "The search could not be loaded.";
        return;
      }
      if (query === input.value) status.textContent = window.finder.show(results, query, root);
    };
    input.addEventListener("focus", load, { once: true });
    input.addEventListener("input", search);
    if (page) {
      form.addEventListener("submit", (event) => event.preventDefault());
      input.value = new URLSearchParams(location.search).get("q") ?? "";
      if (input.value) search();
    }

    // Up and down lead from the field through the results and back; Enter opens, as with every link.
    form.parentElement.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const stops = [input, ...results.querySelectorAll("a")];
      const next = stops[stops.indexOf(document.activeElement) + step];
      if (!next || !stops.includes(document.activeElement)) return;
      event.preventDefault();
      next.focus();
    });
    // A link to another part of this page leaves the dialog.
    results.addEventListener("click", (event) => {
      if (event.target.closest("a")) form.closest("dialog")?.close();
    });
  });
});
