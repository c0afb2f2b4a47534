"""Pieces of code stay the same under what changes nothing, and whatever the text is."""

import time
from html.parser import HTMLParser

import pytest
from disguises import disguised, names
from measure import functions, given, pieces, texts

from autograder.similar.pieces import LENGTH, Code, without_hints

PLAIN = """
def distance(x, y):
    both = torch.cat([x, y]).sort().values
    left = both[:-1]
    return ((cdf(x, left) - cdf(y, left)).abs() * both.diff()).sum()
"""
DRESSED = '''
def distance(x: "torch.Tensor", y: 'ä' = None) -> int:
    """Größe."""
    # ß: first
    total: torch.Tensor = torch.cat(
        [x, y]
    ).sort().values  # both
    """nothing"""
    l = total[:-1]
    return ((cdf(x, l) - cdf(y, l)).abs() * total.diff()).sum()
'''


def test_names_comments_docstrings_hints_and_layout_are_nothing():
    body = Code(PLAIN.partition("\n    ")[2]).pieces
    assert len(body) > 50
    assert body <= Code(DRESSED).pieces


def test_new_names_leave_every_piece():
    text = texts("ps2")["ps2_apart_03"]
    assert pieces("ps2", disguised(text, 1, (names,))) == pieces("ps2", disguised(text, 1, ()))


def test_hints_give_way_to_as_many_blanks():
    blank = without_hints(DRESSED)
    assert len(blank) == len(DRESSED)
    assert "Tensor" not in blank and "nothing" not in blank and "Größe" not in blank
    assert "def distance(x                , y      = None)" in blank


def test_what_was_given_does_not_count():
    stub = "def gradient_penalty(critic, real, fake, eps):\n    raise NotImplementedError\n"
    question = "t = torch.rand(64, 1, 1, 1)\nmix = (t * real + (1 - t) * fake).requires_grad_()"  # in a text
    for text in (stub, question, "import contextlib\nimport io\nimport math\nimport warnings"):
        assert Code(text).pieces and Code(text).pieces <= given("ps2")
    assert all(pieces("ps2", text) for text in texts("ps2").values())


def test_matches_are_marked_where_they_stand_and_everything_is_escaped():
    evil = "x = '</pre><script>alert(1)</script>' + \"&\"  # \u202e <b>\n"
    ours, theirs = Code(evil + PLAIN), Code("# another\n" + PLAIN.replace("both", "all_of_it") + "\nz = 1")
    for own, other in ((ours, theirs), (theirs, ours)):
        html = own.marked([other], own.pieces & other.pieces)
        assert "<script" not in html and "<b>" not in html and "\u202e" not in html
        parsed = Marked(str(html))
        assert parsed.text.replace("\\u202e", "\u202e") == own.text
        assert {"mark"} == parsed.tags
        assert "torch.cat([x, y]).sort().values" in " ".join(parsed.marked)
        assert not any("alert" in one or "\n" in one for one in parsed.marked)
    assert ours.marked([Code("nothing = 'alike'")], ours.pieces) is None


class Marked(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self.marked, self._inside = "", set(), [], False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._inside = True

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        self.text += data
        if self._inside:
            self.marked.append(data)


HOSTILE = {
    "nothing": "",
    "blanks": " \n\t\n",
    "null bytes": "x = 1\0\0\0; y = x",
    "no Python": "def f(:\n  %time !!! ''' \"\n",
    "an open string": '"""' + "x" * 40_000,
    "nested lists": "[" * 40_000,
    "nested closed lists": "[" * 20_000 + "]" * 20_000,
    "signs": "-" * 40_000 + "1",
    "a sum": "+".join(["x"] * 20_000),
    "calls": "f(" * 12_000 + ")" * 12_000,
    "attributes": "x" + ".a" * 20_000,
    "quotes": "'" * 40_001,
    "f-strings": "f'{" * 12_000,
    "backslashes": "\\" * 40_000,
    "line ends": "\r\n\r\x0c\x1c\u2028" * 2_000 + "x = 1",
    "all letters": "".join(map(chr, range(1, 0xD800))),
    "digits": "1" * 40_000,
    "blocks": "".join(" " * n + "if x:\n" for n in range(250)),
    "classes": "class A:\n    def f(self): pass\n" * 1_000,
    "marks": "\ufeff# coding: utf-7\nx: int = 'ä'\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_stops_it(name):
    start = time.process_time()
    code = Code(HOSTILE[name])
    html = code.marked([code], code.pieces)
    assert html is None or Marked(str(html)).text
    assert time.process_time() - start < 10


def test_short_code_has_no_pieces():
    assert Code("x = 1").pieces == set()
    assert len(Code("a" + "+a" * LENGTH).pieces) == 2


def test_functions_are_cut_where_they_begin():
    assert [one.split("(")[0] for one in functions(texts("ps2")["ps2_apart_07"])][3] == "@torch.no_grad"
