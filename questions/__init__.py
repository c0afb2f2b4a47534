"""The question bank: every question of the course once, with its key and a reason for every option."""
