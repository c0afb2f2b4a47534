"""Nothing of graded work is on the site: no statement, no essay, no mark scheme, in no page and no script."""

import html
import re

from questions import pools


def told(text):
    """The words of a text without its formulas, which pages hold in another form."""
    plain = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", " ", html.unescape(text), flags=re.DOTALL)
    return re.findall(r"[A-Za-z]+", re.sub(r"<[^>]*>", " ", plain))


def runs(words, length=8):
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def test_no_graded_text_is_on_the_site(site):
    graded = {}
    for name, family in pools.families().items():
        for one in family.statements:
            graded |= dict.fromkeys(runs(told(one.text)), name)
    for name, essay in pools.essays().items():
        parts = [
            essay.explanation,
            *(one.criterion for one in essay.rubric),
            *(one.half for one in essay.rubric),
        ]
        for part in parts:
            graded |= dict.fromkeys(runs(told(part)), name)
    found, looked = {}, 0
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".js", ".json", ".txt", ".ipynb", ".md"):
            looked += 1
            for run in runs(told(path.read_text(encoding="utf-8", errors="replace"))) & graded.keys():
                found[f"{path.relative_to(site)}: {graded[run]}"] = " ".join(run)
    assert looked > 30
    assert not found, found
