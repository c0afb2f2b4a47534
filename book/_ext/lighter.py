"""Takes weight off the pages: pictures lie in files, fetched when they are nearly seen; icons need no script.

A drawing takes the colour of the text around it where it stands in the page; from a file it cannot. So its
file has both inks, and the page names it twice, for the light and for the dark theme: the theme shows one of
the two, and a browser fetches none that it does not show.
"""

import base64
import hashlib
import re
from pathlib import Path

# From 8,000 characters on: what is smaller costs less than a request.
PICTURE = re.compile(r"data:image/(?P<kind>webp|png|gif|jpeg);base64,(?P<data>[A-Za-z0-9+/=]{8000,})")
LATER = re.compile(r'<img (?![^>]*\bloading=)(?=[^>]*"(?:\.\./)?_images/)')
# The theme's style sheet has the icons as a font; its script makes drawings of them (version 0.17).
ICONS = re.compile(r'\s*<script[^>]*\bsrc="[^"]*/fontawesome\.js[^"]*"[^>]*></script>')
# The theme decides when a page is there whether it is light or dark, and all of it is styled again. It can
# be known before: by the reader's choice, or else by the system. Without scripts a page is light.
UNDECIDED = ' data-theme="auto">', 'dataset.theme = localStorage.getItem("theme") || "auto";'
DECIDED = (
    ' data-theme="light">',
    'dataset.theme = ["light", "dark"].find((mode) => mode === localStorage.getItem("mode"))'
    ' ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");',
)
# What gan_lib.display writes: the letters of a figure's drawings, out of sight, and the drawings.
LETTERS = re.compile(r'<svg aria-hidden="true" width="0" height="0" [^>]*><defs>(?P<shapes>.*?)</defs></svg>')
DRAWING = re.compile(
    r'<svg class="gan-svg" (?:role="img" aria-label="(?P<alt>[^"]*)"|aria-hidden="true") '
    r'viewBox="0 0 (?P<width>[\d.]+) (?P<height>[\d.]+)" fill="currentColor" style="(?P<style>[^"]*)">'
    r"(?P<inside>.*?)</svg>",
    re.S,
)
SHAPE = re.compile(r'<path id="(?P<id>[^"]+)"[^>]*/>')
INK = re.compile(r"--pst-color-text-base: ?(#\w+)")


def lighten(app, error):
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    (site / "_images").mkdir(exist_ok=True)
    theme = (site / "_static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    inks = INK.findall(theme)
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = page.read_text(encoding="utf-8")
        found = with_drawings_in_files(ICONS.sub("", text), site, up, (inks[0], inks[-1]))
        found = PICTURE.sub(lambda picture, up=up: f"{up}_images/{_stored_picture(site, picture)}", found)
        found = LATER.sub('<img loading="lazy" ', found)
        for before, after in zip(UNDECIDED, DECIDED, strict=True):
            found = found.replace(before, after, 1)
        if found != text:
            page.write_text(found, encoding="utf-8")


def _stored(site, content, kind):
    """The name of the file that holds a picture: the same for the same picture."""
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    file = site / "_images" / name
    if not file.exists():
        file.write_bytes(content)
    return name


def _stored_picture(site, picture):
    return _stored(site, base64.b64decode(picture["data"]), picture["kind"])


def with_drawings_in_files(text, site, up, inks):
    """A page whose drawings lie in files; inks: the colours of text in the light and in the dark theme."""
    shapes = {
        shape["id"]: shape[0] for letters in LETTERS.finditer(text) for shape in SHAPE.finditer(letters[0])
    }

    def in_file(drawing):
        content = _drawing_file(drawing, shapes, inks).encode()
        source = f"{up}_images/{_stored(site, content, 'svg')}"
        named = 'alt="" aria-hidden="true"' if drawing["alt"] is None else f'alt="{drawing["alt"]}"'
        size = f'width="{float(drawing["width"]):.0f}" height="{float(drawing["height"]):.0f}"'
        return "".join(
            f'<img loading="lazy" class="gan-svg only-{theme}" src="{source}{part}" {named} {size} '
            f'style="{drawing["style"]}">'
            for theme, part in (("light", ""), ("dark", "#dark"))
        )

    return DRAWING.sub(in_file, LETTERS.sub("", text)) if "gan-svg" in text else text


def _drawing_file(drawing, shapes, inks):
    """The text of a file with a drawing and the letters in it, dark where the address ends in #dark."""
    used = dict.fromkeys(re.findall(r'<use href="#([^"]+)"', drawing["inside"]))
    letters = "".join(shapes[name] for name in used if name in shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="dark" width="{drawing["width"]}" '
        f'height="{drawing["height"]}" viewBox="0 0 {drawing["width"]} {drawing["height"]}" '
        'fill="currentColor" style="stroke-linejoin:round;stroke-linecap:butt">'
        f"<style>svg{{color:{inks[0]}}}svg:target{{color:{inks[1]}}}</style>"
        f"<defs>{letters}</defs>{drawing['inside']}</svg>"
    )


def setup(app):
    app.connect("build-finished", lighten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
