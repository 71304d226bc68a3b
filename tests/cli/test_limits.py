"""What the service refuses since mid-2026 is warned of, and told in its own words."""

import time

import pytest

from tests.cli.watching import held
from tests.hostile.serving import by_action, hostile


@pytest.fixture
def today(serve_emulator, credentials, monkeypatch):
    """The service as it is today."""
    edge = serve_emulator(limits="newer")
    for name, value in {"ENDPOINT": edge.url, "ZONE": "zone-1", "NAMESPACE": "ns"}.items():
        monkeypatch.setenv(f"KVSYNC_{name}", value)
    monkeypatch.setenv("KVSYNC_RATE", "100000")
    return edge


@pytest.mark.parametrize(
    ("lifetime", "warning"),
    [
        ("ttl: 30s", "m.yaml:2: a TTL under 60 s: the service refuses it since mid-2026"),
        ("expires: SOON", "an `expires` under 60 s ahead: the service refuses it since mid-2026"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "sync", "validate"])
def test_a_short_life(kvsync, today, manifest, command, lifetime, warning):
    """A pair with less than 60 s to live is warned of, sent as it is, and refused by its rule."""
    soon = str(int(time.time()) + 40)
    manifest(f"keys: {{a: {{value: v, {lifetime.replace('SOON', soon)}}}, b: v}}\n")
    result = kvsync(command, "m.yaml")
    (line,) = (line for line in result.errors if "warning" in line)
    assert warning in line
    if command == "sync":
        assert (result.code, held(today)) == (6, {"b": "v"})
        assert "the rule of the newer revision" in result.err


def test_a_life_that_is_long_enough(kvsync, today, manifest):
    """Nothing is said of what the service takes, nor of what is not sent."""
    soon = int(time.time()) + 40
    manifest(f"keys: {{a: {{value: v, expires: {soon + 60}}}, b: {{value: v, ttl: 60}}}}\n")
    result = kvsync("sync", "m.yaml")
    assert (result.code, result.err) == (0, "")
    today.put("zone-1", "ns", "c", "v", soon)
    manifest(f"keys: {{c: {{value: v, expires: {soon}}}}}\n")
    assert "warning" not in kvsync("plan", "m.yaml", "--refresh").err


def test_a_dump_is_warned_of_once(kvsync, today, write):
    """What --short-ttl tells of a dump's pairs is not told again."""
    soon = int(time.time()) + 40
    write("d.jsonl", f'{{"key":"a","value":"v","expiration":{soon}}}\n')
    told = kvsync("plan", "d.jsonl", "--format", "jsonl").err
    assert "--short-ttl keep" in told
    assert "under 60 s ahead" not in told


def test_many_near_ends(kvsync, today, manifest):
    """Five are named, the others counted."""
    soon = int(time.time()) + 40
    keys = ", ".join(f"k{n}: {{value: v, expires: {soon}}}" for n in range(8))
    manifest(f"keys: {{{keys}}}\n")
    assert "k4 (m.yaml:2) and 3 more" in kvsync("plan", "m.yaml").err


def test_what_utf_8_is_for(kvsync, today, write):
    """A key that is illegal only in strict is told of with the way to send it; which works."""
    write("site/a.b", "v")
    result = kvsync("plan", "site", "--key", "path")
    assert result.code == 2
    (line,) = (line for line in result.errors if "a.b" in line)
    assert "as the service does since mid-2026" in line
    assert "--charset utf-8" in line
    assert kvsync("sync", "site", "--charset", "utf-8").code == 0
    assert held(today) == {"a.b": "v"}


def test_local_takes_both(kvsync, manifest):
    """A first step is not refused for what one revision alone refuses."""
    manifest("charset: utf-8\nkeys: {a.b: {value: v, ttl: 5s}}\n")
    assert kvsync("sync", "m.yaml", "--local").code == 0


def test_functions_that_are_bound(kvsync, credentials):
    """namespaces list shows who reads from a namespace; JSON has all that is known of them."""
    bound = [
        {"ReferenceType": "edge-function", "ReferenceId": "ef-1", "ReferenceName": "geo\x1b"},
        {"ReferenceType": "edge-function", "ReferenceId": "ef-2", "ReferenceName": None},
    ]
    many = [{"ReferenceName": f"f{n}", "ZoneId": "z-2", "ZoneName": "b.example"} for n in range(7)]
    infos = [
        {"Namespace": name, "References": references}
        for name, references in (("a", bound), ("b", many), ("c", []), ("d", None))
    ]
    answer = {"TotalCount": 4, "KVNamespaces": infos}
    with hostile(by_action({"DescribeEdgeKVNamespaces": answer})) as server:
        command = ["namespaces", "list", "--zone", "zone-1", "--endpoint", server.url]
        lines = kvsync(*command).out.splitlines()
        found = kvsync(*command, "--json").json["namespaces"]
    assert ", bound to geo\\x1b, ef-2" in lines[0]
    assert ", bound to f0, f1, f2, f3, f4 and 2 more" in lines[1]
    assert "bound" not in lines[2] + lines[3]
    assert found[0]["references"][1] == {
        "type": "edge-function",
        "id": "ef-2",
        "name": "",
        "zone": "",
        "zone_name": "",
    }
    assert found[1]["references"][6]["zone_name"] == "b.example"
    assert [one["references"] for one in found[2:]] == [[], []]
