"""A machine whose clock is wrong."""

import time

import pytest


@pytest.mark.parametrize("hours", [1, -1])
def test_clock_off_by_an_hour(kvsync, edge, serve_emulator, manifest, hours):
    """A clock that is off by an hour is corrected for the run, with a warning."""
    offset = 3600 * hours
    other = serve_emulator(clock=lambda: time.time() + offset)
    manifest("keys: {a: one, b: {value: two, ttl: 2h}}\n")
    result = kvsync("sync", "m.yaml", "--endpoint", other.url)
    assert result.code == 0
    assert len([line for line in result.errors if "clock" in line]) == 1
    assert "corrected" in result.err
    pairs = other.pairs("zone-1", "ns")
    assert pairs["a"][0] == "one"
    assert pairs["b"][1] == pytest.approx(time.time() + offset + 7200, abs=5)
