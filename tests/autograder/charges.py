"""Mistakes and what each costs: python tests/autograder/charges.py [ps1 ps3-std-one-root …]

A table for each task: a row for each wrong solution, a column for each cell of checks that one of them loses.
"""

import sys

from solutions import cases, of_variant


def table(task, mistakes):
    """Markdown lines."""
    cells = sorted({cell for case in mistakes for cell in case.lost})
    heads = [cell.removeprefix(f"{task}-") for cell in cells]
    yield f"| {' | '.join([task, *heads])} |"
    yield f"|{' --- |' * (len(cells) + 1)}"
    for case in mistakes:
        marks = ["×" if cell in case.lost else "" for cell in cells]
        yield f"| {' | '.join([case.name.replace('_', ' '), *marks])} |"


def main(wanted):
    tasks = {}
    for case in cases() + [case for name in wanted if "-" in name for case in of_variant(name)]:
        if case.lost and (not wanted or case.assignment in wanted):
            tasks.setdefault((case.assignment, case.task), []).append(case)
    for (assignment, task), mistakes in tasks.items():
        single = sum(len(case.lost) == 1 for case in mistakes)
        print(f"\n**{assignment}, {task}**: {len(mistakes)} mistakes, {single} of them cost one cell\n")
        print("\n".join(table(task, mistakes)))


if __name__ == "__main__":
    main(sys.argv[1:])
