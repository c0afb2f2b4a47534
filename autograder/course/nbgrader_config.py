"""The settings one folder up: without them, a command that is typed here would grade without a sandbox."""

load_subconfig("../nbgrader_config.py")  # noqa: F821 (traitlets defines it)
