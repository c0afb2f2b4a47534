"""nbgrader's Execute, with the engine in its place."""

from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from sqlalchemy.exc import OperationalError
from traitlets import Bool, Float, Integer, List, Unicode, default

from autograder.engine import grade
from autograder.engine.deadline import WALL
from autograder.engine.failures import EngineFailure, Unreadable, causes
from autograder.engine.settings import CELL, Settings
from autograder.grade.gradebook_cells import (
    assignment_cells,
    check_language,
    ordinary_texts,
    source_folder,
    submission_folder,
)
from autograder.grade.walk import MACHINES


class IsolatedExecute(NbGraderPreprocessor):
    """Executes a submission so that its code reaches neither the checks nor anything else."""

    cell_seconds = Integer(
        help=f"for one cell of a student; as long as nothing is said here, Execute.timeout, or {CELL} s"
    ).tag(config=True)
    call_seconds = Float(Settings.call_seconds, help="that one call by the checks may compute, not wait").tag(
        config=True
    )
    test_seconds = Integer(help="for one cell of checks; see cell_seconds").tag(config=True)
    notebook_seconds = Integer(
        Settings.notebook_seconds,
        help="for one notebook: processor time of all that its code does, in its own cells and when the "
        f"checks call it, and {WALL:g} times as many seconds on the clock from the start of its kernel, "
        "whatever is waited for. What is not done by then is not judged.",
    ).tag(config=True)
    restarts = Integer(Settings.restarts, help="how often a student's kernel that died is started again").tag(
        config=True
    )
    memory_mb = Integer(
        Settings.memory_mb, help="for all processes and temporary files of a student's kernel"
    ).tag(config=True)
    processes = Integer(Settings.processes, help="processes and threads of a student's kernel").tag(
        config=True
    )
    file_mb = Integer(Settings.file_mb, help="for each file that a student's code writes").tag(config=True)
    output_mb = Integer(Settings.output_mb, help="for what a student's kernel sends").tag(config=True)
    preload = List(
        Unicode(),
        list(Settings.preload),
        help="modules that are imported once, for all students' kernels and all checks",
    ).tag(config=True)
    visible = List(
        Unicode(),
        help="packages and modules, by the names under which this Python imports them, that students' "
        "code may import beside what is installed: those of a course, for instance. This course's own "
        "`gan_lib` is not among them, since assignments ask for functions that it has.",
    ).tag(config=True)
    unsafe = Bool(
        Settings.unsafe,
        help="run students' code in an ordinary kernel, with your files and your network: for work of people "
        "whom you trust, on machines without bubblewrap",
    ).tag(config=True)

    @default("cell_seconds")
    def _cell_seconds(self):
        """What nbgrader's own setting says; without a limit of its own, a cell has the notebook's."""
        if not any("timeout" in self.config.get(name, {}) for name in Execute.section_names()):
            return CELL
        seconds = Execute(config=self.config).timeout
        return seconds if seconds is not None and seconds > 0 else self.notebook_seconds

    @default("test_seconds")
    def _test_seconds(self):
        return self._cell_seconds()

    @property
    def settings(self):
        """The same, as data: Settings."""
        said = {name: getattr(self, name) for name in Settings.__dataclass_fields__}
        return Settings(**said | {"preload": tuple(self.preload), "visible": tuple(self.visible)})

    def check(self):
        """Find out whether submissions can be graded at all. Raises: EngineFailure."""
        if not Execute(config=self.config).enabled:
            raise EngineFailure("with --no-execute, points would be what students say that they are")
        grade.check(self.settings, self.log)

    def preprocess(self, nb, resources):
        info, converter = resources["nbgrader"], self.parent.parent
        coursedir = converter.coursedir
        check_language(nb, info["notebook"])
        with Gradebook(info["db_url"]) as book:
            cells = assignment_cells(book, coursedir, info)
            students = {one.id for one in book.students}.union(getattr(converter, "handed_in", ()))
        graded = grade.grade(
            nb,
            cells,
            submission_folder(coursedir, info),
            self.settings,
            ordinary=ordinary_texts(coursedir, info),
            given=source_folder(coursedir, info),
            kept=converter.exclude_overwriting.get(info["assignment"], ()),
            student=info["student"],
            classmates=students - {info["student"]},
            log=self.log,
        )
        for line in graded.metadata.autograder.mended:
            self.log.warning("%s, %s: %s", info["student"], info["notebook"], line)
        return graded, resources


def is_engines(error, settings, log):
    """Whether a failure is the engine's or this machine's, and not what a submission has caused.

    A submission can cause nearly everything: a name that is too long, a process that does not answer. So
    where it may be the engine's, a notebook that cannot fail is graded in the same way, and decides. What a
    submission may take is limited: a machine without the room for that is not its fault.

    Args:
        error: exception that ended the grading of a submission.
        settings: Settings. log: logger.
    """
    chain = list(causes(error))
    if any(isinstance(one, OperationalError) or getattr(one, "errno", None) in MACHINES for one in chain):
        return True  # the gradebook, which no cell reaches, or the machine
    if any(isinstance(one, Unreadable) for one in chain):
        return False
    return grade.trial(settings, log) is not None
