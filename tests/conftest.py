"""How generated tests search: in the build the same examples at every run, on request new ones and more.

The build must not fail by chance. `DETENTE_HYPOTHESIS=long` looks for examples that no run has seen, and for
more of them where a test does not say how many.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("build", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("DETENTE_HYPOTHESIS", "build"))
