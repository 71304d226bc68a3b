"""``plan --refresh`` and ``sync --refresh``: what others did to the target is seen, and mended."""

import json
import sqlite3
import time
from contextlib import closing

import pytest

from tests.cli.watching import asked, counted, held, long_ago


@pytest.fixture
def pushed(kvsync, edge, manifest):
    """Pushes what it is given, by m.yaml, an hour ago."""

    def push(text: str) -> None:
        manifest(text)
        assert kvsync("sync", "m.yaml").code == 0
        long_ago()

    return push


def changes(result) -> list[str]:
    """The changes of the only run, as words."""
    return [f"{c['action']} {c['key']}: {c['reason']}" for c in result.json["runs"][0]["changes"]]


def test_nothing_has_happened(kvsync, edge, pushed):
    """A target that is as the state says needs nothing; no List is asked."""
    pushed("keys: {a: one, b: {value: two, ttl: 1h}, c: {value: x, expires: 4102444800}}\n")
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", "--refresh")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("m.yaml → zone-1/ns: nothing to do; 3 keys unchanged")
    assert seen == {"EdgeKVGet": 1}


async def no_pause(*_: object) -> None:
    """There is nothing to wait for."""
    raise AssertionError("a wait")


@pytest.mark.slow
def test_nothing_is_waited_for(kvsync, edge, pushed, monkeypatch):
    """Where nothing differs nobody waits, neither to look nor to verify."""
    pushed("keys: {a: one}\n")
    monkeypatch.setattr("kvsync.edgekv.throttle.Throttle.pause", no_pause)
    assert kvsync("plan", "m.yaml", "--refresh").code == 0
    assert kvsync("sync", "m.yaml", "--verify").code == 0
    assert kvsync("verify", "m.yaml", "--wait", "60").code == 0


@pytest.mark.slow
def test_drift(kvsync, edge, pushed):
    """A key that somebody changed is an update, one that vanished a create; both are mended."""
    pushed("keys: {a: one, b: two, c: three, d: {value: x, ttl: 1h}}\n")
    edge.put("zone-1", "ns", "b", "theirs")
    edge.put("zone-1", "ns", "d", "x")
    edge.delete("zone-1", "ns", "c")
    planned = kvsync("plan", "m.yaml", "--refresh", "--json")
    wanted = ["update b: drifted", "create c: missing remotely", "update d: drifted"]
    assert (planned.code, changes(planned)) == (0, wanted)
    assert "nothing" in kvsync("sync", "m.yaml").out, "without a look nothing is known of it"
    mended = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert (mended.code, changes(mended)) == (0, wanted)
    assert held(edge) == {"a": "one", "b": "two", "c": "three", "d": "x"}
    assert kvsync("plan", "m.yaml", "--refresh", "--detailed-exitcode").code == 0


def test_a_plan_changes_nothing(kvsync, edge, pushed, clean_environment):
    """A plan that looks at the target leaves the state as it is."""
    pushed("keys: {a: one}\n")
    edge.put("zone-1", "ns", "a", "theirs")
    before = (clean_environment / ".kvsync" / "state.db").read_bytes()
    assert kvsync("plan", "m.yaml", "--refresh", "--detailed-exitcode").code == 2
    assert (clean_environment / ".kvsync" / "state.db").read_bytes() == before


def test_no_state_survives(kvsync, edge, manifest):
    """With an empty state only real differences are pushed, and the rest is adopted."""
    edge.put("zone-1", "ns", "a", "one")
    edge.put("zone-1", "ns", "b", "theirs")
    edge.put("zone-1", "ns", "t", "x", int(time.time()) + 3600)
    manifest("keys: {a: one, b: two, c: three, t: {value: x, ttl: 1h}}\n")
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["update b: differs remotely", "create c: not in the state"]
    assert seen == {"EdgeKVGet": 1, "EdgeKVPut": 2}
    assert "nothing to do; 4 keys unchanged" in kvsync("sync", "m.yaml").out


def test_a_ttl_that_somebody_shortened(kvsync, edge, pushed):
    """The remote expiry of a TTL is taken over, and the renew rule decides."""
    pushed("keys: {a: {value: x, ttl: 1d}, b: {value: x, ttl: 1d}}\n")
    edge.put("zone-1", "ns", "a", "x", int(time.time()) + 3600)
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["renew a: its TTL is running out"]


def test_expires_must_match_to_the_second(kvsync, edge, pushed):
    """An `expires` that is off by a second is drift, and so is one that is never."""
    pushed("keys: {a: {value: x, expires: 4102444800}, b: {value: x, expires: 4102444800}}\n")
    edge.put("zone-1", "ns", "a", "x", 4102444801)
    edge.put("zone-1", "ns", "b", "x")
    result = kvsync("plan", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["update a: drifted", "update b: drifted"]


def test_what_ran_out_by_itself_is_no_drift(kvsync, serve_emulator, credentials, manifest):
    """A key whose TTL is over is renewed as ever."""
    now = [time.time()]
    edge = serve_emulator(clock=lambda: now[0])
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns"]
    manifest("keys: {a: {value: x, ttl: 60}}\n")
    assert kvsync("sync", "m.yaml", *target).code == 0
    with closing(sqlite3.connect(".kvsync/state.db")) as connection, connection:
        connection.execute("UPDATE entry SET checksum = NULL, acknowledged = 1, runs_out = 61")
    now[0] += 3600
    result = kvsync("plan", "m.yaml", *target, "--refresh", "--json")
    assert changes(result) == ["renew a: its TTL has run out"]


def test_both_changed(kvsync, edge, pushed, manifest):
    """What the source changed and somebody else already wrote needs no write."""
    pushed("keys: {a: one, b: one}\n")
    edge.put("zone-1", "ns", "a", "two")
    manifest("keys: {a: two, b: two}\n")
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["update b: value changed"]
    assert seen == {"EdgeKVGet": 1, "EdgeKVPut": 1}
    assert "nothing to do" in kvsync("sync", "m.yaml").out


def test_in_doubt_is_sent_again(kvsync, edge, pushed):
    """A key whose last request went unanswered is sent, whatever a read shows just now."""
    pushed("keys: {a: one, b: two}\n")
    with closing(sqlite3.connect(".kvsync/state.db")) as connection, connection:
        connection.execute("UPDATE entry SET checksum = NULL, in_doubt = 1 WHERE key = 'a'")
    result = kvsync("sync", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["update a: last outcome unknown"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 20, 21, 61])
def test_no_request_too_many(kvsync, edge, pushed, manifest, count):
    """A refresh takes a Get for 20 keys, orphans among them, and no List."""
    pushed("keys: {" + ", ".join(f"k{n}: v" for n in range(count)) + "}\n")
    manifest("keys: {" + ", ".join(f"k{n}: v" for n in range(count // 2)) + "}\n")
    with counted(edge) as seen:
        assert kvsync("sync", "m.yaml", "--refresh").code == 0
    assert seen == {"EdgeKVGet": -(-count // 20)}


@pytest.mark.slow
def test_fresh_drift_is_read_again(kvsync, edge, manifest, monkeypatch):
    """Drift right after our own write is believed once the store has had time to settle."""
    manifest("keys: {a: one}\n")
    kvsync("sync", "m.yaml")
    edge.put("zone-1", "ns", "a", "theirs")
    monkeypatch.setattr("kvsync.plan.drift.SETTLING_S", 1.0)
    with counted(edge) as seen:
        result = kvsync("plan", "m.yaml", "--refresh", "--json")
    assert changes(result) == ["update a: drifted"]
    assert seen["EdgeKVGet"] > 1
    assert "written less than 60 s ago read differently" in result.err


@pytest.mark.slow
def test_lag_is_no_drift(kvsync, serve_emulator, credentials, manifest):
    """A write that is not readable yet is waited for, and not taken for drift."""
    edge = serve_emulator(lag=0.6)
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "10000"]
    manifest("keys: {a: one, b: two}\n")
    assert kvsync("sync", "m.yaml", *target).code == 0
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", *target, "--refresh")
    assert "nothing to do; 2 keys unchanged" in result.out
    assert set(seen) == {"EdgeKVGet"}
    assert seen["EdgeKVGet"] > 1


@pytest.mark.slow
def test_progress_counts_each_key_once(kvsync, serve_emulator, credentials, manifest, monkeypatch):
    """However often a key is read again, the line never counts more keys than there are."""
    edge = serve_emulator(lag=0.6)
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "10000"]
    manifest("keys: {a: one, b: two}\n")
    assert kvsync("sync", "m.yaml", *target).code == 0
    monkeypatch.setattr("kvsync.report.progress._LINE_EVERY_S", 0.0)
    monkeypatch.setattr("kvsync.engine.session._TICK_S", 0.1)
    result = kvsync("sync", "m.yaml", *target, "--refresh", "--progress", "lines")
    counts = [line.split(",")[0] for line in result.errors if " of 2 keys, " in line]
    assert counts[-1] == "kvsync: reading m.yaml: 2 of 2 keys"
    assert set(counts[:-1]) <= {counts[-1], "kvsync: reading m.yaml: 0 of 2 keys"}
    assert asked(edge)["EdgeKVGet"] > 2


def test_other_owners(kvsync, edge, write):
    """A key that another source owns is refused before the target is looked at."""
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {a: two}\n")
    assert kvsync("sync", "x.yaml").code == 0
    long_ago()
    with counted(edge) as seen:
        result = kvsync("sync", "y.yaml", "--refresh")
    assert (result.code, seen) == (11, {})
    assert "a is owned by ./x.yaml" in result.err
    assert kvsync("sync", "y.yaml", "--refresh", "--adopt").code == 0
    assert held(edge) == {"a": "two"}


@pytest.mark.slow
def test_missing_namespace(kvsync, edge, manifest, monkeypatch):
    """A namespace that is missing is fatal, unless it is to be created: then it is empty."""
    monkeypatch.setenv("KVSYNC_NAMESPACE", "new")
    manifest("keys: {a: one}\n")
    lost = kvsync("sync", "m.yaml", "--refresh")
    assert (lost.code, "--create-namespace" in lost.err) == (7, True)
    assert kvsync("plan", "m.yaml", "--refresh", "--create-namespace").code == 0
    result = kvsync("sync", "m.yaml", "--refresh", "--create-namespace")
    assert result.code == 0
    assert "created the namespace new in zone-1" in result.err
    assert edge.pairs("zone-1", "new") == {"a": ("one", 0)}
    again = kvsync("sync", "m.yaml", "--create-namespace", "--json")
    assert again.json["runs"][0]["summary"]["requests"] == {"DescribeEdgeKVNamespaces": 1}


def test_a_look_that_fails(kvsync, serve_emulator, credentials, manifest):
    """When the target cannot be read nothing is planned, and the exit code says that it may help
    to try again."""
    edge = serve_emulator(fault=1.0, faults=frozenset({"InternalError"}))
    manifest("keys: {a: one}\n")
    result = kvsync(
        "sync", "m.yaml", "--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns",
        "--refresh", "--retries", "0", "--json",
    )  # fmt: skip
    assert (result.code, result.json["runs"][0]["summary"]["create"]) == (5, 0)
    assert set(asked(edge)) == {"EdgeKVGet"}
    assert json.loads(result.out)["error"]["kind"] == "passing"


def test_local(kvsync, manifest, clean_environment):
    """Under --local a refresh looks into the emulator's data, and a plan creates none."""
    manifest("keys: {a: one}\n")
    assert "1 to create" in kvsync("plan", "m.yaml", "--local", "--refresh").out
    assert not (clean_environment / ".kvsync").exists()
    assert kvsync("sync", "m.yaml", "--local", "--refresh").code == 0
    assert "nothing to do" in kvsync("sync", "m.yaml", "--local", "--refresh").out


@pytest.mark.slow
def test_rolled_back_while_the_write_is_on_its_way(kvsync, serve_emulator, credentials, manifest):
    """A value that our last write replaced is sent again, although it can still be read."""
    edge = serve_emulator(lag=0.6)
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "10000"]
    edge.put("zone-1", "ns", "a", "one")
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml", *target, "--refresh").code == 0
    manifest("keys: {a: two}\n")
    assert kvsync("sync", "m.yaml", *target).code == 0
    manifest("keys: {a: one}\n")
    result = kvsync("sync", "m.yaml", *target, "--refresh", "--json")
    assert changes(result) == ["update a: value changed"]
    assert held(edge) == {"a": "one"}
