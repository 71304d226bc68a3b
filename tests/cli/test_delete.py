"""``--delete`` and its guards, from the command line to what the service holds."""

import sqlite3
from contextlib import closing

import pytest

from tests.cli.watching import counted, held, long_ago


def keys_of(*numbers: int) -> str:
    """A manifest's keys."""
    return "keys: {" + ", ".join(f"k{n}: v" for n in numbers) + "}\n"


@pytest.fixture
def pushed(kvsync, edge, manifest):
    """Pushes what it is given, by m.yaml, an hour ago."""

    def push(text: str) -> None:
        manifest(text)
        assert kvsync("sync", "m.yaml").code == 0
        long_ago()

    return push


def test_an_orphan_goes(kvsync, edge, pushed, manifest):
    """What the source names no more is deleted, and forgotten; a second run does nothing."""
    pushed(keys_of(1, 2, 3))
    edge.put("zone-1", "ns", "k", "of somebody, and a prefix of ours")
    manifest(keys_of(1, 2, 4))
    planned = kvsync("plan", "m.yaml", "--delete")
    assert "  - k3        1 B  no longer in the source  (m.yaml:2)" in planned.out
    assert "1 to create, 0 to update, 0 to renew, 1 to delete; 2 unchanged." in planned.out
    assert "1 EdgeKVPut and 1 EdgeKVDelete requests, 1 B, " in planned.out
    assert "k3" in held(edge)
    result = kvsync("sync", "m.yaml", "--delete")
    assert (result.code, result.err) == (0, "")
    assert ": 1 created, 1 deleted, 2 unchanged; 1 B, 2 requests, " in result.out
    assert sorted(held(edge)) == ["k", "k1", "k2", "k4"]
    with counted(edge) as seen:
        again = kvsync("sync", "m.yaml", "--delete")
    assert (again.code, seen) == (0, {})
    assert "k3" not in kvsync("state", "show", "m.yaml").out


def test_without_delete_an_orphan_stays(kvsync, edge, pushed, manifest):
    """Orphans are listed, and are no change."""
    pushed(keys_of(1, 2))
    manifest(keys_of(1))
    assert kvsync("plan", "m.yaml", "--detailed-exitcode").code == 0
    assert kvsync("plan", "m.yaml", "--delete", "--detailed-exitcode").code == 2
    assert kvsync("sync", "m.yaml").code == 0
    assert sorted(held(edge)) == ["k1", "k2"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 20, 21, 61])
def test_batches(kvsync, edge, pushed, manifest, count):
    """Deletes take a request for 20 keys."""
    pushed(keys_of(*range(count), 1000))
    manifest(keys_of(1000))
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", "--delete", "--max-delete", "100%", "--json")
    assert seen == {"EdgeKVDelete": -(-count // 20)}
    summary = result.json["runs"][0]["summary"]
    assert (summary["delete"], summary["orphan"], summary["bytes"]) == (count, 0, 0)
    assert [c["action"] for c in result.json["runs"][0]["changes"]] == ["delete"] * count
    assert list(held(edge)) == ["k1000"]


def test_deletes_come_last(kvsync, serve_emulator, credentials, write, manifest):
    """A push that fails keeps everything from being deleted, and that is said."""
    edge = serve_emulator()
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "10000"]
    manifest("charset: utf-8\n" + keys_of(1, 2))
    assert kvsync("sync", "m.yaml", *target).code == 0
    manifest("charset: utf-8\nkeys: {k1: v, bad: {file: f, ttl: 999999999999}}\n")
    write("f", "x")
    result = kvsync("sync", "m.yaml", *target, "--delete", "--json")
    assert result.code == 6
    assert sorted(held(edge)) == ["k1", "k2"]
    assert "nothing was deleted, since not everything was pushed" in result.err
    summary = result.json["runs"][0]["summary"]
    assert (summary["delete"], summary["rejected"], summary["skipped"]) == (0, 1, 1)


def test_all_sources_push_before_any_deletes(kvsync, edge, write):
    """With several sources no delete comes before the last push, and one failure keeps all."""
    write("x.yaml", "version: 1\nkeys: {a: one, b: two}\n")
    write("y.yaml", "version: 1\nkeys: {c: one}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    write("x.yaml", "version: 1\nkeys: {a: new}\n")
    write("y.yaml", "version: 1\nkeys: {c: {value: x, ttl: 999999999999}}\n")
    result = kvsync("sync", "x.yaml", "y.yaml", "--delete", "--json")
    assert result.code == 6
    assert [run["exit_code"] for run in result.json["runs"]] == [6, 6]
    assert result.json["runs"][0]["error"]["kind"] == "held-back"
    assert held(edge)["b"] == "two"
    write("y.yaml", "version: 1\nkeys: {c: new}\n")
    assert kvsync("sync", "x.yaml", "y.yaml", "--delete").code == 0
    assert held(edge) == {"a": "new", "c": "new"}
    actions = [action for _, action in edge.arrivals]
    assert actions.index("EdgeKVDelete") == len(actions) - 1


def test_a_key_that_moves_is_nobodys_orphan(kvsync, edge, write):
    """A key that another source of the call names now is not deleted."""
    write("x.yaml", "version: 1\nkeys: {a: one, b: two}\n")
    write("y.yaml", "version: 1\nkeys: {c: one}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {b: two, c: one}\n")
    assert kvsync("sync", "x.yaml", "y.yaml", "--delete").code == 0
    assert held(edge) == {"a": "one", "b": "two", "c": "one"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owned", "gone", "options", "code"),
    [
        (30, 9, "", 0),
        (30, 10, "", 11),
        (40, 12, "", 0),
        (40, 13, "", 11),
        (40, 13, "--max-delete 13", 0),
        (40, 13, "--max-delete 12", 11),
        (40, 13, "--max-delete 33%", 0 if 13 <= 0.33 * 40 else 11),
        (40, 13, "--max-delete 32%", 11),
        (40, 13, "--force", 0),
        (40, 39, "--max-delete 12 --force", 0),
        (5, 1, "--max-delete 10%", 11),
        (5, 1, "--max-delete 0", 11),
        (5, 0, "--max-delete 0", 0),
    ],
)
def test_thresholds(kvsync, edge, pushed, manifest, owned, gone, options, code):
    """More than 30 % of the owned keys, and at least ten, are refused unless that is allowed."""
    pushed(keys_of(*range(owned)))
    manifest(keys_of(*range(gone, owned)))
    result = kvsync("sync", "m.yaml", "--delete", *options.split())
    assert (result.code, len(held(edge))) == (code, owned if code else owned - gone)
    if code:
        assert f"would delete {gone} of the {owned} keys that this source owns" in result.err
        assert "--max-delete" in result.err


def test_a_refused_plan_still_shows_what_would_go(kvsync, edge, pushed, manifest):
    """A dry run shows each key that would go, and that a sync would refuse it."""
    pushed(keys_of(*range(20)))
    manifest(keys_of(*range(10)))
    for command in (["plan"], ["sync", "-n"]):
        result = kvsync(*command, "m.yaml", "--delete")
        assert result.code == 11
        assert result.out.count("\n  - k1") == 10
        assert "would delete 10 of the 20 keys" in result.err


@pytest.mark.slow
def test_empty_source(kvsync, edge, pushed, manifest):
    """An empty source deletes nothing unless all may go; --force is not enough."""
    pushed(keys_of(1, 2))
    manifest("")
    assert kvsync("sync", "m.yaml").code == 0
    for options in ("", "--force", "--max-delete 2", "--max-delete 99%"):
        result = kvsync("sync", "m.yaml", "--delete", *options.split())
        assert (result.code, len(held(edge))) == (11, 2)
        assert "--max-delete 100%" in result.err
    assert kvsync("sync", "m.yaml", "--delete", "--max-delete", "100%").code == 0
    assert held(edge) == {}


def test_unreadable_file(kvsync, edge, write, clean_environment):
    """A file that cannot be read keeps its key, and all others, from being deleted."""
    for name in "abc":
        write(f"tree/{name}", "x")
    assert kvsync("sync", "tree").code == 0
    (clean_environment / "tree" / "a").unlink()
    (clean_environment / "tree" / "b").unlink()
    (clean_environment / "tree" / "b").symlink_to("nowhere")
    assert kvsync("sync", "tree", "--delete").code == 2
    assert sorted(held(edge)) == ["a", "b", "c"]


def test_a_file_that_vanishes_meanwhile(kvsync, edge, write, monkeypatch):
    """A file that cannot be read when its turn comes is a failed push: nothing is deleted."""
    for name in "ab":
        write(f"tree/{name}", "x")
    assert kvsync("sync", "tree").code == 0
    (write("tree/a", "new").parent / "b").unlink()
    from kvsync.sources.tree.tree import TreeReader

    real = TreeReader.values

    def values(self, wanted):
        (write("tree/a", "new")).unlink()
        return real(self, wanted)

    monkeypatch.setattr(TreeReader, "values", values)
    result = kvsync("sync", "tree", "--delete")
    assert (result.code, sorted(held(edge))) == (5, ["a", "b"])
    assert "nothing was deleted" in result.err


def test_only_deletes_nothing(kvsync, edge, pushed, manifest):
    """With --only nothing is deleted, and that is said."""
    pushed(keys_of(1, 2))
    manifest(keys_of(1))
    result = kvsync("sync", "m.yaml", "--delete", "--only", "k*")
    assert (result.code, len(held(edge))) == (0, 2)
    assert "with --only nothing is deleted" in result.err


def test_only_asks_for_no_list(kvsync, edge, pushed):
    """Where nothing can be deleted, nobody asks which keys the namespace has."""
    pushed(keys_of(1, 2))
    edge.put("zone-1", "ns", "k3", "stray")
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", "--refresh", "--delete-unmanaged", "--only", "k*")
    assert (result.code, len(held(edge)), seen) == (0, 3, {"EdgeKVGet": 1})
    assert "with --only nothing is deleted" in result.err


@pytest.mark.slow
def test_rewritten_orphan_is_kept(kvsync, edge, pushed, manifest):
    """An orphan that somebody else has written since is kept and reported, also later."""
    pushed(keys_of(1, 2, 3))
    edge.put("zone-1", "ns", "k2", "theirs")
    manifest(keys_of(1))
    for options in (["--refresh", "--delete"], ["--delete"]):
        result = kvsync("sync", "m.yaml", *options)
        assert (result.code, held(edge)) == (0, {"k1": "v", "k2": "theirs"})
        assert "not deleted, since somebody else has written them: k2" in result.err
    assert "written by somebody else, kept" in kvsync("plan", "m.yaml").out
    assert kvsync("state", "forget", "m.yaml", "--only", "k2").code == 0
    assert kvsync("sync", "m.yaml", "--delete").err == ""


def test_orphan_with_another_expiry(kvsync, edge, manifest):
    """An orphan that somebody gave another expiry is no longer what its source said of it."""
    manifest("keys: {a: {value: one, ttl: 1h}, b: two}\n")
    assert kvsync("sync", "m.yaml").code == 0
    long_ago()
    edge.put("zone-1", "ns", "a", "one")
    manifest("keys: {b: two}\n")
    assert kvsync("sync", "m.yaml", "--refresh").code == 0
    manifest("keys: {a: {value: one, ttl: 1h}, b: two}\n")
    (change,) = kvsync("plan", "m.yaml", "--json").json["runs"][0]["changes"]
    assert (change["key"], change["reason"]) == ("a", "expiry changed")


def test_vanished_orphan_is_forgotten(kvsync, edge, pushed, manifest):
    """An orphan that is gone already needs no delete."""
    pushed(keys_of(1, 2))
    edge.delete("zone-1", "ns", "k2")
    manifest(keys_of(1))
    with counted(edge) as seen:
        result = kvsync("sync", "m.yaml", "--refresh", "--delete")
    assert seen == {"EdgeKVGet": 1}
    assert "orphan" not in result.out + kvsync("plan", "m.yaml").out


def test_orphan_in_doubt(kvsync, edge, pushed, manifest):
    """An orphan whose last request went unanswered is deleted: the request was ours."""
    pushed(keys_of(1, 2))
    with closing(sqlite3.connect(".kvsync/state.db")) as connection, connection:
        connection.execute(
            "UPDATE entry SET checksum = NULL, in_doubt = 1, digest = x'' WHERE key = 'k2'"
        )
    manifest(keys_of(1))
    assert kvsync("sync", "m.yaml", "--refresh", "--delete").code == 0
    assert list(held(edge)) == ["k1"]


def test_mirror(kvsync, edge, write):
    """--delete-unmanaged leaves what sources name, and what the state gives to others."""
    write("x.yaml", "version: 1\nkeys: {a: one, b: two}\n")
    write("y.yaml", "version: 1\nkeys: {c: one}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    long_ago()
    for n in range(3):
        edge.put("zone-1", "ns", f"stray{n}", "x")
    edge.put("zone-1", "ns", "b", "theirs")
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    planned = kvsync("plan", "x.yaml", "--refresh", "--delete-unmanaged")
    assert planned.out.count("  unmanaged") == 3
    with counted(edge) as seen:
        result = kvsync("sync", "x.yaml", "--refresh", "--delete-unmanaged")
    assert (result.code, held(edge)) == (0, {"a": "one", "c": "one"})
    assert seen == {"EdgeKVGet": 1, "EdgeKVList": 1, "EdgeKVDelete": 1}


def test_mirror_of_several_sources(kvsync, edge, write):
    """The strays of a target are deleted once, whichever of its sources is first."""
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {c: one}\n")
    edge.put("zone-1", "ns", "stray", "x")
    result = kvsync("sync", "x.yaml", "y.yaml", "--refresh", "--delete-unmanaged", "--json")
    assert [run["summary"]["delete"] for run in result.json["runs"]] == [1, 0]
    assert held(edge) == {"a": "one", "c": "one"}


@pytest.mark.slow
def test_mirror_threshold(kvsync, edge, pushed):
    """Unmanaged deletes count against all keys that the namespace holds."""
    pushed(keys_of(*range(20)))
    for n in range(9):
        edge.put("zone-1", "ns", f"stray{n}", "x")
    assert kvsync("plan", "m.yaml", "--refresh", "--delete-unmanaged").code == 0
    edge.put("zone-1", "ns", "stray9", "x")
    refused = kvsync("sync", "m.yaml", "--refresh", "--delete-unmanaged")
    assert refused.code == 11
    assert "would delete 10 of the 30 keys that the namespace holds (33 %)" in refused.err
    assert len(held(edge)) == 30


def test_killed_while_deleting_strays(kvsync, edge, pushed, monkeypatch):
    """A stray whose delete went unanswered does not become ours: the state never had it."""
    pushed(keys_of(1))
    edge.put("zone-1", "ns", "stray", "x")
    monkeypatch.setattr("kvsync.state.sqlite.store.State.end_run", lambda *_: None)
    lost = "kvsync.edgekv.namespace.Namespace.delete"

    async def unanswered(*_: object) -> None:
        from kvsync.model.errors import PassingError

        raise PassingError("Timeout", "silence", in_doubt=True)

    with monkeypatch.context() as patch:
        patch.setattr(lost, unanswered)
        assert kvsync("sync", "m.yaml", "--refresh", "--delete-unmanaged").code == 5
    assert "stray" not in kvsync("state", "show", "m.yaml").out
    assert kvsync("sync", "m.yaml", "--delete").code == 0
    assert sorted(held(edge)) == ["k1", "stray"]


def test_interactive_shows_deletes(kvsync, edge, pushed, manifest, monkeypatch):
    """-i asks also when there is nothing but deletes."""
    import io

    pushed(keys_of(1, 2))
    manifest(keys_of(1))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = kvsync("sync", "m.yaml", "--delete", "-i")
    assert (result.code, len(held(edge))) == (0, 2)
    assert "  - k2" in result.err
