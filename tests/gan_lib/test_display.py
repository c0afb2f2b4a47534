import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure
from PIL import Image

from gan_lib.display import animation, figure, image_grid, quiz, slider, table, use_style
from gan_lib.display.figures import INK


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        use_style()
        yield
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    """Call a display function as a notebook would: shown(function, ...) -> (HTML, plain text, metadata)."""
    shell = InteractiveShell.instance()

    def call(function, *arguments, **options):
        with capture_output() as captured:
            function(*arguments, **options)
        (output,) = captured.outputs
        return output.data["text/html"], output.data["text/plain"], output.metadata

    yield call
    shell.clear_instance()


def curve(level=1.0, **line):
    fig, ax = plt.subplots()
    ax.plot([0, 1, 2], [0, level, 0.123456789], label="a curve", **line)
    ax.set(title="T < U", xlabel="$x$", ylim=(0, 3))
    ax.legend()
    return fig


def svgs(html):
    """The SVG elements of a piece of HTML, parsed: what a strict parser takes, a browser takes."""
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, flags=re.S)]


def ids_and_uses(html):
    return re.findall(r' id="([^"]+)"', html), set(re.findall(r'(?:href="|url\()#([\w.-]+)', html))


def test_figure_takes_the_colour_of_the_page(shown):
    html, plain, _ = shown(figure, curve(color="black"), alt='A "curve" & more')
    assert "currentColor" in html
    assert "#000000" not in html and INK not in html and "#ffffff" not in html
    assert svgs(html)[-1].attrib["aria-label"] == 'A "curve" & more'
    assert svgs(html)[-1].attrib["role"] == "img"
    assert plain == '[Figure: A "curve" & more]'
    assert "font-family" not in html and "http" not in html and "<style" not in html


def test_figures_keep_the_colours_of_data(shown):
    assert "#d55e00" in shown(figure, curve(color="#D55E00"), alt="A curve")[0]


def test_figure_ids_refer_to_something_and_differ_between_figures(shown):
    first, second = (shown(figure, curve(level), alt="A curve")[0] for level in (1.0, 2.0))
    for html in (first, second):
        ids, uses = ids_and_uses(html)
        assert len(ids) == len(set(ids)) and uses <= set(ids) and uses
    assert not set(ids_and_uses(first)[0]) & set(ids_and_uses(second)[0])


def test_figure_is_the_same_every_time_and_is_closed(shown):
    fig = curve()
    first = shown(figure, fig, alt="A curve")[0]
    assert not plt.fignum_exists(fig.number)
    assert first == shown(figure, curve(), alt="A curve")[0]


def test_figures_carry_pictures_and_hatches(shown):
    fig, axes = plt.subplots(1, 2)
    axes[0].imshow(np.eye(3))
    axes[1].bar([0, 1], [1, 2], hatch="/")
    html = shown(figure, fig, alt="A matrix")[0]
    ids, uses = ids_and_uses(html)
    assert uses <= set(ids)
    (data,) = re.findall(r'href="data:image/png;base64,([^"]*)"', html)
    Image.open(io.BytesIO(base64.b64decode(data, validate=True))).verify()


@pytest.mark.parametrize("call", [
    lambda alt: figure(Figure(), alt),
    lambda alt: slider(lambda value: Figure(), [0, 1], "x", alt),
    lambda alt: animation([np.zeros((2, 2)), np.ones((2, 2))], alt),
    lambda alt: image_grid(torch.zeros(1, 1, 2, 2), alt),
])  # fmt: skip
@pytest.mark.parametrize("alt", ["", "  ", None])
def test_a_picture_without_words_is_refused(call, alt):
    with pytest.raises(ValueError, match="alt must describe"):
        call(alt)


def test_a_name_makes_an_output_quotable(shown):
    metadata = shown(figure, curve(), alt="A curve", name="my-curve")[2]
    assert metadata["scrapbook"] == {"name": "my-curve", "mime_prefix": ""}
    with pytest.raises(ValueError, match="lower-case words"):
        figure(curve(), alt="A curve", name="My curve")


def test_slider_has_a_frame_for_each_value(shown):
    html, plain, _ = shown(slider, curve, [0.5, -1, 2], "level <h>", "A curve.")
    frames = re.findall(r'<div class="gan-frame" data-value="([^"]*)"( hidden)?>', html)
    assert frames == [("0.5", ""), ("−1", " hidden"), ("2", " hidden")]
    assert [svg.attrib["aria-label"] for svg in svgs(html)[1:]] == [
        f"A curve. (level <h>: {value})" for value in ("0.5", "−1", "2")
    ]
    (control,) = re.findall(r'<label for="([^"]*)">level &lt;h&gt;</label>', html)
    assert f'<input type="range" id="{control}" min="0" max="2"' in html
    ids, uses = ids_and_uses(html)
    assert len(ids) == len(set(ids)) and uses <= set(ids)
    assert not plt.get_fignums()
    assert "3 steps" in plain


def side_by_side(text=None, shared=False, size=(8, 3), colour="C0"):
    fig, axes = plt.subplots(1, 2, figsize=size, sharey=shared)
    for ax, word in zip(axes, ("left", "right"), strict=True):
        ax.plot([0, 1], [0, 1], color=colour)
        ax.set(title=word)
    if text:
        fig.suptitle(text)
    return fig


def least_widths(html):
    return [int(found) for found in re.findall(r"min-width:(\d+)px;max-width", html)]


def test_panels_that_are_too_wide_for_a_phone_come_apart(shown):
    html = shown(figure, side_by_side(), alt="Two lines")[0]
    whole = shown(figure, side_by_side("over both"), alt="Two lines")[0]
    pictures = [svg for svg in svgs(html) if svg.get("class") == "gan-svg"]
    assert [svg.get("aria-hidden") for svg in pictures] == ["true", "true"]
    assert html.count('role="img" aria-label="Two lines"') == 1 == whole.count('role="img"')
    assert all(least <= 340 for least in least_widths(html)) and "tabindex" not in html
    assert max(least_widths(whole)) > 340 and "tabindex=0" in whole
    ids, uses = ids_and_uses(html)
    assert len(ids) == len(set(ids)) and uses <= set(ids)


def test_each_panel_has_its_own_content_and_numbers(shown):
    html = shown(figure, side_by_side(shared=True), alt="Two lines")[0]
    letters = [len(svg.findall(".//use")) for svg in svgs(html)[1:]]
    assert len(letters) == 2 and abs(letters[0] - letters[1]) <= 1  # "left" has four letters, "right" five
    assert len(least_widths(shown(figure, side_by_side(size=(4, 3)), alt="Two lines")[0])) == 1


def test_frames_of_a_slider_come_apart_at_the_same_places(shown):
    html = shown(slider, lambda c: side_by_side(colour=c), ["C0", "C1"], "colour", "Lines", start="C1")[0]
    widths = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', html)
    assert len(widths) == 4 and widths[:2] == widths[2:]
    assert re.findall(r'data-value="(\w+)"( hidden)?', html) == [("C0", " hidden"), ("C1", "")]
    assert html.count('class="gan-scroll"') == 1 and 'value="1"' in html
    assert not plt.get_fignums()


@pytest.mark.slow
def test_forty_frames_stay_small(shown):
    def draw(shift):
        fig, ax = plt.subplots()
        x = np.linspace(-4, 4, 400)
        for k in range(4):
            ax.plot(x, np.exp(-((x - k * shift) ** 2)), label=f"curve {k}")
        ax.legend()
        return fig

    assert len(shown(slider, draw, np.linspace(0, 1, 40), "shift", "Four curves.")[0]) < 1.5e6


def test_a_slider_starts_at_one_of_its_values():
    with pytest.raises(ValueError, match=r"start must be one of the values \[1, 2\], not 3"):
        slider(curve, [1, 2], "x", "A curve.", start=3)


@pytest.mark.parametrize(("values", "label"), [([], "x"), ([1], "x"), ([1, 2], " ")])
def test_malformed_sliders_are_refused(values, label):
    with pytest.raises(ValueError, match="a slider needs"):
        slider(curve, values, label, "A curve.")


def webp(html, attribute):
    return Image.open(
        io.BytesIO(base64.b64decode(re.search(rf'{attribute}="data:image/webp;base64,([^"]*)"', html)[1]))
    )


def far(one, other):
    """The mean difference of two pictures of one size."""
    return abs(np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)).mean()


def test_animation_has_all_frames_on_a_sheet_and_opens_at_the_one_that_is_named(shown):
    levels = (0.5, 1.0, 2.0)
    html = shown(animation, map(curve, levels), "A rising curve", labels=["a", "b", "c"], start=1)[0]
    sheet, opening = webp(html, "data-sheet"), webp(html, " src")
    columns, (width, height) = int(re.search(r'data-columns="(\d+)"', html)[1]), opening.size
    assert sheet.size == (columns * width, -(-len(levels) // columns) * height)
    corners = [(k % columns * width, k // columns * height) for k in range(len(levels))]
    frames = [sheet.crop((x, y, x + width, y + height)) for x, y in corners]
    assert far(frames[1], opening) < 2 < min(far(frames[0], opening), far(frames[2], opening))
    assert 'data-labels="[&quot;a&quot;, &quot;b&quot;, &quot;c&quot;]"' in html
    assert '<span class="gan-value">b</span>' in html and 'alt="A rising curve"' in html
    assert not plt.get_fignums()


def test_what_is_drawn_turns_dark_on_a_dark_page_and_photographs_do_not(shown):
    assert 'class="gan-animation gan-drawn"' in shown(animation, map(curve, (1, 2)), "A curve")[0]
    assert 'class="gan-animation"' in shown(animation, [np.zeros((2, 2)), np.ones((2, 2))], "Samples")[0]


def test_frames_of_all_kinds_agree(shown):
    ramp = np.tile(np.linspace(0, 1, 64), (64, 1))
    grey = np.round(ramp * 255).astype(np.uint8)
    html = shown(animation, [ramp, grey, torch.tensor(ramp), Image.fromarray(grey)], "A ramp")[0]
    sheet = np.asarray(webp(html, "data-sheet").convert("L"), float)
    assert sheet.shape == (128, 128)
    assert abs(sheet - np.tile(grey, (2, 2))).mean() < 3


@pytest.mark.parametrize(
    ("options", "message"),
    [({"labels": ["a"]}, "2 frames need as many labels, not 1"), ({"start": 2}, "start must be the index")],
)
def test_labels_and_the_start_fit_the_frames(options, message):
    with pytest.raises(ValueError, match=message):
        animation([np.zeros((2, 2))] * 2, "A film", **options)


@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        ([np.zeros((2, 2))], 10, "at least two frames"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], 10, "same size"),
        ([np.zeros((2, 2)), np.full((2, 2), 1.5)], 10, r"\[0, 1\]"),
        ([np.zeros((2, 2)), np.full((2, 2), np.nan)], 10, r"\[0, 1\]"),
        ([np.zeros((2, 2, 4))] * 2, 10, "shape"),
        ([np.zeros((2, 2))] * 2, 0, "fps"),
        ([np.zeros((2, 2))] * 2, 100, "fps"),
    ],
)
def test_malformed_animations_are_refused(frames, fps, message):
    with pytest.raises(ValueError, match=message):
        animation(frames, "A film", fps)


def grid_pixels(html):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]*)", html)[1]))))


def test_grid_shows_every_image_in_its_place(shown):
    images = torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 3, 4, 6) * 50
    pixels = grid_pixels(shown(image_grid, images, "Five shades", columns=2)[0])
    assert pixels.shape == (3 * 4 + 2, 2 * 6 + 1, 4)
    for k in range(5):
        top, left = k // 2 * 5, k % 2 * 7
        assert (pixels[top : top + 4, left : left + 6] == [k * 50] * 3 + [255]).all()
    assert (pixels[10:, 7:, 3] == 0).all()


def test_grid_maps_minus_one_to_black_and_one_to_white(shown):
    images = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).requires_grad_()
    pixels = grid_pixels(shown(image_grid, images, "Three pixels", columns=3)[0])
    assert pixels[0, ::2, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("images", [torch.zeros(2, 2, 4, 4), torch.zeros(3, 4, 4), torch.zeros(0, 1, 4, 4)])
def test_grid_refuses_other_shapes(images):
    with pytest.raises(ValueError, match="shape"):
        image_grid(images, "Images")


@pytest.mark.parametrize("value", [1.01, float("nan")])
def test_grid_refuses_values_out_of_range(value):
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        image_grid(torch.full((1, 1, 2, 2), value), "An image")


def question(**fields):
    options = [
        {"letter": "A", "text": "First, $a<b$", "correct": True, "reason": "Since `x`."},
        {"letter": "B", "text": "Second", "correct": False, "reason": "No."},
    ]
    basic = {"id": "T1", "title": "Title", "text": "Text", "kind": "single", "explanation": "Why."}
    return basic | {"options": options, "code": None, "answer": None, "tolerance": None} | fields


def test_quiz_renders_markdown_mathematics_and_code(shown):
    text = "Take *this*: $a<b$ and\n\n$$\nx_1 * x_2\n$$\n\n<script>alert(1)</script>"
    html, plain, _ = shown(quiz, [question(text=text, code="x = 1 < 2")])
    assert "<em>this</em>" in html
    assert r"\(a&lt;b\)" in html and r"\[x_1 * x_2\]" in html
    assert "<code>x = 1 &lt; 2</code>" in html
    assert "<script>alert" not in html
    assert "A. First, $a<b$" in plain and "Since" not in plain


def test_quiz_names_the_evidence_for_an_option_and_for_the_whole(shown):
    link = {"text": "0.5 < 1", "url": 'a.html?b="c"#d', "title": "It is so"}
    asked = question(links=[link])
    asked["options"][0]["links"] = [link, link]
    html = shown(quiz, [asked])[0]
    anchor = '<a href="a.html?b=&quot;c&quot;#d" title="It is so">0.5 &lt; 1</a>'
    assert [part.count(anchor) for part in html.split("Evidence: ")] == [0, 2, 1]


def test_quiz_labels_every_input(shown):
    kinds = [
        question(id="T1"),
        question(id="T2", kind="multiple"),
        question(id="T3", kind="numeric", options=[], answer=0.5),
        question(id="T4", kind="text", options=[], answer="word"),
        question(id="T5", kind="essay", options=[]),
    ]
    html = shown(quiz, kinds)[0]
    inputs = re.findall(r"<(?:input|textarea)[^>]* id=\"([^\"]*)\"", html)
    assert len(inputs) == 2 + 2 + 1 + 1 + 1
    assert sorted(inputs) == sorted(re.findall(r"<label[^>]* for=\"([^\"]*)\"", html))
    assert html.count("<legend>") == html.count("</fieldset>") == 5


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], "at least one"),
        ([question(), question()], "only once"),
        ([question(kind="matching")], "unknown kind 'matching'"),
        ([question(options=[])], "0 right options"),
        ([question(kind="numeric")], "has no answer"),
    ],
)
def test_malformed_quizzes_are_refused(questions, message):
    with pytest.raises(ValueError, match=message):
        quiz(questions)


def test_without_a_kernel_the_text_is_printed(capsys):
    figure(curve(), alt="A curve")
    assert capsys.readouterr().out == "[Figure: A curve]\n"


def test_table_names_its_rows_and_columns_and_reads_in_a_terminal(shown):
    rows = [["none", "1.00"], ["a < b", "$x^2$"]]
    html, plain, metadata = shown(table, ["change", "share"], rows, 'of "all"', name="some-table")
    root = ElementTree.fromstring(html)
    assert root.attrib["aria-label"] == 'of "all"' and root.attrib["tabindex"] == "0"
    assert [cell.text for cell in root.iter("th") if cell.attrib["scope"] == "row"] == ["none", "a < b"]
    assert [cell.text for cell in root.iter("td")] == ["1.00", r"\(x^2\)"]
    assert plain.splitlines() == ['of "all"', "change  share", "none    1.00", "a < b   $x^2$"]
    assert metadata["scrapbook"]["name"] == "some-table"


def test_table_refuses_rows_that_do_not_fit(shown):
    with pytest.raises(ValueError, match=r"must have 2 entries as the header, found \[1, 2\]"):
        table(["a", "b"], [["x", "y"], ["x"]], "caption")
    with pytest.raises(ValueError, match="caption must say"):
        table(["a"], [["x"]], " ")
