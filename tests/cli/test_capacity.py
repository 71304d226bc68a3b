"""What the service says of a namespace before the first write, and what if it says nothing."""

import pytest

from kvsync.emulator.actions import ACTIONS
from kvsync.emulator.limits import Refusal
from tests.cli.watching import asked, counted, held


@pytest.mark.slow
def test_capacity(kvsync, edge, write, monkeypatch):
    """A plan that adds more than the namespace has room for is warned of, and only then."""
    monkeypatch.setattr("kvsync.emulator.store.CAPACITY", 3 << 20)
    monkeypatch.setenv("KVSYNC_NAMESPACE", "small")
    write("tree/a", "x" * (1 << 20))
    write("tree/b", "x" * (1 << 19))
    result = kvsync("sync", "tree", "--create-namespace")
    assert (result.code, result.err.count("warning")) == (0, 0)
    for name in "cde":
        write(f"tree/{name}", "x" * (1 << 20))
    told = "warning: tree: this adds 3.0 MiB, and the namespace has 1.5 MiB left of 3.0 MiB"
    assert told in kvsync("plan", "tree", "--refresh").err
    with counted(edge) as seen:
        full = kvsync("sync", "tree")
    assert (full.code, told in full.err) == (6, True)
    assert seen["DescribeEdgeKVNamespaces"] == 1
    assert asked(edge)["DescribeEdgeKVNamespaces"] == 4


@pytest.mark.parametrize(
    "code", ["UnauthorizedOperation", "InternalError", "RequestLimitExceeded", "NewInTheService"]
)
def test_capacity_that_nobody_tells(kvsync, edge, write, monkeypatch, code):
    """Where the service does not say how full a namespace is, a warning does; the push goes on."""

    def refused(*_):
        raise Refusal(code, "not now")

    monkeypatch.setitem(ACTIONS, "DescribeEdgeKVNamespaces", refused)
    for name in "ab":
        write(f"tree/{name}", "x" * (1 << 20))
    told = f"warning: tree: could not ask how full the namespace is: {code}: not now"
    for command in ("plan", "sync"):
        with counted(edge) as seen:
            result = kvsync(command, "tree", "--refresh")
        assert (result.code, told in result.err) == (0, True)
        assert seen["DescribeEdgeKVNamespaces"] == 1, "a courtesy is not asked for again"
    assert f"2 created; 2.0 MiB, {sum(seen.values())} requests, " in result.out
    assert len(held(edge)) == 2


def test_a_namespace_that_cannot_be_made_sure_of(kvsync, edge, manifest, monkeypatch):
    """With --create-namespace nothing is sent unless the service says which namespaces it has."""

    def refused(*_):
        raise Refusal("UnauthorizedOperation", "not you")

    monkeypatch.setitem(ACTIONS, "DescribeEdgeKVNamespaces", refused)
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml", "--create-namespace").code == 7
    assert asked(edge) == {"DescribeEdgeKVNamespaces": 1}


def test_a_namespace_that_cannot_be_created(kvsync, edge, manifest, monkeypatch):
    """Requests that were refused count among those of the run, whatever they asked for."""

    def refused(*_):
        raise Refusal("UnauthorizedOperation", "not you")

    monkeypatch.setitem(ACTIONS, "CreateEdgeKVNamespace", refused)
    manifest("namespace: new\nkeys: {a: one}\n")
    monkeypatch.delenv("KVSYNC_NAMESPACE")
    result = kvsync("sync", "m.yaml", "--create-namespace", "--json")
    assert result.code == 7
    assert result.json["runs"][0]["summary"]["requests"] == asked(edge)
