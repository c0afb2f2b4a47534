// Typesets formulas: [{tex, display}] as JSON on stdin, {formulas: [{html, width, error}], css} on stdout.
//     node mathematics.js MATHJAX-FOLDER FONT-URL < formulas.json
// width is in em of the text around; error is MathJax's message, or null.
const fs = require("fs");
const [folder, fontURL] = process.argv.slice(2);

function typeset(MathJax, { tex, display }) {
  const { document, adaptor } = MathJax.startup;
  const item = new document.options.MathItem(tex, document.inputJax[0], display);
  item.start.node = adaptor.body(document.document);
  item.setMetrics(16, 8, 1e6, 1e6, 1);
  item.convert(document);
  const html = adaptor.outerHTML(item.typesetRoot);
  const error = html.match(/data-mjx-error="([^"]*)"/);
  return { html, width: document.outputJax.getBBox(item, document).w, error: error && error[1] };
}

require(`${folder}/node-main.js`)
  .init({
    loader: { load: ["input/tex-full", "output/chtml", "adaptors/liteDOM", "a11y/assistive-mml"] },
    tex: { packages: { "[-]": ["noundefined", "noerrors"] } }, // an unknown command is an error
    chtml: { fontURL },
    startup: { typeset: false },
  })
  .then((MathJax) => {
    const formulas = JSON.parse(fs.readFileSync(0, "utf8")).map((formula) => typeset(MathJax, formula));
    const css = MathJax.startup.adaptor.textContent(MathJax.chtmlStylesheet());
    process.stdout.write(JSON.stringify({ formulas, css }));
  })
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
