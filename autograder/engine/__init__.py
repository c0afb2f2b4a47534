"""Grading in which a student's code cannot reach what judges it: `grade.grade` takes a notebook, and returns
the graded one.

The notebook is put together again first (`restoration`). Then it is executed in two places. `execute` runs
the student's cells in a sandboxed kernel (`student_kernel`), and before each group of checks leaves a
snapshot there (`snapshot`). When the last of the student's cells is done, and with it all that students will
see of their own output, `execute` runs the cells of checks in another process (`checker`), which nothing of
the student's ever enters. Names that the checks need from the student are proxies there (`proxies`); a call
goes to the snapshot (`call`) and comes back as data (`protocol`, `tensors`, `object_state`, `random_state`).

This package knows neither nbgrader's folders nor a course, and holds no keys, references or hidden tests: a
student's kernel may read all of it.

Words that stand for processes, here and in `sandbox`:

checker
    runs the cells of checks of one submission; forked from a process that has imported what checks need
snapshot
    a student's kernel as it was before some checks, kept by forking it
holder
    the process that is the snapshot: it runs nothing, and forks workers
worker
    forked from a holder for one cell of checks: runs what that calls. (Dask's workers, in `autograder.grade`,
    are others: each grades one submission after the other.)
zygote
    has imported Python and large libraries, outside of all sandboxes; kernels are forked from it
escort
    forked from the zygote for one kernel: enters the sandbox, forks the kernel there, and waits for its end
supervisor
    starts bubblewrap for one sandbox, watches what the sandbox uses, and removes all traces of it
"""
