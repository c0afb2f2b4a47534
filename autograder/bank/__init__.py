"""From the question bank to the assignments: what stands in `questions/` comes into their cells."""
