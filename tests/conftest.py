"""Shared by all rooms: hypothesis without deadlines (machines differ), reproducible in CI."""

from hypothesis import settings

settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")
