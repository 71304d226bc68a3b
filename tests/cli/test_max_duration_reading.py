"""``--max-duration`` where a call looks at something: before it sends, and afterwards."""

import asyncio

import pytest

from kvsync.edgekv.client import EdgeKVClient, Namespace
from kvsync.sources.manifest.manifest import Manifest
from tests.cli.failing import manifest_of
from tests.cli.hourglass import BOUND, ONE_BY_ONE, codes, kinds
from tests.cli.watching import asked, counted, held


@pytest.mark.parametrize(("again", "code"), [(False, 10), (True, 0)])
def test_reading_takes_too_long(kvsync, edge, manifest, glass, monkeypatch, again, code):
    """Nothing is sent if the time is over when the sources are read, unless nothing is to do."""
    manifest(manifest_of(1, 2))
    if again:
        kvsync("sync", "m.yaml")
    real = Manifest.entries

    def entries(*args):
        glass.turn()
        return real(*args)

    monkeypatch.setattr(Manifest, "entries", entries)
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", *BOUND)
    assert (codes(result), seen) == ((code, [code]), {})
    assert result.json["runs"][0]["summary"]["skipped"] == (0 if again else 2)


def test_connecting_takes_too_long(kvsync, edge, manifest, glass, monkeypatch):
    """Credentials that do not come are not waited for any longer than that."""
    manifest(manifest_of(1))

    class Stuck:
        async def get(self) -> None:
            await glass.heard()
            await asyncio.wait_for(asyncio.Event().wait(), 7200)

    monkeypatch.setattr("kvsync.engine.connections.default_credentials", lambda *_, **__: Stuck())
    result = kvsync("sync", "m.yaml", *BOUND)
    assert (codes(result), kinds(result), asked(edge)) == ((10, [10]), ["max-duration"], {})


def test_answer_at_the_last_moment(kvsync, edge, manifest, glass, monkeypatch):
    """If the time is over with the last answer before the first write, nothing is written."""
    manifest(manifest_of(1))
    real = EdgeKVClient.namespaces

    async def namespaces(*args, **options):
        found = await real(*args, **options)
        glass.turn()
        # Now the loop sees the answer and the end of the time together.
        await asyncio.sleep(0)
        return found

    monkeypatch.setattr(EdgeKVClient, "namespaces", namespaces)
    result = kvsync("sync", "m.yaml", "--create-namespace", *BOUND)
    assert (codes(result), kinds(result), held(edge)) == ((10, [10]), ["max-duration"], {})


def test_refresh(kvsync, edge, numbered, glass):
    """If the time is over while the targets are read, nothing is sent for any source."""
    paths = [numbered("x", 1), numbered("y", 41)]
    with glass.after("get", 2):
        result = kvsync("sync", *paths, "--refresh", *ONE_BY_ONE)
    assert (codes(result), kinds(result)) == ((10, [10, 10]), ["held-back", "max-duration"])
    assert result.json["error"]["message"] == (
        "stopped after 1h (--max-duration): nothing was sent; give it more time"
    )
    assert "EdgeKVPut" not in asked(edge)


def test_list_of_keys(kvsync, edge, numbered, glass, monkeypatch):
    """A list of keys that does not come is not waited for any longer than that."""

    async def keys(*_):
        await glass.heard()
        await asyncio.wait_for(asyncio.Event().wait(), 7200)
        yield ""

    monkeypatch.setattr(Namespace, "keys", keys)
    result = kvsync("sync", numbered("x", 1), "--refresh", "--delete-unmanaged", *BOUND)
    assert (codes(result), kinds(result), held(edge)) == ((10, [10]), ["max-duration"], {})


@pytest.mark.slow
@pytest.mark.parametrize(("method", "calls"), [("put", 42), ("get", 1)])
def test_verify(kvsync, edge, numbered, glass, method, calls):
    """A verification that there was no time for is exit 10; it says that everything is sent."""
    paths = [numbered("x", 41), numbered("y", 1)]
    with glass.after(method, calls):
        result = kvsync("sync", *paths, "--verify", *ONE_BY_ONE)
    assert (codes(result), kinds(result)) == ((10, [10, 10]), ["max-duration"] * 2)
    assert not any("verify" in run for run in result.json["runs"])
    assert result.json["error"]["message"] == (
        "stopped after 1h (--max-duration): everything is sent, but was not verified;"
        " run the same command again to go on"
    )
    assert len(held(edge)) == 42
    assert kvsync("sync", *paths, "--verify", *BOUND).code == 0


def test_copy_while_it_reads(kvsync, sides, glass):
    """A copy whose reading takes too long sends nothing."""
    sides.fill(41)
    with glass.after("get"):
        result = kvsync(*sides.command, *ONE_BY_ONE)
    assert (codes(result), kinds(result)) == ((10, [10]), ["max-duration"])
    assert result.json["error"]["message"] == (
        "reading zone-1/ns: stopped after 1h (--max-duration): nothing was sent; give it more time"
    )
    assert sides.target == {}
