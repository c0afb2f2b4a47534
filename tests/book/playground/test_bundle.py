"""The bundle, a classic script: the same bits in Chromium, also in a worker, as from the modules in Node."""

import hashlib
import struct
from pathlib import Path

import bundle
import pytest

ROOT = Path(__file__).resolve().parents[3]
ENGINE = ROOT / "book/playground/engine"


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.goto("about:blank")
    yield page
    page.close()


@pytest.mark.parametrize(
    "name", ["exp", "log", "log1p", "softplus", "sigmoid", "tanh", "cosTurns", "sinTurns"]
)
def test_elementary_functions_have_the_same_bits(engine, page, name):
    points = [(k + 0.1) * 1.37**j / 3 for k in range(50) for j in range(-40, 12, 2)]
    points += [-x for x in points] if not name.startswith("log") else []
    script = f"([name, points]) => points.map({bundle.bundle(ENGINE / 'elementary.js')}[name])"
    found = page.evaluate(script, [name, points])
    assert [float(value) for value in found] == [float(text) for text in engine("atEdges", f=name, at=points)]


GAME = {
    "widthG": 8,
    "widthD": 8,
    "batch": 16,
    "seed": 3,
    "activationD": "tanh",
    "gradientPenalty": 1,
    "r1": 0.1,
}

WORKER = """
const { Game } = GAME_MODULE, { complete } = SETTINGS_MODULE;
onmessage = ({ data: { settings, count } }) => {
  const game = new Game(complete(settings));
  for (let k = 0; k < count; k++) game.iterate();
  postMessage([...game.state.generator]);
};
"""

START = """
([source, message]) => new Promise((resolve, reject) => {
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = reject;
  worker.postMessage(message);
})
"""


def test_a_game_in_a_worker_has_the_same_bits(engine, page):
    source = WORKER.replace("GAME_MODULE", bundle.bundle(ENGINE / "game.js"))
    source = source.replace("SETTINGS_MODULE", bundle.bundle(ENGINE / "settings.js"))
    found = page.evaluate(START, [source, {"settings": GAME, "count": 100}])
    assert found == engine("iterate", settings=GAME, count=100)["generator"]
    # Whatever changes these bits changes the runs behind all links that readers keep.
    digest = hashlib.sha256(struct.pack(f"<{len(found)}d", *found)).hexdigest()
    assert digest == "25bff604bbddd9521a5bdf22d8ec36ecc32e0e48ed2fef569caba3a78498b3f9"


def write(folder, **modules):
    for name, text in modules.items():
        folder.joinpath(f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "entry.js"


def test_names_stay_apart(page, tmp_path):
    """Two modules with a private name each, an import under another name, and one of a whole module."""
    entry = write(
        tmp_path,
        a="const hidden = 1;\nexport function f() { return hidden; }\n",
        b='import { f as g } from "./a.js";\nconst hidden = 10;\nexport const h = () => g() + hidden;\n',
        entry='import { h } from "./b.js";\nimport * as a from "./a.js";\n'
        "export const value = h() + 100 * a.f();\n",
    )
    assert page.evaluate(f"{bundle.bundle(entry)}.value") == 111


@pytest.mark.parametrize(
    "line",
    [
        "export default 1;",
        'import a from "./a.js";',
        'import "./a.js";',
        "export { b };",
        'export * from "./a.js";',
    ],
)
def test_other_forms_are_refused(tmp_path, line):
    with pytest.raises(ValueError, match="cannot bundle"):
        bundle.bundle(write(tmp_path, a="", entry=f"const b = 1;\n{line}\n"))


def test_modules_that_import_each_other_are_refused(tmp_path):
    entry = write(
        tmp_path,
        a='import { b } from "./entry.js";\nexport const a = 1;\n',
        entry='import { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(ValueError, match=r"import each other: entry.js -> a.js -> entry.js"):
        bundle.bundle(entry)
