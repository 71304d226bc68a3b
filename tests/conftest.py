"""What all tests share."""

import os

from hypothesis import settings

from tests.effort import EFFORT, examples
from tests.nobody import shared
from tests.servers import emulator, serve_emulator

__all__ = ["emulator", "serve_emulator", "shared"]

# A busy machine is no defect. CI tries the same examples every time; developers try new ones.
settings.register_profile("everywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
# Who tries many also wants to know of one that takes for ever, and not what was found last time.
settings.register_profile("long", deadline=10_000, max_examples=examples(100), database=None)
_profile = "ci" if os.environ.get("CI") else "everywhere"
settings.load_profile("long" if EFFORT > 1 else _profile)
