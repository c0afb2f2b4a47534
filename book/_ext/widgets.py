"""Takes the script and style that every widget carries along out of the pages: they lie in files, once."""

from pathlib import Path

from gan_lib.display.page import FOLDER, script, style

SCRIPTS = ("animation.js", "slider.js", "quiz.js")
STYLES = ("animation.css", "quiz.css")


def share(app, error):
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    for name, parts in (("widgets.js", SCRIPTS), ("widgets.css", STYLES)):
        text = "\n".join((FOLDER / part).read_text(encoding="utf-8") for part in parts)
        (site / "_static" / name).write_text(text, encoding="utf-8")
    carried = [*map(script, SCRIPTS), *map(style, STYLES)]
    for page in site.rglob("*.html"):
        before = page.read_text(encoding="utf-8")
        after = before
        for element in carried:
            after = after.replace(element, "")
        if after != before:
            static = "../" * (len(page.relative_to(site).parts) - 1) + "_static"
            shared = (
                f'<link rel="stylesheet" href="{static}/widgets.css">'
                f'<script defer src="{static}/widgets.js"></script>'
            )
            page.write_text(after.replace("</head>", f"{shared}\n</head>", 1), encoding="utf-8")


def setup(app):
    app.connect("build-finished", share)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
