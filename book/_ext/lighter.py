"""Takes weight off the pages: pictures lie in files, fetched when seen; icons need no script."""

import base64
import hashlib
import re
from pathlib import Path

# From 8,000 characters on: what is smaller costs less than a request.
PICTURE = re.compile(r"data:image/(?P<kind>webp|png|gif|jpeg);base64,(?P<data>[A-Za-z0-9+/=]{8000,})")
LATER = re.compile(r'<img (?![^>]*\bloading=)(?=[^>]*"(?:\.\./)?_images/)')
# The theme's style sheet has the icons as a font; its script makes drawings of them (version 0.17).
ICONS = re.compile(r'\s*<script[^>]*\bsrc="[^"]*/fontawesome\.js[^"]*"[^>]*></script>')


def lighten(app, error):
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    (site / "_images").mkdir(exist_ok=True)
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = page.read_text(encoding="utf-8")
        found = PICTURE.sub(
            lambda picture, up=up: f"{up}_images/{_stored(site, picture)}", ICONS.sub("", text)
        )
        found = LATER.sub('<img loading="lazy" ', found)
        if found != text:
            page.write_text(found, encoding="utf-8")


def _stored(site, picture):
    """The name of the file that holds a picture: the same for the same picture."""
    content = base64.b64decode(picture["data"])
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{picture['kind']}"
    file = site / "_images" / name
    if not file.exists():
        file.write_bytes(content)
    return name


def setup(app):
    app.connect("build-finished", lighten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
