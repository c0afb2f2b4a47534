"""The parts that take weight off the pages, each on a text of a few lines."""

import re
import xml.etree.ElementTree as ElementTree

import finder
import lighter
import pytest
import stylesheets
import tinycss2
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph

DRAWING = (
    '<svg aria-hidden="true" width="0" height="0" style="position:absolute"><defs>'
    '<path id="figure-1-Sans-41" d="M 0 0 L 1 1"/><path id="figure-1-Sans-42" d="M 0 0 L 2 2"/></defs></svg>'
    '<svg class="gan-svg" {named} viewBox="0 0 300.5 200" fill="currentColor" style="width:100%">'
    '<g><use href="#figure-1-Sans-41"/></g></svg>'
)


@pytest.fixture
def site(tmp_path):
    """A place for a page's drawings."""
    (tmp_path / "_images").mkdir()
    return tmp_path


def test_a_drawing_in_a_file_has_the_letters_that_it_uses_and_both_inks(site):
    page = DRAWING.format(named='role="img" aria-label="A line"')
    found = lighter.with_drawings_in_files(page, site, "../", ("#111", "#eee"))
    light, dark = re.findall(r"<img [^>]*>", found)
    assert found == light + dark
    assert 'class="gan-svg only-light"' in light and 'class="gan-svg only-dark"' in dark
    for picture in (light, dark):
        assert 'loading="lazy"' in picture and 'alt="A line" width="300" height="200"' in picture
    (file,) = (site / "_images").iterdir()
    assert f'src="../_images/{file.name}"' in light and f'src="../_images/{file.name}#dark"' in dark
    drawing = file.read_text()
    root = ElementTree.fromstring(drawing)
    assert root.get("viewBox") == "0 0 300.5 200" and root.get("id") == "dark"
    assert "Sans-41" in drawing and "Sans-42" not in drawing
    assert "svg{color:#111}svg:target{color:#eee}" in drawing


def test_a_drawing_that_others_name_stays_silent(site):
    found = lighter.with_drawings_in_files(
        DRAWING.format(named='aria-hidden="true"'), site, "", ("#111", "#eee")
    )
    assert found.count('alt="" aria-hidden="true"') == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (".here{a:b}.gone{c:d}", ".here{a:b}"),
        (".here .gone{a:b}", ""),
        (".gone,.here:not(.gone){a:b}", ".here:not(.gone){a:b}"),
        ("h1{a:b}", "h1{a:b}"),
        ("@media print{.gone{a:b}}", ""),
        ("@media print{.gone{a:b}.here{c:d}}", "@media print{.here{c:d}}"),
        (
            "@font-face{src:url(x)}@keyframes gone{from{a:b}}",
            "@font-face{src:url(x)}@keyframes gone{from{a:b}}",
        ),
        (".bs-tooltip-top{a:b}", ".bs-tooltip-top{a:b}"),  # a script may put the name together
        (".said{a:b}", ".said{a:b}"),
    ],
)
def test_rules_stay_for_what_pages_have_and_scripts_may_add(tmp_path, before, after):
    (tmp_path / "_static").mkdir()
    (tmp_path / "page.html").write_text('<p class="here">gone</p><script>add("said")</script>')
    (tmp_path / "_static/script.js").write_text("add(`bs-tooltip-${place}`)")
    rules = tinycss2.parse_stylesheet(before, True, True)
    assert tinycss2.serialize(stylesheets.kept(rules, stylesheets.Used(tmp_path))) == after


def test_an_icon_font_keeps_the_icons_in_use(tmp_path):
    builder = FontBuilder(1000)
    glyphs = [".notdef", "one", "two"]
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({0xF001: "one", 0xF002: "two"})
    builder.setupGlyf({name: Glyph() for name in glyphs})
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (500, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupPost()
    file = tmp_path / "icons.ttf"
    builder.save(file)
    stylesheets.write_font(file, {0xF002})
    assert [path.name for path in tmp_path.iterdir()] == ["icons.woff"]
    assert set(TTFont(tmp_path / "icons.woff").getBestCmap()) == {0xF002}


HALF = "<mfrac><mrow><mi>p</mi><mo>+</mo><mi>q</mi></mrow><mn>2</mn></mfrac>"
POWER = "<msup><mi>x</mi><mn>2</mn></msup><mi>log</mi><mo>\u2061</mo><mi>y</mi>"
PAGE = f"""<article><section id="top"><h1>Top<a class="headerlink">#</a></h1>
<p>Of a fraction: <mjx-math><mjx-c></mjx-c></mjx-math><math>{HALF}</math>.</p>
<div class="proof theorem admonition" id="thm-one">
<p class="admonition-title"><span class="caption-number">Theorem 1 </span> (One)</p>
<section id="proof-content"><p><math>{POWER}</math></p></section></div>
<pre>code</pre><p>After it.</p>
<dl><dt id="term-a">alpha</dt><dt id="term-b">A</dt><dd><p>A letter.</p></dd>
<dt id="term-c">beta</dt><dd>No.</dd></dl>
<fieldset aria-describedby="quiz-1"><legend>T1 · Which?</legend>
<p>This.</p><p class="gan-reason">Wrong!</p></fieldset>
</section></article>"""


def test_parts_of_a_page_are_found_by_name_with_their_text():
    found = finder.Entries(PAGE)
    assert all(finder.clean(entry) for entry in found.entries)
    assert [tuple(entry.values()) for entry in found.entries] == [
        ("top", "Top", "Of a fraction: (p+q)/2. After it."),
        ("thm-one", "Theorem 1 (One)", "x^2 log y"),
        ("term-a", "alpha · A", "A letter."),
        ("term-c", "beta", "No."),
        ("quiz-1", "T1 · Which?", "This."),
    ]
    assert [term["title"] for term in found.terms] == ["alpha · A", "beta"]
