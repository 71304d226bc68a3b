"""How many examples a property test tries: a few in the suite, many in ``scripts/fuzz``."""

import os

__all__ = ["EFFORT", "examples"]

EFFORT = int(os.environ.get("TEST_EFFORT", "1"))
"""By how much more is tried than in the suite."""


def examples(count: int) -> int:
    """So many examples in the suite, and more where more effort is wanted."""
    return count * EFFORT
