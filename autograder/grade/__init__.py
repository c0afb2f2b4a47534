"""Grades many submissions at once, on Dask, with nbgrader's own code: ``python -m autograder grade --help``.

A worker gets a submission's files, grades them in a course folder of its own as ``nbgrader autograde`` would
up to the point where points are entered (`worker`), and sends the executed notebooks back. The command's own
process, and nobody else, takes them from there to the gradebook (`enter`), again with nbgrader's code.
"""
