"""How long something may take."""

import math
import time

import pytest

from kvsync.engine.call import Deadline


@pytest.mark.parametrize(("passed", "left"), [(0, 10), (4, 6), (10, 0), (11, 0)])
def test_left(monkeypatch, passed, left):
    """It counts from when it was made down to 0."""
    monkeypatch.setattr(time, "monotonic", lambda: 500.0)
    deadline = Deadline(10)
    monkeypatch.setattr(time, "monotonic", lambda: 500.0 + passed)
    assert deadline.left == left


def test_never():
    """Unless a time is given it never passes."""
    assert Deadline().left == math.inf
