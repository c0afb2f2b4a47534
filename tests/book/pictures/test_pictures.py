"""The pictures on a page of their own, opened from a file: what a reader drags, presses, and hears."""

from types import SimpleNamespace

import pictures
import pytest
from axe_playwright_python.sync_playwright import Axe
from sphinx.util.osutil import ensuredir

NAMES = ("bumps", "dirac", "outlier", "frechet")
NARROWEST = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page as the book has it, without the book around it."""
    folder = tmp_path_factory.mktemp("page")
    ensuredir(folder / "_static")
    pictures.write_script(SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=folder))
    links = "".join(pictures.head(name).format("_static") for name in (pictures.STYLE, pictures.SCRIPT))
    body = "".join(f"<h2>{name}</h2>{pictures.html(name)}" for name in NAMES)
    file = folder / "page.html"
    file.write_text(
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        "<title>Pictures</title>"
        '<meta name="viewport" content="width=device-width"></head>'
        f"<body><main><h1>Pictures</h1>{links}{body}</main></body></html>",
        "utf-8",
    )
    return file.as_uri()


class Reader:
    """Someone with a pointer and a keyboard."""

    def __init__(self, page, address):
        self.page, self.errors, self.asked = page, [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.set_default_timeout(15_000)
        page.goto(address)

    def picture(self, name):
        return self.page.locator(f"[data-picture={name}]")

    def numbers(self, name):
        return self.picture(name).locator("dd").all_text_contents()

    def handle(self, name, label):
        return self.picture(name).get_by_role("slider", name=label)

    def drag(self, handle, x, y):
        """By so many pixels."""
        handle.scroll_into_view_if_needed()
        box = handle.locator(".knob").bounding_box()
        at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(*at)
        self.page.mouse.down()
        self.page.mouse.move(at[0] + x / 2, at[1] + y / 2)
        self.page.mouse.move(at[0] + x, at[1] + y)
        self.page.mouse.up()

    def await_numbers(self, name, before):
        self.page.wait_for_function(
            "([name, before]) => [...document.querySelectorAll(`[data-picture=${name}] dd`)]"
            ".map((one) => one.textContent).join() !== before",
            arg=[name, ",".join(before)],
        )
        return self.numbers(name)


@pytest.fixture
def read(browser, file):
    pages = []

    def read(**options):
        pages.append(browser.new_page(**options))
        return Reader(pages[-1], file)

    yield read
    for page in pages:
        page.close()


def test_they_stand_without_scripts(read):
    """With the numbers that the script finds as well, and a sentence that says what it would do."""
    bare, live = read(java_script_enabled=False), read()
    live.page.wait_for_function("document.querySelectorAll('.live').length === 4")
    for name in NAMES:
        assert bare.numbers(name) == live.numbers(name) != []
        drawn = bare.picture(name).locator(".drawn").first.inner_html()
        assert drawn == live.picture(name).locator(".drawn").first.inner_html()
    assert bare.page.content().count("<p>With JavaScript") == len(NAMES)
    assert bare.page.get_by_role("slider").count() == 0


def test_by_pointer_by_keyboard_and_back(read):
    reader = read()
    first = reader.numbers("bumps")
    q = reader.handle("bumps", "Generator q")
    reader.drag(q, 40, 0)
    dragged = reader.await_numbers("bumps", first)
    assert float(dragged[2]) > float(first[2])  # W1
    assert q.get_attribute("aria-valuetext") != "mean 1.50, standard deviation 0.50"
    reader.picture("bumps").get_by_role("button", name="As at first").click()
    assert reader.await_numbers("bumps", dragged) == first
    q.press("ArrowLeft")
    assert float(reader.await_numbers("bumps", first)[2]) == pytest.approx(float(first[2]) - 0.1)
    assert q.get_attribute("aria-valuetext") == "mean 1.40, standard deviation 0.50"
    q.press("Shift+ArrowRight")
    q.press("ArrowUp")
    reader.page.wait_for_timeout(100)
    assert q.get_attribute("aria-valuetext") == "mean 1.90, standard deviation 0.47"
    for _ in range(5):
        q.press("Shift+ArrowRight")
    assert float(q.get_attribute("aria-valuenow")) == float(q.get_attribute("aria-valuemax")) == 3
    assert reader.errors == []


def test_a_screen_reader_hears_where_a_movement_ends_and_not_its_way(read):
    reader = read()
    said = reader.picture("outlier").get_by_role("status")
    reader.page.evaluate(
        """() => {
          window.heard = [];
          const said = document.querySelector("[data-picture=outlier] .said");
          new MutationObserver(() => window.heard.push(said.textContent)).observe(said, { childList: true });
        }"""
    )
    assert said.text_content() == ""
    handle = reader.handle("outlier", "A data point")
    for _ in range(12):
        handle.press("Shift+ArrowLeft")
    reader.page.wait_for_function("window.heard.length > 0")
    heard = reader.page.evaluate("window.heard")
    numbers = reader.numbers("outlier")
    assert len(heard) == 1
    assert heard[0].startswith(f"Precision {numbers[0]}, recall {numbers[1]}")


def test_settings_beside_the_picture(read):
    reader = read()
    first = reader.numbers("dirac")
    dirac = reader.picture("dirac")
    dirac.get_by_label("R1 penalty").press("PageUp")
    penalised = reader.await_numbers("dirac", first)
    assert penalised[0].endswith("closes in")
    dirac.get_by_role("combobox").select_option("alternating")
    assert reader.await_numbers("dirac", penalised)[0] != penalised[0]
    frechet = reader.picture("frechet")
    before = reader.numbers("frechet")
    reader.handle("frechet", "Generated: mean").press("Shift+ArrowRight")
    apart = reader.await_numbers("frechet", before)
    assert float(apart[0]) == pytest.approx(0.25, abs=1e-3) == float(apart[1])
    frechet.get_by_role("button", name="Give them").click()
    assert reader.await_numbers("frechet", apart) == before
    assert reader.errors == []


def test_touch(read):
    """A finger moves the point, and the page does not scroll under it."""
    reader = read(viewport={"width": 390, "height": 844}, has_touch=True)
    handle = reader.handle("dirac", "Start")
    handle.scroll_into_view_if_needed()
    box = handle.locator(".knob").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = reader.page.context.new_cdp_session(reader.page)
    scrolled, before = reader.page.evaluate("scrollY"), reader.numbers("dirac")
    way = [("touchStart", (0, 0)), ("touchMove", (-20, 40)), ("touchMove", (-40, 60)), ("touchEnd", None)]
    for kind, by in way:
        points = [{"x": x + by[0], "y": y + by[1]}] if by else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    reader.await_numbers("dirac", before)
    assert reader.page.evaluate("scrollY") == scrolled
    assert handle.get_attribute("aria-valuetext") != "θ 1.00, ψ 1.00"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_narrow_accessible_and_in_the_colours_of_the_theme(read, theme):
    reader = read(viewport=NARROWEST)
    reader.page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= NARROWEST["width"]
    knob = reader.handle("dirac", "Start").locator(".knob")
    colour = {"light": "rgb(198, 83, 0)", "dark": "rgb(240, 135, 50)"}[theme]
    assert knob.evaluate("(knob) => getComputedStyle(knob).fill") == colour
    reach = reader.handle("dirac", "Start").locator(".reach").bounding_box()
    assert min(reach["width"], reach["height"]) >= 24
    if theme == "light":  # without the book's style sheet there is no dark ground
        reader.page.evaluate("document.querySelectorAll('.drawn > *').forEach((part) => part.remove())")
        found = Axe().run(reader.page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [f"{rule['id']}: {node['html'][:150]}" for rule in found for node in rule["nodes"]
                if rule["impact"] in ("serious", "critical")] == []  # fmt: skip
    assert all(url.startswith(("file:", "data:")) for url in reader.asked)
