"""The sources: each can be followed."""

from pathlib import Path

from pybtex.database import parse_file

BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "book/references.bib"
PRINTED_ONLY = {"korpelevich1976"}  # a journal of its time, of which no page is known


def test_every_source_has_an_address_or_a_doi():
    entries = parse_file(BIBLIOGRAPHY).entries
    without = {key for key, entry in entries.items() if not {"url", "doi"} & set(entry.fields)}
    assert len(entries) > 80 and without == PRINTED_ONLY
    assert all(entry.fields.get("url", "https://").startswith("https://") for entry in entries.values())
