"""How Hypothesis runs here: no limit of time, nothing written, and in CI the same examples each time."""

import os

from hypothesis import settings

settings.register_profile("tests", deadline=None, database=None, derandomize="CI" in os.environ)
settings.load_profile("tests")
