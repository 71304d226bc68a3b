"""Whatever listens at a loopback address is asked who it is, once a run."""

import pytest

from kvsync.edgekv import endpoint


@pytest.fixture
def probes(monkeypatch):
    """The loopback endpoints that were asked."""
    asked = []
    real = endpoint.identity

    def identity(url, timeout=None, **given):
        asked.append(url)
        return real(url, timeout, **given)

    monkeypatch.setattr("kvsync.engine.target.identity", identity)
    return asked


@pytest.mark.slow
def test_it_is_asked_once(kvsync, edge, write, probes):
    """However many sources a run has, and whichever way it takes, one answer serves all of it."""
    for name in "xyz":
        write(f"{name}.yaml", f"version: 1\nkeys: {{{name}: v}}\n")
    for command in (["sync"], ["sync"], ["plan"], ["sync", "-n"]):
        probes.clear()
        assert kvsync(*command, "x.yaml", "y.yaml", "z.yaml").code == 0
        assert probes == [edge.url]


def test_an_emulator_that_is_another_one_by_then(kvsync, edge, manifest, monkeypatch):
    """What answers when something is to be sent must be what the plan was made for."""
    manifest("keys: {a: one}\n")
    monkeypatch.setattr("kvsync.engine.target.identity", lambda *_, **__: "emulator:of-before")
    result = kvsync("sync", "m.yaml")
    assert (result.code, "has changed since the plan was made: run again" in result.err) == (
        5,
        True,
    )
