"""Namespaces that vanish and are made anew: what is made anew holds nothing."""

import asyncio
import io
import os
import time

import pytest

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.credentials import StaticCredentials
from kvsync.emulator.actions import ACTIONS
from kvsync.emulator.limits import Refusal
from kvsync.model.errors import StateError
from kvsync.state.sqlite import run_lock
from tests.cli.copying import rows
from tests.cli.failing import broken_puts
from tests.cli.watching import asked, counted, held, long_ago

FIVE = "keys: {a: v, b: v, c: v, d: v, e: v}\n"


def manage(edge, act: str, name: str = "ns") -> None:
    """What somebody does in the console."""

    async def managed() -> None:
        async with EdgeKVClient(StaticCredentials("AKIDtest", "s"), edge.url) as client:
            await getattr(client, f"{act}_namespace")("zone-1", name)

    asyncio.run(managed())


@pytest.fixture
def five(kvsync, edge, manifest, credentials):
    """Five keys that were synced; their namespace vanishes when it is called."""
    manifest(FIVE)
    assert kvsync("sync", "m.yaml").code == 0

    def vanish() -> None:
        manage(edge, "delete")

    return vanish


def summary(result):
    """What the one run did."""
    return result.json["runs"][0]["summary"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [FIVE.replace("a: v", "a: new"), FIVE, "keys: {a: v, b: v}\n"])
@pytest.mark.parametrize("options", [[], ["--refresh"], ["--delete", "--force"]])
def test_all_of_it_is_sent_in_the_same_run(kvsync, edge, manifest, five, change, options):
    """A namespace that sync makes anew gets all that the source names, changed or not."""
    five()
    manifest(change)
    result = kvsync("sync", "m.yaml", "--create-namespace", *options, "--json")
    count = change.count(":") - 1
    assert (result.code, summary(result)["create"], summary(result)["unchanged"]) == (0, count, 0)
    assert len(held(edge)) == count
    assert rows().keys() == held(edge).keys()
    assert "nothing to do" in kvsync("sync", "m.yaml").out


def test_a_source_that_names_nothing(kvsync, edge, manifest, five):
    """It is made where nothing is to be sent, too, and nothing is left to be deleted."""
    five()
    manifest("keys: {}\n")
    result = kvsync("sync", "m.yaml", "--create-namespace", "--delete", "--max-delete", "100%")
    assert (result.code, held(edge), rows()) == (0, {}, {})


@pytest.mark.slow
def test_all_sources_and_owners(kvsync, edge, write, five):
    """Rows of all owners are forgotten: of a source of the call that had nothing to do its keys
    are sent in the same run, those of one outside it by its next run."""
    write("x.yaml", "version: 1\nkeys: {x: v}\n")
    write("y.yaml", "version: 1\nkeys: {y: v}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    for source in ("y.yaml", "x.yaml"):
        kvsync("sync", source)
    five()
    write("x.yaml", "version: 1\nkeys: {x: new}\n")
    result = kvsync("sync", "x.yaml", "m.yaml", "--create-namespace", "--json")
    assert [run["summary"]["create"] for run in result.json["runs"]] == [1, 5]
    assert "1 created" in kvsync("sync", "y.yaml").out
    assert len(held(edge)) == 7


@pytest.mark.slow
def test_a_copy(kvsync, edge, credentials, five):
    """So it is with a copy."""
    to = ["copy", "--from-namespace", "ns", "--to-namespace", "other", "--create-namespace"]
    assert "5 created" in kvsync(*to).out
    manage(edge, "delete", "other")
    edge.put("zone-1", "ns", "a", "new")
    assert "5 created" in kvsync(*to).out
    assert len(edge.pairs("zone-1", "other")) == 5


@pytest.mark.slow
def test_a_namespace_that_was_made_by_somebody_else(kvsync, edge, five, manifest, monkeypatch):
    """One that is younger than what the state knows of it is another one."""
    five()
    later = time.time() + 30
    with monkeypatch.context() as patch:
        patch.setitem(ACTIONS, "CreateEdgeKVNamespace", _at(later))
        manage(edge, "create")
    result = kvsync("sync", "m.yaml", "--create-namespace", "--json")
    assert (result.code, summary(result)["update"], len(held(edge))) == (0, 5, 5)


def _at(moment):
    real = ACTIONS["CreateEdgeKVNamespace"]
    return lambda store, parameters, _: real(store, parameters, moment)


@pytest.mark.slow
@pytest.mark.parametrize("command", [["sync"], ["sync", "--refresh"], ["sync", "--delete"]])
def test_without_the_option_nothing_is_taken_for_granted(kvsync, edge, manifest, five, command):
    """A run that hears that the namespace is missing doubts all that it knew of it: whoever makes
    it anew, the next run sends everything."""
    five()
    manifest(FIVE.replace("a: v", "a: new") if command[-1] != "--delete" else "keys: {a: v}\n")
    assert kvsync(*command, "m.yaml", "--force" if "--delete" in command else "-v").code == 7
    assert all(row.in_doubt for row in rows().values())
    manage(edge, "create")
    manifest(FIVE)
    assert kvsync("sync", "m.yaml").code == 0
    assert len(held(edge)) == 5


@pytest.mark.slow
def test_namespaces_create(kvsync, edge, five):
    """What `namespaces create` makes holds nothing, as far as the state that is here knows of it;
    one that is there already is not made anew."""
    result = kvsync("namespaces", "create", "ns")
    assert result.code == 6
    assert not any(row.in_doubt for row in rows().values())
    five()
    assert kvsync("namespaces", "create", "ns").code == 0
    assert rows() == {}
    assert "5 created" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_namespaces_create_tells_who_forgets(kvsync, edge, five):
    """It names the state that it asked, and says what those need that it knows nothing of."""
    five()
    assert kvsync("sync", "m.yaml", "--state", "other.db", "--create-namespace").code == 0
    manage(edge, "delete")
    result = kvsync("namespaces", "create", "ns", "--json")
    state = os.path.abspath(".kvsync/state.db")
    assert (result.json["state"], result.json["forgotten"]) == (state, 5)
    assert (
        f"warning: {state} no longer believes what it knew of an earlier ns (5 keys)" in result.err
    )
    assert "any other state that knows one, sync with --refresh" in result.err
    long_ago("other.db")
    assert "5 created" in kvsync("sync", "m.yaml", "--state", "other.db", "--refresh").out
    result = kvsync("namespaces", "create", "fresh", "--json")
    assert (result.json["state"], result.json["forgotten"]) == (None, 0)
    assert f"an earlier fresh, sync with --refresh ({state} knows none)" in result.err


def test_namespaces_create_beside_a_run(kvsync, edge, five):
    """While another run holds the state that would have to forget, nothing is made."""
    five()
    with run_lock(".kvsync/state.db"), counted(edge) as seen:
        assert kvsync("namespaces", "create", "ns").code == 12
    assert seen == {}


@pytest.mark.slow
def test_killed_between(kvsync, edge, five, monkeypatch):
    """What the state knew is in doubt before the namespace is made: a run that ends right after
    that, however it ends, leaves nothing that would be believed."""
    five()

    def killed(*_):
        raise StateError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr("kvsync.state.sqlite.store.forget_all", killed)
        assert kvsync("sync", "m.yaml", "--create-namespace").code == 4
    assert (held(edge), len(rows())) == ({}, 5)
    assert all(row.in_doubt for row in rows().values())
    assert "5 updated" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_somebody_was_faster(kvsync, edge, manifest, five, monkeypatch):
    """A Create that is refused since the namespace is there by then has made nothing anew: with
    rows to be looked at once more the run ends, and the next one sends all of it."""
    five()
    real = ACTIONS["CreateEdgeKVNamespace"]

    def refused(store, parameters, now):
        real(store, parameters, now)
        raise Refusal("OperationDenied.NamespaceAlreadyExists", "there is one")

    with monkeypatch.context() as patch:
        patch.setitem(ACTIONS, "CreateEdgeKVNamespace", refused)
        result = kvsync("sync", "m.yaml", "--create-namespace")
    assert (result.code, "run again" in result.err, held(edge)) == (5, True, {})
    assert len(rows()) == 5
    assert "5 updated" in kvsync("sync", "m.yaml", "--create-namespace").out


@pytest.mark.slow
def test_an_answer_that_was_lost(kvsync, edge, manifest, five, monkeypatch):
    """It is so after a Create whose first answer was lost, and where nothing was known before, the
    run goes on."""
    real = ACTIONS["CreateEdgeKVNamespace"]

    def lost(*args):
        real(*args)
        raise Refusal("InternalError", "it was carried out all the same")

    five()
    monkeypatch.setitem(ACTIONS, "CreateEdgeKVNamespace", lost)
    result = kvsync("sync", "m.yaml", "--create-namespace")
    assert (result.code, "run again" in result.err) == (5, True)
    assert "5 updated" in kvsync("sync", "m.yaml", "--create-namespace").out
    result = kvsync("sync", "m.yaml", "--create-namespace", "--namespace", "fresh")
    assert (result.code, len(edge.pairs("zone-1", "fresh"))) == (0, 5)


def test_a_create_that_fails_keeps_all_of_its_sources(kvsync, edge, write, five, monkeypatch):
    """Where the namespace cannot be made nothing is sent for any source that goes there."""

    def refused(*_):
        raise Refusal("LimitExceeded.NamespaceLimitExceeded", "too many")

    write("x.yaml", "version: 1\nkeys: {x: v}\n")
    five()
    monkeypatch.setitem(ACTIONS, "CreateEdgeKVNamespace", refused)
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", "x.yaml", "--create-namespace", "--json")
    assert [run["exit_code"] for run in result.json["runs"]] == [result.code] * 2
    assert result.code in {6, 7}
    assert set(seen) == {"DescribeEdgeKVNamespaces", "CreateEdgeKVNamespace"}


@pytest.mark.slow
def test_nothing_to_do_is_asked_for(kvsync, edge, five):
    """With the option each run asks whether the namespace is there, also if nothing has changed;
    a plan asks nobody."""
    for _ in range(2):
        with counted(edge) as seen:
            assert "nothing to do" in kvsync("sync", "m.yaml", "--create-namespace").out
        assert seen == {"DescribeEdgeKVNamespaces": 1}
    five()
    with counted(edge) as seen:
        assert kvsync("plan", "m.yaml", "--create-namespace").code == 0
    assert seen == {}
    assert "5 to create" in kvsync("plan", "m.yaml", "--create-namespace", "--refresh").out
    assert not any(row.in_doubt for row in rows().values())


def test_said_no(kvsync, edge, five, monkeypatch):
    """The plan that is asked about has all that will be sent, and without a yes nothing is made."""
    five()
    before = asked(edge)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = kvsync("sync", "m.yaml", "--create-namespace", "-i")
    assert "5 to create" in result.out + result.err
    assert asked(edge).get("CreateEdgeKVNamespace") == before.get("CreateEdgeKVNamespace")


@pytest.mark.slow
def test_pushes_that_fail_after_it(kvsync, edge, five):
    """What does not get through into the new namespace is not taken for there."""
    five()
    with broken_puts(2):
        result = kvsync("sync", "m.yaml", "--create-namespace", "--retries", "0")
    assert (result.code, len(held(edge))) == (5, 3)
    assert kvsync("sync", "m.yaml").code == 0
    assert len(held(edge)) == 5
