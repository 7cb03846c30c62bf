"""How Hypothesis runs here: no limit of time for an example, and nothing written to the working directory."""

from hypothesis import settings

settings.register_profile("tests", deadline=None, database=None)
settings.load_profile("tests")
