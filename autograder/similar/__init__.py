"""Submissions that are alike: against each other, earlier years, the library and the book.

Fingerprints are copydetect's (Schleimer, Wilkerson & Aiken, 2003, *Winnowing*, over Pygments' tokens): it is
small, under the MIT licence, and adds no other package. compare50, with the same method, is maintained more
(2026 against 2024), but is under the GPL and takes attrs back to a version with which Jupyter does not run.
"""
