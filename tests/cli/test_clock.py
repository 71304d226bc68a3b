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


def test_ttl_by_the_clock_of_the_service(kvsync, edge, serve_emulator, manifest):
    """A TTL that is over by the service's clock is not unchanged, however slow ours is."""
    moved = [250.0]
    other = serve_emulator(clock=lambda: time.time() + moved[0])
    manifest("keys: {a: {value: one, ttl: 60s}}\n")
    kvsync("sync", "m.yaml", "--endpoint", other.url)
    assert "1 unchanged" in kvsync("plan", "m.yaml", "--endpoint", other.url).out
    manifest("keys: {a: {value: one, ttl: 60s}, b: two}\n")
    moved[0] += 200
    kvsync("sync", "m.yaml", "--endpoint", other.url)
    plan = kvsync("plan", "m.yaml", "--endpoint", other.url, "--json").json["runs"][0]
    assert [(c["key"], c["reason"]) for c in plan["changes"]] == [("a", "its TTL has run out")]
