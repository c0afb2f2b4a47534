"""Grading in which a student's code cannot reach what judges it.

A submission is executed in two places. `execute` runs the student's cells in a sandboxed kernel, and before
each group of checks leaves a *snapshot* there: a forked process that waits (`snapshot`). When the last of the
student's cells is done, and with it all that students will see of their own output, `execute` runs the cells
of checks in another process (`checker`), which nothing of the student's ever enters. Names that the checks
need from the student are proxies there (`proxies`); a call goes to the snapshot and comes back as data
(`protocol`, `object_state`).

This package holds no keys, references or hidden tests: a student's kernel may read all of it.
"""
