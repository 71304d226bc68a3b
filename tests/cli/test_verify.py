"""``kvsync verify``, from the command line to what the service holds."""

import json

import pytest

from kvsync.edgekv.client import Namespace
from kvsync.model.errors import FatalError
from tests.cli.watching import asked, counted, held


def keys_of(count: int, value: str = "v") -> str:
    """A manifest's keys."""
    return "keys: {" + ", ".join(f"k{n}: {value}" for n in range(count)) + "}\n"


@pytest.fixture
def pushed(kvsync, edge, manifest):
    """Pushes what it is given, by m.yaml."""

    def push(text: str) -> None:
        manifest(text)
        assert kvsync("sync", "m.yaml").code == 0

    return push


def test_all_is_as_the_source_says(kvsync, edge, pushed):
    """A target that holds what the source says is exit 0 and one line."""
    pushed("keys: {a: one, b: {value: two, ttl: 1h}, c: {value: x, expires: 4102444800}}\n")
    result = kvsync("verify", "m.yaml")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("m.yaml → zone-1/ns: 3 same; 2 requests, ")


def test_each_way_to_differ(kvsync, edge, pushed):
    """Another value or kind of expiry, a missing key and an unmanaged one have a symbol each."""
    pushed("keys: {a: one, b: two, c: {value: x, ttl: 1h}, d: four, e: five}\n")
    edge.put("zone-1", "ns", "b", "changed")
    edge.put("zone-1", "ns", "c", "x")
    edge.put("zone-1", "ns", "other", "of somebody")
    kvsync("state", "forget", "m.yaml", "--all")
    edge.put("zone-1", "ns", "d", "four", 4102444800)
    result = kvsync("verify", "m.yaml", "--show-values")
    assert result.code == 3
    assert result.out.splitlines()[:-1] == [
        "* b  (m.yaml:2)", "    source: two", "    target: changed",
        "* c  (m.yaml:2)", "    source: x", "    target: x",
        "* d  (m.yaml:2)", "    source: four", "    target: four",
        "+ other",
    ]  # fmt: skip
    assert ": 2 same, 3 differ, 1 unmanaged; 2 requests, " in result.out


def test_missing(kvsync, edge, manifest):
    """What was never pushed is missing; the document has counts and keys."""
    manifest("keys: {a: one, b: two}\n")
    edge.put("zone-1", "ns", "a", "one")
    result = kvsync("verify", "m.yaml", "--json")
    run = result.json["runs"][0]
    assert (result.code, result.json["command"], result.json["exit_code"]) == (3, "verify", 3)
    assert run["differences"] == [{"key": "b", "status": "missing"}]
    summary = run["summary"]
    assert {name: summary[name] for name in ("same", "differs", "missing", "unmanaged")} == {
        "same": 1, "differs": 0, "missing": 1, "unmanaged": 0,
    }  # fmt: skip
    assert summary["requests"] == {"EdgeKVGet": 1, "EdgeKVList": 1}
    assert (result.err, run["error"], run["failures"]) == ("", None, [])


def test_verbose_shows_what_is_the_same(kvsync, edge, pushed):
    """-v shows the keys that are as they should be, too."""
    pushed("keys: {a: one, b: two}\n")
    assert kvsync("verify", "m.yaml", "-v").out.splitlines()[:2] == ["= a", "= b"]


def test_values_are_shown_only_when_asked_for(kvsync, edge, manifest):
    """No value is in the output, the document or the log unless --show-values asks for it."""
    manifest("keys: {a: canary-of-the-source}\n")
    edge.put("zone-1", "ns", "a", "canary-of-the-target")
    for options in (["-vv"], ["--json", "-vv"]):
        result = kvsync("verify", "m.yaml", *options)
        assert (result.code, "canary" in result.out + result.err) == (3, False)
    shown = kvsync("verify", "m.yaml", "--json", "--show-values").json
    assert shown["runs"][0]["differences"] == [
        {"key": "a", "status": "differs", "expected": "canary-of-the-source",
         "actual": "canary-of-the-target"},
    ]  # fmt: skip


def test_exact(kvsync, edge, pushed):
    """Unmanaged keys alone are exit 0, and 3 with --exact."""
    pushed("keys: {a: one}\n")
    edge.put("zone-1", "ns", "other", "x")
    assert kvsync("verify", "m.yaml").code == 0
    assert kvsync("verify", "m.yaml", "--exact").code == 3


@pytest.mark.slow
def test_other_sources_keys_are_managed(kvsync, edge, write):
    """A key that is another source's, by the state or by the call, is no surplus."""
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {b: two}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    assert "unmanaged" not in kvsync("verify", "x.yaml", "--exact").out
    kvsync("state", "forget", "x.yaml", "--all")
    both = kvsync("verify", "x.yaml", "y.yaml", "--exact")
    assert (both.code, "unmanaged" in both.out) == (0, False)


def test_an_orphan_is_unmanaged(kvsync, edge, pushed, manifest):
    """A key that the source names no more is there, and not in the source."""
    pushed("keys: {a: one, b: two}\n")
    manifest("keys: {a: one}\n")
    assert kvsync("verify", "m.yaml").out.splitlines()[0] == "+ b"


def test_past_expires_is_not_compared(kvsync, edge, manifest):
    """A key past its `expires` is neither missing nor the same: nobody wants it any more."""
    manifest("keys: {a: {value: x, expires: 1000}}\n")
    result = kvsync("verify", "m.yaml")
    assert (result.code, ": 0 same; " in result.out) == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 20, 21, 61])
def test_no_request_too_many(kvsync, edge, pushed, count):
    """A verify takes a Get for 20 keys and a List for 1000."""
    pushed(keys_of(count))
    with counted(edge) as seen:
        assert kvsync("verify", "m.yaml").code == 0
    gets = {"EdgeKVGet": -(-count // 20)} if count else {}
    assert seen == {"EdgeKVList": 1} | gets


@pytest.mark.slow
def test_waiting_for_the_store(kvsync, serve_emulator, credentials, manifest, monkeypatch):
    """--wait reads again only what differs, until it agrees."""
    edge = serve_emulator(lag=0.5)
    for name, value in (("ENDPOINT", edge.url), ("ZONE", "zone-1"), ("NAMESPACE", "ns")):
        monkeypatch.setenv(f"KVSYNC_{name}", value)
    manifest(keys_of(30))
    result = kvsync("sync", "m.yaml", "--verify", "--rate", "10000", "--json")
    assert result.code == 0
    found = result.json["runs"][0]["verify"]
    assert (found["summary"]["same"], found["differences"]) == (30, [])
    assert asked(edge)["EdgeKVGet"] > 2
    assert "EdgeKVList" not in asked(edge)


@pytest.mark.slow
def test_waiting_in_vain(kvsync, edge, manifest):
    """When the time is up, what still differs is a difference."""
    manifest("keys: {a: one}\n")
    with counted(edge) as seen:
        assert kvsync("verify", "m.yaml", "--wait", "0.3").code == 3
    assert seen["EdgeKVGet"] > 1


@pytest.mark.slow
def test_progress_while_waiting(kvsync, edge, manifest, monkeypatch):
    """The line counts a key once; unmanaged keys that --exact reads come on top of the total."""
    manifest("keys: {a: one}\n")
    edge.put("zone-1", "ns", "stray", "x")
    monkeypatch.setattr("kvsync.report.progress._LINE_EVERY_S", 0.0)
    monkeypatch.setattr("kvsync.engine.session._TICK_S", 0.05)
    result = kvsync("verify", "m.yaml", "--wait", "0.6", "--exact", "--progress", "lines")
    counts = [line.split(",")[0] for line in result.errors if " left" in line]
    assert (result.code, counts[-1]) == (3, "kvsync: reading m.yaml: 2 of 2 keys")
    possible = ("0 of 1 key", "1 of 1 key", "1 of 2 keys", "2 of 2 keys")
    assert set(counts) <= {f"kvsync: reading m.yaml: {count}" for count in possible}


def test_what_cannot_be_read(kvsync, serve_emulator, credentials, manifest, monkeypatch):
    """Keys that could not be read are failures, exit 5, and not differences."""
    edge = serve_emulator(fault=1.0, faults=frozenset({"InternalError"}))
    manifest(keys_of(3))
    result = kvsync(
        "verify", "m.yaml", "--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns",
        "--retries", "0", "--json",
    )  # fmt: skip
    assert result.code == 5
    assert result.json["error"]["kind"] == "passing"


@pytest.fixture
def two(kvsync, edge, write, monkeypatch):
    """x.yaml and y.yaml, y pushed; from now on no key can be read."""
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {b: two}\n")
    assert kvsync("sync", "y.yaml").code == 0

    async def refused(*_):
        raise FatalError("ResourceUnavailable.NamespaceNotFound", "it has gone")

    monkeypatch.setattr(Namespace, "get", refused)


def test_a_source_that_was_not_verified(kvsync, two):
    """After a push, a fatal answer to one source does not let the next look as if it were well."""
    result = kvsync("sync", "x.yaml", "y.yaml", "--verify", "--json")
    x, y = result.json["runs"]
    assert (result.code, x["exit_code"], y["exit_code"]) == (7, 7, 7)
    assert ("verify" in x, "verify" in y) == (False, False)
    assert (x["error"]["kind"], y["error"]["kind"]) == ("fatal", "held-back")
    assert y["error"]["message"] == "not verified, because x.yaml went wrong"


def test_what_was_pushed_and_not_verified(kvsync, two):
    """What was pushed before is told of a source that could not be verified any more."""
    result = kvsync("sync", "y.yaml", "x.yaml", "--verify")
    assert (result.code, "x.yaml → zone-1/ns: 1 created; " in result.out) == (7, True)
    assert "x.yaml: not verified, because y.yaml went wrong" in result.err


def test_a_push_that_went_wrong_keeps_from_verifying(kvsync, two, monkeypatch):
    """A fatal answer to a push leaves what had nothing to push unverified, and that is said."""

    async def refused(*_):
        raise FatalError("AuthFailure", "wrong secret")

    monkeypatch.setattr(Namespace, "put", refused)
    result = kvsync("sync", "x.yaml", "y.yaml", "--verify", "--json")
    assert [run["exit_code"] for run in result.json["runs"]] == [7, 7]
    error = result.json["runs"][1]["error"]
    assert error["message"] == "not verified, because x.yaml went wrong"


@pytest.mark.slow
def test_what_was_held_back_holds_nothing_back(kvsync, edge, write, monkeypatch):
    """What is named as having gone wrong is the source that did, and not one that it held back."""
    for name, keys in (("x", "a: one, b: two"), ("z", "c: one")):
        write(f"{name}.yaml", f"version: 1\nkeys: {{{keys}}}\n")
        assert kvsync("sync", f"{name}.yaml").code == 0
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {d: one}\n")

    async def refused(*_):
        raise FatalError("AuthFailure", "wrong secret")

    monkeypatch.setattr(Namespace, "put", refused)
    sources = ("x.yaml", "y.yaml", "z.yaml")
    result = kvsync("sync", *sources, "--delete", "--verify", "--json")
    errors = [run["error"]["message"] for run in result.json["runs"]]
    assert (result.code, errors[0], errors[2]) == (
        7,
        "not deleted, because y.yaml went wrong",
        "not verified, because y.yaml went wrong",
    )


def test_verify_needs_no_state_and_leaves_none(kvsync, edge, manifest, clean_environment):
    """A verify creates nothing."""
    manifest("keys: {a: one}\n")
    kvsync("verify", "m.yaml")
    kvsync("verify", "m.yaml", "--local")
    assert sorted(path.name for path in clean_environment.iterdir()) == ["m.yaml"]


def test_verify_local(kvsync, manifest):
    """Under --local the emulator's data are what is compared."""
    manifest("keys: {a: one}\n")
    assert kvsync("verify", "m.yaml", "--local").code == 3
    assert kvsync("sync", "m.yaml", "--local").code == 0
    assert kvsync("verify", "m.yaml", "--local").code == 0


def test_bad_sources_are_not_compared(kvsync, edge, write):
    """A source with mistakes keeps the others from being read, too."""
    write("bad.yaml", "version: 1\nkeys: {a: 1}\n")
    write("m.yaml", "version: 1\nkeys: {a: x}\n")
    result = kvsync("verify", "bad.yaml", "m.yaml", "--json")
    assert (result.code, asked(edge)) == (2, {})
    assert [run["error"]["kind"] for run in result.json["runs"]] == ["input", "held-back"]


def test_hostile_keys_do_not_reach_the_terminal(kvsync, edge, write):
    """Keys that somebody else wrote are escaped."""
    write("tree/a", "x")
    edge.put("zone-1", "ns", "\x1b[2Jred", "x")
    result = kvsync("verify", "tree", "--show-values")
    assert "+ \\x1b[2Jred" in result.out
    assert "\x1b" not in result.out + result.err
    assert held(edge)["\x1b[2Jred"] == "x"


def test_only(kvsync, edge, pushed):
    """--only compares, and lists, keys like the pattern alone."""
    pushed("keys: {a1: one, b1: two}\n")
    edge.put("zone-1", "ns", "a2", "x")
    edge.put("zone-1", "ns", "b2", "x")
    result = kvsync("verify", "m.yaml", "--only", "a*", "--json")
    found = result.json["runs"][0]
    assert json.dumps(found["differences"]) == '[{"key": "a2", "status": "unmanaged"}]'
    assert found["summary"]["same"] == 1
