"""Tests are never timed: on a busy machine an example may take any time."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
