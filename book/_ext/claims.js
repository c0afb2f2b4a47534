// The claims page: rows by page, by what shows that they could have failed, by verdict; the choice is in the address.
document.addEventListener("DOMContentLoaded", () => {
  const NAMES = { control: "beside a control", identity: "identity", proof: "bound with a proof", none: "none" };
  const place = document.querySelector(".claims-filter");
  const sections = [...document.querySelectorAll("table.claims-table")].map((table) => table.closest("section"));
  const tagged = (row, name) => [...row.classList].find((one) => one.startsWith(`${name}-`)).slice(name.length + 1);
  const rows = sections.flatMap((section) =>
    [...section.querySelectorAll("tbody tr")].map((row) => ({
      row, section, page: section.id.replace("claims-", ""), kind: tagged(row, "kind"), verdict: tagged(row, "verdict"),
    })),
  );
  const titles = Object.fromEntries(
    sections.map((section) => [section.id.replace("claims-", ""), section.querySelector("h2").firstChild.textContent]),
  );
  const words = {
    page: (value) => titles[value],
    kind: (value) => NAMES[value],
    verdict: (value) => (value === "none" ? "no question of the source" : value.replaceAll("-", " ")),
  };
  const choices = Object.fromEntries(
    [["page", "Page"], ["kind", "Control"], ["verdict", "Verdict on the source"]].map(([name, text]) => {
      const label = document.createElement("label");
      const select = document.createElement("select");
      const values = [...new Set(rows.map((one) => one[name]))];
      select.append(new Option("all", ""), ...values.map((value) => new Option(words[name](value), value)));
      label.append(text, select);
      place.append(label);
      return [name, select];
    }),
  );
  const all = document.createElement("button");
  all.type = "button";
  all.textContent = "Show all";
  const count = document.createElement("output");
  place.append(all, count);

  function show() {
    const wanted = (one) => Object.entries(choices).every(([name, { value }]) => !value || one[name] === value);
    const left = new Set();
    let number = 0;
    for (const one of rows) {
      one.row.hidden = !wanted(one);
      if (one.row.hidden) continue;
      left.add(one.section);
      number += 1;
    }
    for (const section of sections) section.hidden = !left.has(section);
    count.textContent = `${number} of ${rows.length} claims`;
    all.disabled = number === rows.length;
  }

  function keep() {
    const chosen = Object.entries(choices).flatMap(([name, { value }]) => (value ? [[name, value]] : []));
    history.replaceState(null, "", chosen.length ? `#${new URLSearchParams(chosen)}` : location.pathname);
    show();
  }

  function read() {
    const asked = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const [name, select] of Object.entries(choices)) {
      const value = asked.get(name) ?? "";
      select.value = [...select.options].some((option) => option.value === value) ? value : "";
    }
    show();
  }

  place.addEventListener("change", keep);
  all.addEventListener("click", () => {
    for (const select of Object.values(choices)) select.value = "";
    keep();
  });
  addEventListener("hashchange", () => {
    read();
    document.getElementById(location.hash.slice(1))?.scrollIntoView(); // a section that was hidden until now
  });
  place.hidden = false;
  read();
});
