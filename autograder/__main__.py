"""Commands of the grading side: ``python -m autograder grade --help``."""

import argparse
import importlib
import re
import sys
import unicodedata
from pathlib import Path

GRADE = """Grade the submissions of an assignment, many at a time.

Does what `nbgrader autograde ASSIGNMENT` does, with the same settings and the same gradebook as result, on
all processors of this machine or on a Dask cluster. Students' code runs in the workers' sandboxes; this
process alone writes to the gradebook.
"""
MORE = """examples:
  python -m autograder grade ps1_minimax                  one worker a processor
  python -m autograder grade ps1_minimax --workers 2
  python -m autograder grade ps1_minimax --scheduler tls://node7:8786
  python -m autograder grade ps1_minimax --force          all again: after a change of the checks, say
  python -m autograder grade ps1_minimax --student ada --student bela

Run it as often as you like: it grades what is new or has changed since it was graded (a file of the
submission, its timestamp.txt), or has no grades in the gradebook any more, and leaves the rest alone. After
an interruption the same command goes on. Where checks, points or a due date are other ones than when a
submission was graded, the last lines say so and name them; --force grades with the new ones.

A cluster: `dask scheduler --protocol tls` on one machine, `dask worker tls://THAT-MACHINE:8786 --nthreads 1
--nworkers auto` on others, each with this project's environment, bubblewrap and the certificate: without one,
a scheduler is refused. autograder/README.md has the lines, also for SLURM and Kubernetes.

At the end: a table here, and report-ps1_minimax.html in the course folder (for instructors: it holds names
and hidden messages). Exit status: 0, or 1 if anything that lies in submitted/ for the assignment could not be
graded, or the run ended early; the last lines say what and why.
"""
SETTLE = """End what a submission waits for.

A submission waits for a person where checks alone cannot judge what arrived: most of the notebook's cells
were gone, an answer's cell was missing and its text nowhere, the kernel died and nothing shows of what, or an
essay has no points yet. Until somebody has looked, the table of scores, the report and the feedback page give
it no total: a lost answer is not 0 points.
"""
SETTLE_MORE = """what to do:
  1. See who waits, and why: `nbgrader export` (columns status and reasons), or the report.
  2. Look: the notebook as it came is course/submitted/ada/ps1_minimax/ps1_minimax.ipynb; give points in
     formgrader.
  3. Say so, with one of:
       --as graded    the points stand as they are now
       --as zero      all points are 0, whatever the checks gave
       --as waits     take back what was settled: earlier points come back, and it waits again

examples:
  python -m autograder settle ada ps1_minimax --as graded
  python -m autograder settle ada ps1_minimax --as graded --because "Two cells were lost in Colab."
  python -m autograder settle bob ps1_minimax --as zero --because "The notebook of ps2." --dry-run

Grading an unchanged submission again leaves settled what is settled. A new version of it, or another reason
to wait, begins anew. Exit status: 0, or 1 if nothing was changed; the message says why.
"""

COLLECT = """Unpack the archive of an LMS into course/submitted/, one folder a student.

Knows the names that Moodle, Canvas and Blackboard give to files, and STUDENT/[ASSIGNMENT/]FILE; --pattern
says others. A student is found in the gradebook by id, by the number in the LMS or by name; where the
gradebook has no students, the name is the id. A notebook under another name gets the assignment's, if its
cells say which it is. A student's own zip is unpacked in the same way. Of Blackboard's attempts the newest
counts.
"""
COLLECT_MORE = r"""examples:
  python -m autograder collect ~/downloads/submissions.zip ps1_minimax
  python -m autograder collect new.zip ps1_minimax --update      other versions take the place of those there,
                                                                 if all of their files could be taken
  python -m autograder collect a.tar.gz ps1_minimax --pattern '(?P<student>[^/]+)--(?P<file>[^/]+)'

What is refused (links, paths that lead elsewhere, more than a submission may hold, students whom nobody
knows) is named and left out. Exit status: 0, or 1 if anything was refused.
"""

SIMILAR = """Find submissions of an assignment that are alike.

Compares the code of all submissions with each other, with those of earlier years, and with what anybody can
read: this course's library, its notebooks and the model solution. What students were given does not count;
nor do names, comments, docstrings, type hints, layout, and (mostly) the order of lines. No code is run.
"""
SIMILAR_MORE = """examples:
  python -m autograder similar ps2_wasserstein
  python -m autograder similar ps2_wasserstein --top 50
  python -m autograder similar ps2_wasserstein --earlier ~/2025/submitted --earlier ~/2024/submitted
  python -m autograder similar lab1 --course ~/course --against ~/course/handouts

The page, similar-ps2_wasserstein.html in the course folder (for instructors: it holds names), ranks the pairs
by all functions together and shows their code side by side. The score of a pair is the share of its code that
both have and few others do. Beside it stands how many honest pairs of a test reached it, and how many
disguised copies stayed below: a ranking and two error rates, no verdict. What many write alike has no weight,
so a copy of the usual solution cannot be found, and two short functions that are alike mean little. Read the
code before you speak to anybody. autograder/README.md has the error rates.

A folder of an earlier year holds STUDENT/ASSIGNMENT/NOTEBOOK, as submitted/ does, and the names have to be
this year's. --against takes the place of the library and the notebooks.

Exit status: 0, or 1 if nothing could be compared or some could not (a notebook that cannot be read, or that
has no code but what was given); the last lines and the page name them.
"""

MIGRATE = """Move a course that is under way to its folder.

A course once lay in the folder of its nbgrader_config.py, beside the package. Now it has a folder of its own,
course/, and until it is there, commands refuse: they would begin with an empty one. This moves, by renaming,
release/, submitted/, autograded/ with the records of what was graded, feedback/, gradebook.db, reports,
tables (*.csv), and what is left in source/. What was graded counts as graded.
"""
MIGRATE_MORE = """examples:
  python -m autograder migrate

End Jupyter and all commands first. Where something of the same name is in the new place already, it is named,
and nothing is moved. After an interruption the same command goes on. Exit status: 0, or 1 if something was
not moved; the last line says why.
"""

FACTS = """Record what the book's first page says about grading.

Reads the assignments (titles, times, points), grades a training step that has one mistake, and takes from the
tables in autograder/ATTACKS.md and benchmarks/README.md what they have measured. The record is
book/grading.json; a test fails where it is out of date.
"""
FACTS_MORE = """examples:
  python -m autograder facts
"""


def course_folder(text):
    """The folder, if it has the settings of a course. Raises: argparse.ArgumentTypeError."""
    folder = Path(text).resolve()
    if not (folder / "nbgrader_config.py").is_file():
        raise argparse.ArgumentTypeError(f"{folder} has no nbgrader_config.py: it is no course folder")
    return folder


def count(text):
    """A number of workers, or of pairs. Raises: argparse.ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def there(text):
    """The path of something that is there. Raises: argparse.ArgumentTypeError."""
    path = Path(text).expanduser().resolve()
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no {path}")
    return path


def folder(text):
    """The path of a folder that is there. Raises: argparse.ArgumentTypeError."""
    if not (path := there(text)).is_dir():
        raise argparse.ArgumentTypeError(f"{path} is no folder")
    return path


def pattern(text):
    """A regular expression with the groups that are needed. Raises: argparse.ArgumentTypeError."""
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error
    if not {"student", "file"} <= set(groups):
        raise argparse.ArgumentTypeError(f"{text!r} needs the groups (?P<student>…) and (?P<file>…)")
    return text


def parser():
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m autograder", description=__doc__.partition(":")[0] + ".")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    own = _add(commands, "grade", "grade.command.grade_batch", "grade many submissions at once", GRADE, MORE)
    own.add_argument("assignment", help="its name, such as ps1_minimax")
    where = own.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=count, metavar="N", help="processes on this machine (default: one a processor)"
    )
    where.add_argument("--scheduler", metavar="ADDRESS", help="grade on the workers of this Dask scheduler")
    own.add_argument("--force", action="store_true", help="grade all submissions, unchanged ones too")
    own.add_argument(
        "--student",
        dest="students",
        action="append",
        default=[],
        type=lambda text: unicodedata.normalize("NFC", text),
        metavar="ID",
        help="grade only this one; can be given more than once",
    )

    short = "unpack the archive of an LMS"
    own = _add(commands, "collect", "grade.collect.collect", short, COLLECT, COLLECT_MORE)
    own.add_argument("archive", help="a zip, tar or tar.gz")
    own.add_argument("assignment", help="its name, such as ps1_minimax")
    own.add_argument("--pattern", type=pattern, metavar="REGEX", help="for the whole path of a file in it")
    own.add_argument(
        "--update", action="store_true", help="replace submissions of which this is another version"
    )

    short = "end what a submission waits for"
    own = _add(commands, "settle", "grade.settle.settle", short, SETTLE, SETTLE_MORE)
    own.add_argument("student", help="id, such as ada")
    own.add_argument("assignment", help="its name, such as ps1_minimax")
    own.add_argument(
        "--as", dest="end", required=True, choices=("graded", "zero", "waits"), help="how it ends: see below"
    )
    own.add_argument("--because", default="", metavar="TEXT", help="why; shown on the feedback page")
    own.add_argument("--dry-run", action="store_true", help="only say what would be done")

    short = "find submissions that are alike"
    own = _add(commands, "similar", "similar.command.similar", short, SIMILAR, SIMILAR_MORE)
    own.add_argument("assignment", help="its name, such as ps2_wasserstein")
    read = "what anybody can read, Python files and notebooks"
    for option, kind, what in (
        ("--earlier", folder, "submissions of an earlier year"),
        ("--against", there, read),
    ):
        more = f"{what}; can be given more than once"
        own.add_argument(option, action="append", default=[], type=kind, metavar="PATH", help=more)
    own.add_argument(
        "--top", type=count, default=20, metavar="N", help="pairs on the page (default: %(default)s)"
    )

    move = "move a course that is under way to its folder"
    _add(commands, "migrate", "grade.migrate.migrate", move, MIGRATE, MIGRATE_MORE)

    short = "record what the book says about grading"
    _add(commands, "facts", "facts.record", short, FACTS, FACTS_MORE)
    return top


def _add(commands, name, run, short, description, epilog):
    """Add a command.

    Args:
        commands: the subparsers. name: as it is typed.
        run: function of `autograder` that does it, whose parameters are the options.
        short, description, epilog: texts.

    Returns: its parser.
    """
    command = commands.add_parser(
        name,
        help=short,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    here = Path.cwd()
    command.add_argument(
        "--course",
        type=course_folder,
        default=here if (here / "nbgrader_config.py").is_file() else Path(__file__).resolve().parent,
        metavar="FOLDER",
        help="the course (default: %(default)s)",
    )
    return command


def main(arguments=None):
    """Runs the command line; returns its exit status."""
    options = vars(parser().parse_args(arguments))
    name, _, function = options.pop("run").rpartition(".")
    module = importlib.import_module(f"autograder.{name}")  # takes seconds: not for --help
    return getattr(module, function)(**options)


if __name__ == "__main__":
    sys.exit(main())
