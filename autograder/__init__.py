"""The grading side of the course: checks that test cells import, and the tools around nbgrader."""
