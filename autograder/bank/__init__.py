"""From the question bank to the assignments: what stands in `questions/` comes into their cells (`sync`), and
what the points of an assignment rest on (`probe_share`).
"""
