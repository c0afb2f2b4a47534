// Looks up what a reader types in the index that finder.py wrote (window.finderIndex), and shows what it found.
window.finder = (() => {
  const { pages, entries, same } = window.finderIndex;
  const SHOWN = 12;            // pages
  const OF_A_PAGE = 3;         // parts of each
  const SNIPPET = 160;         // characters
  const TITLE = 5, PAGE = 2;   // what a word counts for in the title of a part or of its page; in a text: 1

  // One form for what differs in accents, in capitals, in British or American s, and in number.
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const stem = (word) => word.replace(/iz(?=[aei]|$)/, "is").replace(/([^siu])s$/, "$1");
  const wordsOf = (text) => (fold(text).match(/[\p{L}\p{N}]+/gu) ?? []).map(stem);
  const joined = (text) => ` ${wordsOf(text).join(" ")} `;

  const parts = entries.map(([page, anchor, title, text]) => {
    const [url, pageTitle, weight] = pages[page];
    return { page, url: `${url}#${anchor}`, title, text, weight, inTitle: joined(title), inText: joined(text),
      inPage: joined(pageTitle) };
  });
  const groups = same.map((phrases) => phrases.map((phrase) => joined(phrase)));

  // The query, and the query in the other words for the same thing: [{ words, other }].
  function readings(words) {
    const query = ` ${words.join(" ")} `;
    const others = groups.flatMap((phrases) => phrases.filter((phrase) => query.includes(phrase))
      .flatMap((phrase) => phrases.filter((other) => other !== phrase)
        .map((other) => ({ words: query.replace(phrase, other).trim().split(" "), other }))));
    return [{ words, other: "" }, ...others];
  }

  // Of a word in a text: 1 as a whole, less as a beginning (only the last word may still be half typed), or 0.
  const found = (text, word, unfinished) => (
    text.includes(` ${word} `) ? 1 : unfinished && text.includes(` ${word}`) ? 0.4 : 0);

  const known = new Map();
  function rarity(word, unfinished) {
    const key = word + (unfinished ? "…" : "");
    if (!known.has(key)) {
      const having = parts.filter(
        (part) => found(part.inText, word, unfinished) || found(part.inTitle, word, unfinished));
      known.set(key, Math.log(1 + parts.length / (1 + having.length)));
    }
    return known.get(key);
  }

  function score(part, words, rarities, unfinished) {
    let sum = 0, missing = 0;
    words.forEach((word, k) => {
      const last = unfinished && k === words.length - 1;
      const title = found(part.inTitle, word, last), text = found(part.inText, word, last);
      if (!title && !text) missing += 1;
      const often = text ? Math.min(part.inText.split(` ${word}`).length - 1, 4) / 4 : 0;
      sum += rarities[k] * (TITLE * title + text * (1 + often) + PAGE * found(part.inPage, word, last));
    });
    if (missing === words.length) return 0;
    const phrase = ` ${words.join(" ")}${unfinished ? "" : " "}`;
    if (words.length > 1 && part.inTitle.includes(phrase)) sum *= 2;
    else if (words.length > 1 && part.inText.includes(phrase)) sum *= 1.5;
    if (part.inTitle.startsWith(phrase)) sum *= 1.2;
    // Who asks for a page of reference by its title gets it.
    const named = part.inTitle === part.inPage && part.inTitle.includes(phrase);
    return (named ? Math.max(part.weight, 0.6) : part.weight) * sum * 0.15 ** missing;
  }

  // Pages, the best first, each with its best parts: [{ title, url, parts: [{ title, url, text }] }].
  function find(query) {
    const words = wordsOf(query);
    if (!words.length) return { sought: () => false, results: [] };
    // The last word may be half typed, unless it is one; a number is: "Theorem 2" is not Theorem 20.
    const last = words.at(-1);
    const unfinished = /\p{L}$/u.test(query)
      && !parts.some((part) => part.inTitle.includes(` ${last} `) || part.inText.includes(` ${last} `));
    const all = readings(words);
    const best = new Map();
    all.forEach(({ words: reading, other }) => {
      const half = unfinished && !other;
      const rarities = reading.map((word, k) => rarity(word, half && k === reading.length - 1));
      parts.forEach((part) => {
        if (!part.inTitle.includes(other) && !part.inText.includes(other)) return;
        const points = score(part, reading, rarities, half) * (other ? 0.9 : 1);
        if (points > (best.get(part) ?? 0)) best.set(part, points);
      });
    });
    const byPage = new Map();
    [...best].sort((a, b) => b[1] - a[1]).forEach(([part, points]) => {
      const page = byPage.get(part.page) ?? { title: pages[part.page][1], url: pages[part.page][0], points, parts: [] };
      if (page.parts.length < OF_A_PAGE && points > page.points / 8) page.parts.push(part);
      byPage.set(part.page, page);
    });
    const whole = new Set(all.flatMap((reading) => reading.words));
    const sought = (word) => whole.has(word) || (unfinished && word.startsWith(last));
    const results = [...byPage.values()].filter((page, k, list) => page.points > list[0].points / 60);
    return { sought, results: results.slice(0, SHOWN) };
  }

  const PIECE = /[\p{L}\p{N}\p{M}]+/gu;
  // A text as nodes, with the words that were looked for marked: "FID", and not "confident".
  function marked(text, sought) {
    const nodes = [];
    let end = 0;
    for (const { 0: piece, index } of text.matchAll(PIECE)) {
      if (!sought(stem(fold(piece)))) continue;
      nodes.push(text.slice(end, index), element("mark", {}, piece));
      end = index + piece.length;
    }
    return [...nodes, text.slice(end)];
  }

  // The part of a text that has most of the words, cut between words.
  function snippet(text, sought) {
    const starts = [...text.matchAll(PIECE)].filter(([piece]) => sought(stem(fold(piece)))).map(({ index }) => index);
    const within = (start) => starts.filter((one) => one >= start && one < start + SNIPPET - 40).length;
    const first = starts.reduce((best, one) => (within(one) > within(best) ? one : best), starts[0] ?? 0);
    const from = first < 60 ? 0 : text.indexOf(" ", first - 40) + 1;
    if (text.length <= from + SNIPPET) return (from ? "… " : "") + text.slice(from);
    const to = text.lastIndexOf(" ", from + SNIPPET);
    return `${from ? "… " : ""}${text.slice(from, to > from ? to : from + SNIPPET)} …`;
  }

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  function list(results, sought, root) {
    return element("ol", {}, ...results.map((page) => element("li", {},
      element("a", { className: "finder-page", href: root + page.url }, ...marked(page.title, sought)),
      element("ul", {}, ...page.parts.map((part) => element("li", {},
        element("a", { href: root + part.url }, ...marked(part.title || page.title, sought)),
        element("p", {}, ...marked(snippet(part.text, sought), sought))))))));
  }

  // Fill an element with what was found; returns what is said of it.
  function show(place, query, root) {
    const { sought, results } = find(query);
    place.replaceChildren(...(results.length ? [list(results, sought, root)] : []));
    if (!query.trim()) return "";
    if (!results.length) return `Nothing found for “${query.trim()}”.`;
    return results.length === 1 ? "Found on 1 page." : `Found on ${results.length} pages.`;
  }

  return { find, show };
})();
