"""What a student's notebook draws. `sync` copies these lines, from the first import on, into every one."""

import hashlib
import unicodedata

from IPython.display import Markdown, display

TERM = "practice"  # another word each term: other forms for the same id
POOLS = {}  # the statements of each question


def plain(name):
    """An id without its outer spaces, in small letters."""
    return unicodedata.normalize("NFC", str(name)).strip().casefold()


def drawn(student, *names):
    """A long number: one id, the same number, on every machine."""
    digest = hashlib.sha256(" ".join([TERM, plain(student), *names]).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def check_id(typed):
    """Whether the id at the top of the notebook is filled in."""
    if not plain(typed):
        raise NotImplementedError("my_id is still blank, and your questions depend on it")


def numbers_of(student, question, **choices):
    """The numbers of a question that are drawn for an id."""
    return {name: values[drawn(student, question, name) % len(values)] for name, values in choices.items()}


def form_of(student, question, pool):
    """The statements of a question that are drawn for an id: a dict from letter to the number of a statement.

    The pool is a list of groups, most of them pairs. A form has two pairs and one statement of another group,
    in any order.
    """
    firsts = [sum(map(len, pool[:place])) for place in range(len(pool))]
    groups = sorted(range(len(pool)), key=lambda place: drawn(student, question, f"group {place}"))
    pairs = [place for place in groups if len(pool[place]) == 2][:2]
    other = next(place for place in groups if place not in pairs)
    numbers = [firsts[place] + side for place in pairs for side in (0, 1)]
    numbers.append(firsts[other] + drawn(student, question, "side") % len(pool[other]))
    numbers.sort(key=lambda number: drawn(student, question, f"statement {number}"))
    return dict(zip("ABCDE", numbers, strict=True))


def own_numbers(question, **choices):
    """The numbers of a question that are drawn for you."""
    check_id(STUDENT)
    numbers = numbers_of(STUDENT, question, **choices)
    print("Your numbers:", ", ".join(f"{name} = {value}" for name, value in numbers.items()))
    return numbers


def own_form(question, pool):
    """The statements of a question that are drawn for you."""
    POOLS[question] = pool
    check_id(STUDENT)
    form, statements = form_of(STUDENT, question, pool), [one for group in pool for one in group]
    display(Markdown("\n".join(f"- **{letter}.** {statements[number]}" for letter, number in form.items())))
    return form
