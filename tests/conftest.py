"""What all tests share."""

import os

from hypothesis import settings

from tests.nobody import shared
from tests.servers import emulator, serve_emulator

__all__ = ["emulator", "serve_emulator", "shared"]

# A busy machine is no defect. CI tries the same examples every time; developers try new ones.
settings.register_profile("everywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")
