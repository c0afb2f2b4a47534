"""For whom the questions of a notebook were drawn; cells of checks ask."""

from autograder.bank.forms import plain
from autograder.checks import shown
from autograder.notes import Waits, note


def drawn_for(my_id, student, classmates):
    """The id for which a notebook's questions were drawn.

    A slip of the pen costs nothing: what was answered is judged. Somebody else's questions wait for a person.

    Args:
        my_id: function without arguments that returns the id that the notebook names, or raises NameError.
        student: the id under which it was handed in: where no other is named, that of the questions as well.
        classmates: the ids of the others in the course.

    Returns: str.
    Raises: Waits: it is the id of a classmate, or no id.
    """
    try:
        typed = my_id()
    except NameError:
        typed = ""
    if type(typed) not in (str, int):
        raise Waits(f"my_id is {shown(typed)}: for whom were the questions drawn?")
    if not plain(typed):
        note("my_id is blank or missing; the questions of who handed this in are judged")
        return student
    own, other = plain(typed), {plain(one) for one in classmates}
    if own == plain(student):
        return student
    if own in other:
        raise Waits("my_id is the id of another student of the course: whose questions were answered?")
    note("my_id is nobody's, not that of who handed this in either; the questions of my_id are judged")
    return str(typed)
