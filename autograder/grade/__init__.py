"""From what was handed in to the gradebook, with nbgrader's own code around the engine.

A submission is looked at and copied before anything else (`submitted`, `walk`, `contents`, `copies`).
nbgrader's own command then reads the copies (`exporter`), and has the engine grade each notebook
(`preprocessor`). ``python -m autograder grade`` (`command`) does the same for many at once, on Dask: the
process of the command reads the notebooks, workers grade them (`schedule`, `worker`, `assignment`), and the
command's process, and nobody else, enters the grades (`enter`). `record` and `assignment_state` know what was
graded as what, `waits` what waits for a person, which `settle` ends. `collect` brings an LMS's archive to its
place (`archive`, `roster`, `notebook_names`), `report` and `statistics` say what came of it all.
"""
