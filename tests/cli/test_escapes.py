"""Whatever the service or a file's name says: a terminal shows it, and obeys none of it."""

import pytest

from tests.hostile.serving import by_action, hostile

FORGED = "kvsync: error: forged"
EVIL = f"\x1b[31mred\x1b]0;title\x07\x9b2J\u202ebidi\u2066\u200b\r\n{FORGED}\n\x7f\x00end"
"""Colours, a window's title, C1, bidi, what cannot be seen, and a line of its own."""

INFO = {"Namespace": EVIL, "Remark": EVIL, "CreatedOn": EVIL, "Capacity": 1}
LISTED = {"Keys": ["a", EVIL], "Cursor": ""}


def refused(code: str) -> dict[str, object]:
    """An answer that says no, in the worst of words."""
    return {"RequestId": EVIL, "Error": {"Code": code, "Message": EVIL}}


def got(value: str) -> dict[str, object]:
    """An answer with the pair that is asked for, if that is ``a``."""
    return {"RequestId": EVIL, "Data": [{"Key": "a", "Value": value, "Expiration": ""}]}


REFRESH = "--refresh --delete-unmanaged --force"
CASES = {
    "put is rejected": ("sync m.yaml", {"EdgeKVPut": refused("InvalidParameter")}),
    "put is fatal": ("sync m.yaml", {"EdgeKVPut": refused("AuthFailure")}),
    "put fails": ("sync m.yaml", {"EdgeKVPut": refused("InternalError")}),
    "put has no code": ("sync m.yaml", {"EdgeKVPut": refused(EVIL)}),
    "direct put": ("put a x", {"EdgeKVPut": refused("InvalidParameter")}),
    "direct get": ("get a", {"EdgeKVGet": refused("InvalidParameter")}),
    "no such time": ("get a", {"EdgeKVGet": {"Data": [{"Key": EVIL, "Value": EVIL}]}}),
    "verify": ("verify m.yaml", {"EdgeKVList": LISTED, "EdgeKVGet": got("v")}),
    "values": ("verify m.yaml --show-values", {"EdgeKVList": LISTED, "EdgeKVGet": got(EVIL)}),
    "unread": ("verify m.yaml", {"EdgeKVList": LISTED, "EdgeKVGet": refused("InvalidParameter")}),
    "plan": (f"plan m.yaml {REFRESH}", {"EdgeKVList": LISTED, "EdgeKVGet": got("v")}),
    "delete": (
        f"sync m.yaml {REFRESH}",
        {"EdgeKVList": LISTED, "EdgeKVGet": got("v"), "EdgeKVDelete": refused("InvalidParameter")},
    ),
    "namespaces": (
        "namespaces list",
        {"DescribeEdgeKVNamespaces": {"TotalCount": 1, "KVNamespaces": [INFO]}},
    ),
    "namespace": ("namespaces create x", {"CreateEdgeKVNamespace": refused("InvalidParameter")}),
    "export": ("export -o out", {"EdgeKVList": LISTED, "EdgeKVGet": refused("InvalidParameter")}),
    "copy": (
        "copy --from-zone zone-1 --from-namespace a --to-zone zone-1 --to-namespace b",
        {"EdgeKVList": LISTED, "EdgeKVGet": refused("InvalidParameter")},
    ),
}


@pytest.fixture
def target(credentials, monkeypatch):
    """A zone and a namespace to go to by default, and no second try."""
    monkeypatch.setenv("KVSYNC_ZONE", "zone-1")
    monkeypatch.setenv("KVSYNC_NAMESPACE", "ns")
    monkeypatch.setenv("KVSYNC_RETRIES", "0")
    monkeypatch.setenv("KVSYNC_RATE", "10000")


def check(text: str) -> None:
    """Nothing in the text moves a cursor, turns letters round or begins a line of its own."""
    for line in text.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.startswith(FORGED)


@pytest.mark.parametrize("verbose", ["", "-vv"])
@pytest.mark.parametrize("name", CASES)
def test_the_services_words_are_escaped(kvsync, target, manifest, name, verbose):
    """Keys, messages, codes and ids of a hostile service, in text of every kind."""
    command, answers = CASES[name]
    manifest("keys: {a: v}\n")
    with hostile(by_action(answers)) as server:
        options = [*command.split(), "--endpoint", server.url, "--progress", "lines"]
        result = kvsync(*options, *verbose.split())
    check(result.out)
    check(result.err)
    told = result.out + result.err
    assert result.code != 1
    assert "\\x1b[31mred" in told or "UnknownCode" in told or name in {"values", "no such time"}


@pytest.mark.parametrize("verbose", ["", "-vv"])
def test_a_request_id_is_escaped_wherever_it_goes(kvsync, target, manifest, verbose):
    """A RequestId is kept in the state, and shown from there."""
    manifest("keys: {a: v}\n")
    with hostile(by_action({"EdgeKVPut": {"RequestId": EVIL}})) as server:
        result = kvsync("sync", "m.yaml", "--endpoint", server.url, *verbose.split())
    assert result.code == 0
    check(result.out + result.err)
    shown = kvsync("state", "show", "m.yaml", "--json")
    assert shown.json["keys"][0]["request_id"].startswith("\\x1b[31mred")


@pytest.mark.parametrize("name", CASES)
def test_json_is_plain_ascii(kvsync, target, manifest, name):
    """With --json and --log-format json nothing is lost, and nothing is raw."""
    command, answers = CASES[name]
    manifest("keys: {a: v}\n")
    with hostile(by_action(answers)) as server:
        options = [*command.split(), "--endpoint", server.url, "--progress", "none"]
        result = kvsync(*options, "--json", "--log-format", "json", "-vv")
    for line in (result.out + result.err).split("\n"):
        assert line.isascii()
        assert line.isprintable()


@pytest.mark.parametrize("mode", ["bar", "lines"])
def test_names_of_files_are_escaped(kvsync, edge, write, mode):
    """A file's name is a key, an origin and, for a folder, the label of a bar."""
    name = "\x1b[31mred\u202e\nkvsync: error: forged"
    write(f"{name}/{name}", "v")
    options = ["--charset", "utf-8", "--progress", mode]
    for command in (["validate"], ["plan"], ["sync", "-v"], ["verify", "-v"], ["state", "show"]):
        given = options if command[0] in {"sync", "verify"} else options[:2]
        result = kvsync(*command, name, *(given if command[0] != "state" else ()))
        assert result.code == 0, result.err
        assert "\x1b[31m" not in result.out + result.err
        assert "\u202e" not in result.out + result.err
        assert f"\n{FORGED}" not in result.out + result.err
        if mode == "lines":
            check(result.out + result.err)
