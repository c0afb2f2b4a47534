"""Matplotlib figures as inline SVG whose text and axes take the page's colour, alone or under a slider."""

import io
import re

import matplotlib as mpl
import matplotlib.pyplot as plt

from gan_lib.display.page import attribute, digest, require_alt, script
from gan_lib.display.panels import panels
from gan_lib.rich import show

# Okabe & Ito (2008), the ones with the higher contrast first; their yellow is left out (1.3:1 on white).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# A colour that nobody picks by hand: what is drawn in it takes the colour of the page's text.
INK = "#1a1b1c"
# 5 inches of figure become 576 pixels, less where the page is narrower.
PIXELS_PER_POINT = 1.6
# A panel that stands alone on a phone stays small enough to be seen with its neighbours.
PIXELS_PER_POINT_APART = 1.25
# Below this, letters of 10 points have less than 9 pixels: a wide figure comes apart on a phone, or scrolls.
LEAST_PIXELS_PER_POINT = 0.92
PHONE_COLUMN = 340
# The ids of letters in matplotlib's SVG: font, hyphen, code point; the same shape in every figure.
GLYPH = re.compile(r"\w+-[0-9a-f]+")

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.figsize": (5, 3.1),
    "font.size": 10.5,
    "grid.alpha": 0.25,
    "grid.color": "#808080",
    "image.cmap": "cividis",
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "patch.edgecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def use_style():
    """Set the course's matplotlib style: colours told apart by all, text legible at the width of a phone."""
    mpl.rcParams.update(STYLE)


def figure(fig, alt, name=None):
    """Show a matplotlib figure as SVG that is legible on light and dark ground, and close it.

    Panels that stand side by side stand one below the other where the page is narrow.

    Args:
        fig: matplotlib Figure. What is black or in the style's ink takes the colour of the page's text.
        alt: what the figure shows, in words.
        name: under which a page of the book can show it again with {glue:figure}.

    Raises: ValueError for an empty alt or a malformed name.
    """
    require_alt(alt)
    (rows,), glyphs = _draw([fig], "tight")
    prefix = f"figure-{digest(alt, *_texts(rows))}"
    shown = _scroller(_finish(rows, prefix, prefix, alt), [rows])
    show(_store(glyphs, prefix) + shown, f"[Figure: {alt}]", name)


def slider(draw, values, label, alt, name=None, start=None):
    """Show a figure that changes with a slider; all frames are drawn now, so that no kernel is needed later.

    Args:
        draw: function of one value that returns a new matplotlib Figure, of the same size for every value.
        values: at least two numbers or strings, in the order of the slider.
        label: what the value is; stands beside the slider.
        alt: what the figure shows, in words; "(label: value)" is added to each frame's.
        name: under which a page of the book can show it again with {glue:figure}.
        start: the value that is shown first, and in print: the one that tells the most; None: the first.

    Raises: ValueError for an empty alt or label, fewer than two values, or a start that is none of them.
    """
    require_alt(alt)
    values = list(values)
    if len(values) < 2:
        raise ValueError(f"a slider needs at least two values, not {values}")
    if not label.strip():
        raise ValueError("a slider needs a label that says what its value is")
    if start is not None and start not in values:
        raise ValueError(f"start must be one of the values {values}, not {start!r}")
    first = 0 if start is None else values.index(start)
    texts = [value if isinstance(value, str) else f"{value:.6g}".replace("-", "−") for value in values]
    with mpl.rc_context({"figure.max_open_warning": 0}):
        frames, glyphs = _draw([draw(value) for value in values], None)
    prefix = f"slider-{digest(label, alt, *texts, *(svg for rows in frames for svg in _texts(rows)))}"
    shown = "".join(
        f'<div class="gan-frame" data-value="{attribute(text)}"{"" if k == first else " hidden"}>'
        f"{_finish(rows, prefix, f'{prefix}-{k}', f'{alt} ({label}: {text})')}</div>"
        for k, (rows, text) in enumerate(zip(frames, texts, strict=True))
    )
    control = (
        '<div style="display:flex;flex-wrap:wrap;gap:.2em .8em;align-items:center;max-width:36em">'
        f'<label for="{prefix}">{attribute(label)}</label>'
        f'<input type="range" id="{prefix}" min="0" max="{len(values) - 1}" step="1" value="{first}" '
        f'aria-valuetext="{attribute(texts[first])}" style="flex:1 1 12em;min-width:8em">'
        '<strong class="gan-value" aria-hidden="true" style="min-width:3.5em">'
        f"{attribute(texts[first])}</strong></div>"
    )
    show(
        f'{_store(glyphs, prefix)}<div class="gan-slider">{_scroller(shown, frames)}{control}</div>'
        f"{script('slider.js')}",
        f"[Figure with a slider: {alt} {label}: {texts[0]} to {texts[-1]} in {len(texts)} steps]",
        name,
    )


def _draw(figs, bbox_inches):
    """Draw and close figures of one kind: the rows of panels of each, as SVG, and all their letters."""
    apart, frames, glyphs = None, [], {}
    if max(fig.get_figwidth() * 72 for fig in figs) * LEAST_PIXELS_PER_POINT > PHONE_COLUMN:
        apart = panels(figs)
    for fig in figs:
        rows = []
        for row in apart or [[(None, bbox_inches)]]:
            rows.append([])
            for index, box in row:
                for k, ax in enumerate(fig.axes):
                    ax.set_visible(index in (None, k))
                svg, used = draw_svg(fig, box)
                rows[-1].append(svg)
                glyphs |= used
        plt.close(fig)
        frames.append(rows)
    return frames, glyphs


def draw_svg(fig, bbox_inches):
    """Draw what lies in a box of a figure: SVG, with the page's colour for ink, and its letters by id."""
    for legend in [*fig.legends, *(ax.get_legend() for ax in fig.axes)]:
        if legend is not None:
            legend.get_frame().set(facecolor="none", edgecolor="none")
    file = io.StringIO()
    without_date = dict.fromkeys(["Date", "Creator"])
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "gan", "savefig.pad_inches": 0.03}):
        fig.savefig(file, format="svg", transparent=True, bbox_inches=bbox_inches, metadata=without_date)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r'(href="data:[^"]*)"', lambda found: re.sub(r"\s+", "", found[1]) + '"', svg)
    svg = re.sub(r"\s+", " ", svg).replace("> <", "><").replace('" />', '"/>').replace("xlink:href", "href")
    svg = re.sub(r' (d|x|y)="[^"]*"', lambda found: re.sub(r"\d+\.\d{3,}", _two_digits, found[0]), svg)
    svg = re.sub(rf"#000000\b|{INK}\b", "currentColor", svg)
    glyph = rf'<path id="({GLYPH.pattern})"[^>]*/>'
    glyphs = {found[1]: found[0] for found in re.finditer(glyph, svg)}
    return re.sub(glyph, "", svg).replace("<defs></defs>", ""), glyphs


def _two_digits(found):
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")


def _texts(rows):
    return [svg for row in rows for svg in row]


def _finish(rows, glyph_prefix, prefix, alt):
    """The rows of a figure's panels, under one name."""
    named = f'role="img" aria-label="{attribute(alt)}"'
    if len(_texts(rows)) == 1:
        return _own(rows[0][0], glyph_prefix, prefix, named)
    shown = "".join(
        '<div class="gan-row" style="display:flex;flex-wrap:wrap;align-items:flex-start;gap:.6em 1em">'
        + "".join(
            _own(svg, glyph_prefix, f"{prefix}-{r}-{k}", 'aria-hidden="true"', PIXELS_PER_POINT_APART)
            for k, svg in enumerate(row)
        )
        + "</div>"
        for r, row in enumerate(rows)
    )
    return f'<div class="gan-panels" {named} style="display:grid;gap:.6em">{shown}</div>'


def _own(svg, glyph_prefix, prefix, named, most=PIXELS_PER_POINT):
    """Make the ids a picture's own, drop those that nothing refers to, and name and size it."""
    used = set(re.findall(r'(?:href="|url\()#([\w.-]+)', svg))

    def kept(found):
        return f' id="{prefix}-{found[1]}"' if found[1] in used else ""

    def own(found):
        return f"{found[1]}#{glyph_prefix if GLYPH.fullmatch(found[2]) else prefix}-{found[2]}"

    svg = re.sub(r'(href="|url\()#([\w.-]+)', own, re.sub(r' id="([\w.-]+)"', kept, svg))
    width, height = _size(svg)
    least = _least(svg)
    root = (
        f'<svg class="gan-svg" {named} viewBox="0 0 {width:g} {height:g}" '
        'fill="currentColor" style="display:block;stroke-linejoin:round;stroke-linecap:butt;height:auto;'
        f"flex:{width:.0f} 1 {least:.0f}px;"
        f'width:100%;min-width:{least:.0f}px;max-width:{width * most:.0f}px">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: root, svg, count=1)


def _size(svg):
    return map(float, re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', svg).groups())


def _least(svg):
    """Pixels below which a picture's text would be too small; none where it has no text."""
    width, _ = _size(svg)
    return width * LEAST_PIXELS_PER_POINT if "<use" in svg else 0


def _scroller(shown, frames):
    """Around what may be wider than the page: one place that scrolls, for all frames."""
    least = max(_least(svg) for rows in frames for svg in _texts(rows))
    reached = " tabindex=0" if least > PHONE_COLUMN else ""  # by keyboard, as all that scrolls must be
    return f'<div class="gan-scroll" style="overflow-x:auto"{reached}>{shown}</div>'


def _store(glyphs, prefix):
    """The shapes of all letters in use, once, out of sight."""
    shapes = "".join(element.replace(' id="', f' id="{prefix}-', 1) for element in glyphs.values())
    hidden = 'aria-hidden="true" width="0" height="0" style="position:absolute"'
    return f"<svg {hidden}><defs>{shapes}</defs></svg>"
