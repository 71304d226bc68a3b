"""How many examples a property test tries: few in the quick loop, many in ``scripts/fuzz``."""

import math
import os

EFFORT = float(os.environ.get("TEST_EFFORT", "1"))
"""By how much more is tried than in the whole suite; below 1: how much less."""

_FEWEST = 3


def examples(count: int) -> int:
    """So many examples in the suite, and more or fewer where the effort is another one."""
    return max(min(count, _FEWEST), math.ceil(count * EFFORT))
