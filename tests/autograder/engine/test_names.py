"""Which names of folders are ids, and how names from outside are shown."""

import unicodedata

import pytest

from autograder.engine.names import LONGEST, shown, student_id

IDS = (
    "ada", "Lovelace, Ada", "ada.l+1@uni-x.edu", "'t Hooft (2)", "O'Neill", "_x", "12345", "李小龍", "नेहा",
    "Nguyễn Thị", "محمد", "٣٤", "Æther-ß", "x" * LONGEST,
)  # fmt: skip
NONE = {
    "a newline": "a\nb", "a tab": "a\tb", "an escape": "a\x1b]0;x\x07", "a delete": "a\x7f",
    "C1": "a\x9b31m", "turned": "a\u202eb", "isolated": "a\u2066b", "a mark of direction": "a\u200fb",
    "joined": "a\u200db", "a soft hyphen": "a\xadb", "markup": "<b>", "an entity": "a&b", "a quote": 'a"b',
    "a pattern": "[a]", "a star": "*", "a question mark": "a?", "a brace": "{a}", "a backslash": "a\\b",
    "a slash": "a/b", "nothing": "", "dots": "..", "a dot": ".", "hidden": ".ada", "a space before": " ada",
    "a space behind": "ada ", "no break": "a\u00a0b", "bytes": "a\udcff", "private": "a\ue000",
    "unassigned": "a\u0378", "only signs": "-+@", "a formula": "=1+1", "a pipe": "a|b", "money": "$(x)",
    "a hash": "a#b", "a per cent": "a%2fb", "a colon": "a:b", "a filler": "a\u3164",
    "a selector": "a\ufe0f", "a zero": "a\0b", "a line": "a\u2028b", "long": "x" * (LONGEST + 1),
}  # fmt: skip


@pytest.mark.parametrize("name", IDS)
def test_ids_as_rosters_have_them(name):
    assert student_id(name) == name == student_id(unicodedata.normalize("NFD", name))


@pytest.mark.parametrize("name", NONE.values(), ids=NONE)
def test_other_names_are_no_ids_and_the_reason_can_be_shown(name):
    with pytest.raises(ValueError) as refused:
        student_id(name)
    said = str(refused.value)
    assert said.isprintable() and said.encode()


def test_what_is_shown_steers_nothing_and_what_is_text_stays():
    assert shown("a\x1b[2J\u202eb\udcff\n") == r"a\x1b[2J\u202eb\udcff\n"
    assert shown("two\n\tlines\r", lines=True) == "two\n\tlines\\r"
    for name in IDS:
        assert shown(name) == name
