"""What this course gives to nbgrader: blanks, points of essays, feedback, pages, formgrader, export."""
