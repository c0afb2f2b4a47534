"""Helpers shared by everything that is shown on a page."""

import hashlib
import html
from pathlib import Path

FOLDER = Path(__file__).parent


def attribute(text):
    """Text made safe to stand between the double quotes of an HTML attribute."""
    return html.escape(text, quote=True)


def require_alt(alt):
    """Refuse a missing description: a reader who cannot see the picture has nothing else."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt must describe in words what the picture shows, not {alt!r}")


def digest(*texts):
    """Eight hexadecimal digits that depend on the texts alone."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def script(name):
    """The script file `name` of this folder as an element; it may run any number of times on a page."""
    return f"<script>{(FOLDER / name).read_text(encoding='utf-8').strip()}</script>"


def style(name):
    """The style sheet `name` of this folder as an element."""
    return f"<style>{(FOLDER / name).read_text(encoding='utf-8').strip()}</style>"
