"""``--refresh`` right after keys were deleted or forgotten, while the store still shows them."""

import sqlite3
import time
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from kvsync.edgekv.namespace import Namespace
from kvsync.engine.call import Call
from kvsync.model.errors import PassingError
from tests.cli.test_refresh import changes
from tests.cli.watching import held, long_ago
from tests.emulator.raw import Clock

LAG = 10


@pytest.fixture
def monotonic() -> Clock:
    """What the lag is counted on; it stands still."""
    return Clock(0)


@pytest.fixture
def edge(serve_emulator, credentials, monkeypatch, monotonic):
    """An emulator that lags, and that is gone to by default."""
    served = serve_emulator(lag=LAG, monotonic=monotonic)
    given = {"ENDPOINT": served.url, "ZONE": "zone-1", "NAMESPACE": "ns", "RATE": "100000"}
    for name, value in given.items():
        monkeypatch.setenv(f"KVSYNC_{name}", value)
    return served


@pytest.fixture
def pushed(kvsync, edge, manifest, monotonic):
    """Pushes what it is given, by m.yaml, so long ago that it can be read."""

    def push(text: str, *options: str) -> None:
        manifest(text)
        assert kvsync("sync", "m.yaml", *options).code == 0
        monotonic.now += LAG

    return push


@pytest.fixture
def deleted(kvsync, edge, manifest, pushed):
    """A key `b` that was just deleted, is still read, and is named again."""
    pushed("keys: {a: one, b: two}\n")
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml", "--delete").code == 0
    manifest("keys: {a: one, b: two}\n")


@pytest.mark.slow
def test_a_deleted_key_that_can_still_be_read_is_sent(kvsync, edge, deleted, monotonic):
    """What our own delete has left to be read is not taken for what is there."""
    planned = kvsync("plan", "m.yaml", "--refresh", "--json")
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(planned) == changes(result) == ["create b: not in the state"]
    assert held(edge) == {"a": "one", "b": "two"}
    monotonic.now += LAG
    assert kvsync("verify", "m.yaml").code == 0


@pytest.mark.slow
def test_a_key_that_was_deleted_long_ago_is_adopted(kvsync, edge, deleted):
    """Once a delete must have settled, what is read is there."""
    edge.put("zone-1", "ns", "b", "two")
    long_ago()
    result = kvsync("sync", "m.yaml", "--refresh")
    assert "nothing to do; 2 keys unchanged" in result.out


def test_a_deleted_stray_is_sent(kvsync, edge, manifest, pushed):
    """A key that was nobody's, and that we have just deleted, is not adopted either."""
    pushed("keys: {a: one}\n")
    edge.put("zone-1", "ns", "stray", "x")
    assert kvsync("sync", "m.yaml", "--refresh", "--delete-unmanaged").code == 0
    manifest("keys: {a: one, stray: x}\n")
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["create stray: not in the state"]
    assert held(edge) == {"a": "one", "stray": "x"}


@pytest.mark.slow
def test_a_stray_whose_delete_went_unanswered_is_sent(
    kvsync, edge, manifest, pushed, monotonic, monkeypatch
):
    """A stray that may have been deleted is not adopted, and is not made ours by that."""
    real = Namespace.delete

    async def unanswered(self, keys):
        await real(self, keys)
        raise PassingError("Timeout", "silence", in_doubt=True)

    pushed("keys: {a: one}\n")
    edge.put("zone-1", "ns", "stray", "x")
    with monkeypatch.context() as patch:
        patch.setattr(Namespace, "delete", unanswered)
        assert kvsync("sync", "m.yaml", "--refresh", "--delete-unmanaged").code == 5
    assert "stray" not in kvsync("state", "show", "m.yaml").out
    manifest("keys: {a: one, stray: x}\n")
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["create stray: not in the state"]
    monotonic.now += LAG
    assert kvsync("verify", "m.yaml").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--all"], ["--only", "a"]])
def test_a_forgotten_key_that_was_just_written_is_sent(kvsync, edge, manifest, pushed, options):
    """A value that our last write replaced is not adopted because we forgot that write."""
    pushed("keys: {a: old}\n")
    manifest("keys: {a: new}\n")
    assert kvsync("sync", "m.yaml").code == 0
    assert kvsync("state", "forget", "m.yaml", *options).code == 0
    manifest("keys: {a: old}\n")
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["create a: not in the state"]
    assert held(edge) == {"a": "old"}


@pytest.mark.parametrize(
    ("sql", "adopted"),
    [
        ("UPDATE entry SET checksum = NULL, in_doubt = 1", False),
        ("UPDATE entry SET checksum = NULL, acknowledged = acknowledged - 3600", True),
    ],
    ids=["in doubt", "old"],
)
def test_a_forgotten_key(kvsync, edge, pushed, sql, adopted):
    """A forgotten key that was in doubt is sent, however long ago that was; one that was written
    long ago is adopted if it reads as wanted."""
    pushed("keys: {a: one}\n")
    with closing(sqlite3.connect(".kvsync/state.db")) as connection, connection:
        connection.execute(sql)
    kvsync("state", "forget", "m.yaml", "--all")
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ([] if adopted else ["create a: not in the state"])


@pytest.mark.slow
def test_a_key_that_ran_out_is_remembered(kvsync, edge, manifest, pushed):
    """A short-lived value that has just replaced another one, and has run out, is no reason to take
    the other one for what is there."""
    pushed("keys: {a: old}\n")
    manifest("keys: {a: {value: new, ttl: 60}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    with closing(sqlite3.connect(".kvsync/state.db")) as connection, connection:
        connection.execute("UPDATE entry SET checksum = NULL, runs_out = 1")
    manifest("")
    assert kvsync("sync", "m.yaml").code == 0
    assert kvsync("state", "show", "m.yaml").out.startswith("no such keys")
    manifest("keys: {a: old}\n")
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["create a: not in the state"]


@pytest.mark.slow
def test_a_state_from_before(kvsync, edge, deleted):
    """A state file that is older than this memory is read as if it had nothing to remember."""
    with closing(sqlite3.connect(".kvsync/state.db")) as connection, connection:
        connection.execute("DROP TABLE recent")
    assert "2 unchanged" in kvsync("plan", "m.yaml", "--refresh").out
    assert kvsync("sync", "m.yaml").code == 0
    assert held(edge) == {"a": "one", "b": "two"}


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_a_machine_whose_clock_is_wrong(
    kvsync, serve_emulator, credentials, manifest, monkeypatch, monotonic, ahead
):
    """How long ago something was written is counted by the service's clock, whatever ours says."""
    other = serve_emulator(lag=LAG, monotonic=monotonic, clock=lambda: time.time() - ahead)
    target = ["--endpoint", other.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "100000"]

    def sync(keys: str, *options: str) -> Any:
        manifest(f"keys: {keys}\n")
        result = kvsync("sync", "m.yaml", *target, "--json", *options)
        assert result.code == 0
        return changes(result)

    sync("{a: old, b: two}")
    monotonic.now += LAG
    sync("{a: new}", "--delete")
    # How long it is read again; what is unsure then is sent.
    monkeypatch.setattr("kvsync.engine.refresh.SETTLING_S", 0.3)
    assert sync("{a: old, b: two}", "--refresh") == [
        "update a: value changed", "create b: not in the state",
    ]  # fmt: skip
    assert held(other) == {"a": "old", "b": "two"}


def test_a_look_that_takes_minutes(kvsync, edge, deleted, monkeypatch):
    """It counts when a key was read: what was read too soon proves nothing, however long the rest
    took to be read."""
    now = [time.time()]
    monkeypatch.setattr("kvsync.cli.call.Call", partial(Call, clock=lambda: now[0]))
    real = Namespace.get

    async def slow(self, keys):
        pairs = await real(self, keys)
        now[0] += 120
        return pairs

    monkeypatch.setattr(Namespace, "get", slow)
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["create b: not in the state"]
