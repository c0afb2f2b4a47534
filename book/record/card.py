"""Draw the picture that other sites show beside a link to the book: python book/record/card.py

book/_static/card.png, 1200 x 630: the title, and the end of the run on the first page (results/front.html).
It takes Chromium.
"""

import shutil
from pathlib import Path

import yaml
from playwright.sync_api import sync_playwright

BOOK = Path(__file__).parents[1]
STYLE = """
body { margin: 0; display: grid; grid-template-columns: 560px 570px; align-items: center; height: 630px;
  font-family: "DejaVu Sans", sans-serif; color: #222832; background: #fff; }
h1 { margin: 0 0 0 70px; font-size: 58px; font-weight: 400; line-height: 1.2; }
.gan-front svg { max-width: none !important; }
.gan-front label { display: none !important; }
.gan-front .dot { animation-delay: -11.9s !important; animation-play-state: paused !important; }
"""


def main():
    """Writes the picture."""
    title = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))["title"]
    front = (BOOK / "results/front.html").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1200, "height": 630})
        page.set_content(f"<style>{STYLE}</style><h1>{title}</h1>{front}")
        page.screenshot(path=BOOK / "_static/card.png")
        chromium.close()


if __name__ == "__main__":
    main()
