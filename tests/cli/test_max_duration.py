"""``--max-duration``: a call that takes too long stops softly, and the next one goes on."""

import asyncio
import os
import signal

import pytest

from kvsync.edgekv.client import Namespace
from kvsync.model.errors import RejectedError
from kvsync.state.sqlite import State
from tests.cli.copying import rows
from tests.cli.failing import manifest_of
from tests.cli.hourglass import BOUND, ONE_BY_ONE, codes, kinds
from tests.cli.watching import asked, counted, held, long_ago


def test_soft_stop(kvsync, edge, manifest, glass, clean_environment):
    """Once the time is over nothing more is sent: exit 10, the state saved, the rest skipped."""
    manifest(manifest_of(*range(20)))
    with glass.after("put", 5):
        result = kvsync("sync", "m.yaml", *ONE_BY_ONE)
    assert codes(result) == (10, [10])
    assert result.json["error"] == result.json["runs"][0]["error"] == {
        "kind": "max-duration",
        "message": "stopped after 1h (--max-duration): 5 of 20 changes made;"
        " run the same command again to go on",
        "details": [],
    }  # fmt: skip
    assert result.errors == [
        "kvsync: stopping after 1h (--max-duration): requests in flight get 10 s to finish",
        f"kvsync: error: {result.json['error']['message']}",
    ]
    summary = result.json["runs"][0]["summary"]
    assert (summary["create"], summary["skipped"], summary["failed"]) == (5, 15, 0)
    assert len(held(edge)) == asked(edge)["EdgeKVPut"] == 5
    with State.read(str(clean_environment / ".kvsync" / "state.db")) as state:
        (target,) = state.targets()
        assert set(state.rows(target)) == set(held(edge))
        assert state.runs(target, "./m.yaml")[0].exit_code == 10


@pytest.mark.slow
def test_the_next_run_goes_on(kvsync, edge, manifest, glass, monkeypatch):
    """Each run sends what those before it have left, until one is in time."""
    manifest(manifest_of(*range(20)))
    monkeypatch.setenv("KVSYNC_MAX_DURATION", "1h")
    monkeypatch.setenv("KVSYNC_WORKERS", "1")
    for sent in (8, 16):
        with glass.after("put", 8):
            assert kvsync("sync", "m.yaml").code == 10
        assert len(held(edge)) == sent
    with counted(edge) as seen:
        assert kvsync("sync", "m.yaml").code == 0
    assert (len(held(edge)), seen["EdgeKVPut"]) == (20, 4)


@pytest.mark.parametrize(("keys", "code"), [(1, 0), (2, 10)])
def test_in_flight(kvsync, edge, manifest, glass, keys, code):
    """What is in flight when the time is over may finish, and if that was all, the run is done."""
    manifest(manifest_of(*range(keys)))
    with glass.after("put"):
        result = kvsync("sync", "m.yaml", *ONE_BY_ONE)
    assert (codes(result), len(held(edge))) == ((code, [code]), 1)


@pytest.mark.parametrize("keys", [1, 2])
def test_end_of_the_grace(kvsync, edge, manifest, glass, monkeypatch, keys):
    """What does not finish within the grace time stays in doubt, and is left for the next run."""
    manifest(manifest_of(*range(keys)))

    async def put(*_):
        await glass.heard()
        await asyncio.Event().wait()

    monkeypatch.setattr(Namespace, "put", put)
    result = kvsync("sync", "m.yaml", *ONE_BY_ONE, "--grace", "0")
    (failure,) = result.json["runs"][0]["failures"]
    assert (result.code, failure["code"], kinds(result)) == (10, "Interrupted", ["max-duration"])
    assert [key for key, row in rows().items() if row.in_doubt] == [failure["key"]]


def test_signals_during_the_grace(kvsync, edge, manifest, glass, monkeypatch):
    """After the time is over, the second signal stops at once, as ever; the exit code is its."""
    manifest(manifest_of(1, 2))

    async def put(*_):
        await glass.heard()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    monkeypatch.setattr(Namespace, "put", put)
    result = kvsync("sync", "m.yaml", *ONE_BY_ONE, "--grace", "5h")
    assert (codes(result), kinds(result)) == ((143, [143]), [None])
    assert result.errors[1] == (
        "kvsync: stopping: requests in flight get 18000 s to finish; once more stops at once"
    )


def test_several_sources(kvsync, edge, numbered, glass):
    """Sources that the time was too short for are not taken up; the next run does just these."""
    paths = [numbered("x", 2), numbered("y", 4), numbered("z", 3)]
    with glass.after("put", 3):
        result = kvsync("sync", *paths, *ONE_BY_ONE)
    assert codes(result) == (10, [0, 10, 10])
    assert [run["summary"]["skipped"] for run in result.json["runs"]] == [0, 3, 3]
    assert result.json["runs"][2]["error"]["message"].startswith(
        "stopped after 1h (--max-duration): 0 of 3 changes made"
    )
    with counted(edge) as seen:
        assert kvsync("sync", *paths, *BOUND).code == 0
    assert (len(held(edge)), seen["EdgeKVPut"]) == (9, 6)


@pytest.mark.slow
def test_deletes_are_held_back(kvsync, edge, numbered, glass):
    """Nothing is deleted for any source once the time is over, and the next run does delete."""
    paths = [numbered("x", 3), numbered("y", 1)]
    kvsync("sync", *paths)
    long_ago()
    numbered("x", 2)
    numbered("y", 3)
    with glass.after("put"):
        result = kvsync("sync", *paths, "--delete", *ONE_BY_ONE)
    assert (codes(result), kinds(result)) == ((10, [10, 10]), ["held-back", "max-duration"])
    assert "kvsync: error: x.yaml: not deleted, because y.yaml was stopped" in result.errors
    assert "EdgeKVDelete" not in asked(edge)
    assert "x2" in held(edge)
    assert kvsync("sync", *paths, "--delete", *BOUND).code == 0
    assert sorted(held(edge)) == ["x0", "x1", "y0", "y1", "y2"]


def test_before_the_deletes(kvsync, edge, numbered, write, glass):
    """Time that is over with the last push leaves all deletes for the next run."""
    path = numbered("x", 3)
    kvsync("sync", path)
    long_ago()
    write(path, "version: 1\nkeys: {x0: v, x1: new}\n")
    with glass.after("put"):
        result = kvsync("sync", path, "--delete", *ONE_BY_ONE)
    assert (codes(result), kinds(result)) == ((10, [10]), ["max-duration"])
    assert held(edge) == {"x0": "v", "x1": "new", "x2": "v"}


@pytest.mark.slow
def test_amid_the_deletes(kvsync, edge, numbered, glass):
    """Deletes stop as pushes do, twenty keys being one request."""
    path = numbered("x", 61)
    kvsync("sync", path)
    long_ago()
    numbered("x", 1)
    delete = ("sync", path, "--delete", "--force", *ONE_BY_ONE)
    with glass.after("delete"):
        result = kvsync(*delete)
    summary = result.json["runs"][0]["summary"]
    assert (codes(result), summary["delete"], summary["skipped"]) == ((10, [10]), 20, 40)
    assert (kvsync(*delete).code, sorted(held(edge))) == (0, ["x0"])


def test_order_of_exit_codes(kvsync, edge, numbered, glass, monkeypatch):
    """Of a source with a rejected key and one that was stopped, the latter decides."""
    paths = [numbered("x", 2), numbered("y", 2)]
    real = Namespace.put

    async def put(namespace, key, *args):
        if key == "x0":
            raise RejectedError("InvalidParameter", "no such key")
        return await real(namespace, key, *args)

    monkeypatch.setattr(Namespace, "put", put)
    with glass.after("put", 2):
        result = kvsync("sync", *paths, *ONE_BY_ONE)
    assert (codes(result), kinds(result)) == ((10, [6, 10]), [None, "max-duration"])
    assert result.json["error"]["kind"] == "max-duration"


@pytest.mark.slow
def test_copy_while_it_sends(kvsync, sides, glass):
    """A copy goes on where the time was over."""
    sides.fill(41)
    with glass.after("put", 7):
        result = kvsync(*sides.command, *ONE_BY_ONE)
    assert (codes(result), len(sides.target)) == ((10, [10]), 7)
    with counted(sides.new) as seen:
        assert kvsync(*sides.command, *BOUND).code == 0
    assert (sides.target, seen["EdgeKVPut"]) == (sides.source, 34)


@pytest.mark.parametrize("duration", ["0", "-1", "soon"])
def test_no_duration(kvsync, manifest, duration):
    """A duration that no call could keep to is bad usage."""
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml", "--max-duration", duration).code == 2
