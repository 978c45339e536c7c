"""Hypothesis without clocks or chance: the same examples on every machine, however slow."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
