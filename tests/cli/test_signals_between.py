"""Signals that come while nothing is being sent yet, or any more."""

import asyncio
import os
import signal

import pytest

from kvsync.edgekv.client import EdgeKVClient, Namespace
from kvsync.model.errors import FatalError
from tests.cli.watching import asked, held, long_ago


async def interrupted() -> None:
    """Ctrl-C, and time for it to be heard."""
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(10):
        await asyncio.sleep(0)


def test_signal_while_the_namespace_is_looked_for(kvsync, edge, manifest, monkeypatch):
    """A signal before the first write, while the service is asked something, keeps all of them."""
    manifest("keys: {a: one, b: two}\n")
    real = EdgeKVClient.namespaces

    async def namespaces(*args, **options):
        await interrupted()
        return await real(*args, **options)

    monkeypatch.setattr(EdgeKVClient, "namespaces", namespaces)
    result = kvsync("sync", "m.yaml", "--create-namespace", "--json")
    assert (result.code, held(edge)) == (130, {})
    assert (result.json["runs"][0]["summary"]["create"], asked(edge)) == (0, {})


def test_signal_in_the_middle_of_that_answer(kvsync, edge, manifest, monkeypatch):
    """Nor is anything written if that answer still arrives."""
    manifest("keys: {a: one}\n")
    real = EdgeKVClient.namespaces

    async def namespaces(*args, **options):
        found = await real(*args, **options)
        await interrupted()
        return found

    monkeypatch.setattr(EdgeKVClient, "namespaces", namespaces)
    result = kvsync("sync", "m.yaml", "--create-namespace")
    assert (result.code, held(edge), asked(edge).keys()) == (
        130, {}, {"DescribeEdgeKVNamespaces"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [["verify", "m.yaml"], ["plan", "m.yaml", "--refresh", "--delete-unmanaged"]],
)
def test_signal_while_the_list_of_keys_hangs(kvsync, edge, manifest, monkeypatch, command):
    """A list of keys that nobody answers does not keep a look from ending."""
    manifest("keys: {a: one}\n")

    async def keys(*_):
        await interrupted()
        await asyncio.wait_for(asyncio.Event().wait(), 5)
        yield ""

    monkeypatch.setattr(Namespace, "keys", keys)
    result = kvsync(*command, "--json")
    assert (result.code, result.json["error"]) == (130, None)


def test_deletes_that_another_source_held_back(kvsync, edge, write, monkeypatch):
    """A source whose deletes were not tried does not look as if all were well."""
    for name, keys in (("x", "a: one, b: two"), ("y", "c: one, d: two")):
        write(f"{name}.yaml", f"version: 1\nkeys: {{{keys}}}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    long_ago()
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {c: one}\n")

    async def refused(*_):
        raise FatalError("AuthFailure", "wrong secret")

    monkeypatch.setattr(Namespace, "delete", refused)
    result = kvsync("sync", "x.yaml", "y.yaml", "--delete", "--json")
    x, y = result.json["runs"]
    assert (result.code, x["exit_code"], y["exit_code"]) == (7, 7, 7)
    assert (y["error"]["kind"], y["error"]["message"]) == (
        "held-back", "not deleted, because x.yaml went wrong",
    )  # fmt: skip
    assert sorted(held(edge)) == ["a", "b", "c", "d"]
