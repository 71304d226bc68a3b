"""Waiting for what another process or thread brings about."""

import time
from collections.abc import Callable
from typing import Any

_PAUSE_S = 0.002
"""Who asked without a pause would take the core, and the lock of Python, from what it waits for."""


def until(holds: Callable[[], Any]) -> None:
    """Return once ``holds`` gives something true. Raises `AssertionError` after 30 seconds."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(_PAUSE_S)
