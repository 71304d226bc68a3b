"""``kvsync get``, ``put`` and ``namespaces``: single requests for a person."""

import io

import pytest


def test_get_prints_the_bytes(kvsync, edge):
    """get prints the value as it is, without a newline after it."""
    edge.put("zone-1", "ns", "a", "\x00\u202eline\n")
    assert kvsync("get", "a").out == "\x00\u202eline\n"


def test_get_json(kvsync, edge):
    """With --json, get has value and expiry."""
    edge.put("zone-1", "ns", "a", "one", 4102444800)
    assert kvsync("get", "a", "--json").json == {
        "version": 1, "command": "get", "exit_code": 0, "error": None,
        "key": "a", "value": "one", "expires": 4102444800,
    }  # fmt: skip


def test_get_what_is_not_there(kvsync, edge):
    """A key that is not there is exit 6."""
    result = kvsync("get", "a", "--json")
    assert (result.code, result.json["error"]["kind"]) == (6, "rejected")
    assert "the namespace has no such key" in result.err


@pytest.mark.parametrize("value", ["two words", "-"])
def test_put(kvsync, edge, monkeypatch, value):
    """put writes one pair, from the command line or from stdin, and prints nothing."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from stdin\n")))
    result = kvsync("put", "a", value, "--ttl", "1h")
    assert (result.code, result.out, result.err) == (0, "", "")
    (written, expires) = edge.pairs("zone-1", "ns")["a"]
    assert written == ("from stdin\n" if value == "-" else value)
    assert expires


@pytest.mark.parametrize(
    "words", [["k", "two", "s3cret"], ["k", "-s3cret"], ["k", "v", "--s3cret"]]
)
def test_put_repeats_no_value(kvsync, edge, words):
    """Whatever is wrong with the arguments: one of them may be the value, and is not repeated."""
    for json in ([], ["--json"]):
        result = kvsync("put", *words, *json)
        assert (result.code, "s3cret" in result.out + result.err) == (2, False)
    assert kvsync("put", "k", "--tll", "5", "v").err.startswith("kvsync: error: No such option")


def test_put_refuses_what_is_no_text(kvsync, edge, monkeypatch):
    """Bytes that are not UTF-8 are refused, not converted."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert kvsync("put", "a", "-").code == 2
    assert edge.pairs("zone-1", "ns") == {}


def test_put_what_the_service_refuses(kvsync, edge):
    """The service's refusal is told as it came, without the value."""
    result = kvsync("put", "k" * 513, "canary")
    assert (result.code, "canary" in result.err) == (6, False)


def test_local_needs_data(kvsync, manifest, clean_environment):
    """Under --local, get says where it looked, until there is something to look into."""
    result = kvsync("get", "a", "--local")
    assert (result.code, "kvsync state path SOURCE" in result.err) == (2, True)
    manifest("keys: {a: one}\n")
    kvsync("sync", "m.yaml", "--local")
    assert kvsync("get", "a", "--local").out == "one"


def test_namespaces(kvsync, edge):
    """namespaces list shows name and use; create makes one, and a second time is refused."""
    made = kvsync("namespaces", "create", "new", "--remark", "for tests")
    assert (made.code, made.out) == (0, "created new\n")
    edge.put("zone-1", "new", "a", "x" * 2000)
    listed = kvsync("namespaces", "list").out.splitlines()
    assert listed[0].startswith("new    2.0 KiB of 1.0 GiB, created ")
    assert listed[0].endswith("Z  for tests")
    assert listed[1].startswith("ns         0 B of 1.0 GiB, created ")
    again = kvsync("namespaces", "create", "new", "--json")
    assert (again.code, again.json["command"]) == (6, "namespaces create")


def test_namespaces_json(kvsync, edge):
    """The document of namespaces list has sizes in bytes."""
    (found,) = kvsync("namespaces", "list", "--json").json["namespaces"]
    assert (found["namespace"], found["used"], found["capacity"]) == ("ns", 0, 2**30)


def test_no_zone(kvsync, edge, monkeypatch):
    """A zone is needed, and that is said."""
    monkeypatch.delenv("KVSYNC_ZONE")
    result = kvsync("namespaces", "list")
    assert (result.code, "no zone: give --zone" in result.err) == (2, True)
