"""``kvsync state rebuild``: a state made anew from what the target holds."""

import sqlite3
from contextlib import closing

import pytest

from kvsync.state.sqlite import run_lock
from tests.cli.spoiling import STATE, altered, noise, set_aside
from tests.cli.watching import counted, held, long_ago

LOST = "keys that the source no longer names are nobody's now: `kvsync verify --exact` lists them"


def keys_of(count: int) -> str:
    """A manifest of so many keys."""
    return "keys: {" + ", ".join(f"k{n}: v{n}" for n in range(count)) + "}\n"


@pytest.fixture
def pushed(kvsync, edge, manifest):
    """Pushes what it is given, by m.yaml, an hour ago."""

    def push(text: str) -> None:
        manifest(text)
        assert kvsync("sync", "m.yaml").code == 0
        long_ago()

    return push


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 20, 21])
def test_damaged(kvsync, edge, pushed, count):
    """A damaged state is set aside as it is, and the new one knows what the target holds: by a Get
    for 20 keys, and no other request."""
    pushed(keys_of(count))
    noise(0, 1000)
    before = STATE.read_bytes()
    assert kvsync("sync", "m.yaml").code == 4
    with counted(edge) as seen:
        result = kvsync("state", "rebuild", "m.yaml")
    gets = -(-count // 20)
    words = f"{count} key{'s' * (count > 1)} as wanted; the next sync sends nothing."
    assert (result.code, seen) == (0, {"EdgeKVGet": gets})
    assert result.out == f"m.yaml → zone-1/ns: {words} {gets} request{'s' * (gets > 1)}.\n"
    (aside,) = set_aside()
    assert aside.read_bytes() == before
    assert result.errors == [
        "kvsync: warning: m.yaml: the state was damaged (file is not a database), and is now at"
        f" {aside.resolve()}",
        "kvsync: warning: m.yaml: nothing of it was kept: other sources and targets that it knew"
        " need a rebuild, too",
        f"kvsync: warning: m.yaml: {LOST}",
    ]
    assert f"nothing to do; {count} key" in kvsync("sync", "m.yaml").out
    assert kvsync("state", "check", "m.yaml").code == 0


def test_no_state(kvsync, edge, manifest):
    """Without a state a key that holds what the source says is known; all others are sent next."""
    for key, value in (("a", "one"), ("b", "theirs"), ("stray", "x")):
        edge.put("zone-1", "ns", key, value)
    manifest("keys: {a: one, b: two, c: three}\n")
    result = kvsync("state", "rebuild", "m.yaml", "--json")
    (run,) = result.json["runs"]
    assert (result.code, result.json["command"]) == (0, "state rebuild")
    assert [(change["action"], change["key"]) for change in run["changes"]] == [
        ("update", "b"), ("create", "c"),
    ]  # fmt: skip
    assert run["warnings"] == [LOST]
    assert (run["summary"]["unchanged"], run["summary"]["requests"]) == (1, {"EdgeKVPut": 2})
    assert held(edge) == {"a": "one", "b": "theirs", "stray": "x"}
    assert [key["key"] for key in kvsync("state", "show", "m.yaml", "--json").json["keys"]] == ["a"]
    assert "2 created, 1 unchanged" in kvsync("sync", "m.yaml").out
    assert "+ stray" in kvsync("verify", "m.yaml", "--exact").out


@pytest.mark.slow
def test_sound(kvsync, edge, pushed):
    """A sound state is kept, with whose each key is, and corrected by what the target holds."""
    pushed("keys: {a: one, b: two, c: three, gone: x}\n")
    pushed("keys: {a: one, b: two, c: three}\n")
    edge.put("zone-1", "ns", "a", "theirs")
    edge.delete("zone-1", "ns", "b")
    result = kvsync("state", "rebuild", "m.yaml", "-v")
    assert (result.code, result.err, set_aside()) == (0, "", [])
    assert "  ~ a           3 B  drifted  (m.yaml:2)\n" in result.out
    assert "  + b           3 B  missing remotely  (m.yaml:2)\n" in result.out
    assert "1 key as wanted, 1 orphan; the next sync sends 2 keys. 1 request.\n" in result.out
    assert "1 created, 1 updated, 1 unchanged, 1 orphan" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_other_targets_of_a_sound_state(kvsync, edge, pushed):
    """Of a sound state only what is said of this target is corrected."""
    pushed("keys: {a: one}\n")
    assert kvsync("namespaces", "create", "other").code == 0
    assert kvsync("sync", "m.yaml", "--namespace", "other").code == 0
    for namespace in ("ns", "other"):
        edge.put("zone-1", namespace, "a", "theirs")
    long_ago()
    before = rows("other")
    assert kvsync("state", "rebuild", "m.yaml").code == 0
    assert rows("other") == before
    assert "1 to update" in kvsync("plan", "m.yaml").out
    assert "1 unchanged" in kvsync("plan", "m.yaml", "--namespace", "other").out


def rows(namespace: str) -> list[tuple]:
    """What the state says of a namespace."""
    with closing(sqlite3.connect(STATE)) as connection:
        sql = (
            "SELECT entry.* FROM entry JOIN target ON target = id WHERE namespace = ? ORDER BY key"
        )
        return connection.execute(sql, (namespace,)).fetchall()


@pytest.mark.slow
def test_rows_that_are_as_they_were_written(kvsync, edge, write):
    """Where the file is built as it should be, all rows but the spoiled ones are kept: of other
    sources, too, and with them whose each key is."""
    write("x.yaml", "version: 1\nkeys: {a: one, b: two, old: x}\n")
    write("y.yaml", "version: 1\nkeys: {c: three}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    write("x.yaml", "version: 1\nkeys: {a: one, b: two}\n")
    long_ago()
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    altered("UPDATE entry SET runs_out = 1e12, checksum = 7 WHERE key = 'b'")
    refused = kvsync("sync", "x.yaml")
    assert refused.code == 4
    assert "a row is not as it was written" in refused.err
    result = kvsync("state", "rebuild", "x.yaml")
    assert result.code == 0
    assert "3 rows that it held as they were written were kept\n" in result.err
    assert "x.yaml → zone-1/ns: 2 keys as wanted, 1 orphan; the next sync sends noth" in result.out
    with counted(edge) as seen:
        assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    assert seen == {}


def test_of_another_program(kvsync, edge, manifest, write):
    """A file of another program is set aside, whole, since it was asked for."""
    manifest("keys: {a: one}\n")
    write(str(STATE), "")
    altered("CREATE TABLE bookmarks (url)")
    before = STATE.read_bytes()
    assert kvsync("state", "rebuild", "m.yaml").code == 0
    assert [aside.read_bytes() for aside in set_aside()] == [before]


def test_newer(kvsync, edge, pushed):
    """A state of another version is refused, and left as it was."""
    pushed("keys: {a: one}\n")
    altered("PRAGMA user_version = 99")
    before = STATE.read_bytes()
    assert kvsync("state", "rebuild", "m.yaml").code == 4
    assert (STATE.read_bytes(), set_aside()) == (before, [])


@pytest.mark.slow
def test_never_overwritten(kvsync, edge, pushed, monkeypatch):
    """What was set aside stays, also when the next one is set aside within the same second."""
    monkeypatch.setattr("kvsync.state.sqlite.location._now", lambda: "20261123T030000")
    pushed("keys: {a: one}\n")
    for content in (b"noise one", b"noise two"):
        STATE.write_bytes(content)
        assert kvsync("state", "rebuild", "m.yaml").code == 0
    assert [(aside.name, aside.read_bytes()) for aside in set_aside()] == [
        ("state.db.damaged-20261123T030000", b"noise one"),
        ("state.db.damaged-20261123T030000-2", b"noise two"),
    ]


@pytest.mark.slow
def test_what_lies_beside_goes_along(kvsync, edge, pushed):
    """A journal of the damaged file is not taken for the new one's."""
    pushed("keys: {a: one}\n")
    noise(0, 4096)
    for ending in ("-journal", "-wal", "-shm"):
        STATE.with_name(STATE.name + ending).write_bytes(b"left behind")
    assert kvsync("state", "rebuild", "m.yaml").code == 0
    names = {aside.name.rpartition("-")[2] for aside in set_aside()}
    assert {"journal", "wal", "shm"} < names
    assert not list(STATE.parent.glob("state.db-*"))
    assert kvsync("sync", "m.yaml").out.startswith("m.yaml → zone-1/ns: nothing to do")


def test_bad_source(kvsync, edge, pushed, manifest):
    """As long as a source has mistakes nothing is set aside."""
    pushed("keys: {a: one}\n")
    noise(0, 100)
    manifest("keys: {a: 1}\n")
    with counted(edge) as seen:
        assert kvsync("state", "rebuild", "m.yaml").code == 2
    assert (seen, set_aside()) == ({}, [])


def test_target_out_of_reach(kvsync, edge, pushed):
    """If the target cannot be read the state knows nothing, so that all is sent, and says so."""
    pushed("keys: {a: one}\n")
    noise(0, 100)
    result = kvsync("state", "rebuild", "m.yaml", "--namespace", "nowhere")
    assert result.code == 7
    assert "the state was damaged" in result.err
    assert "1 to create, 0 to update" in kvsync("plan", "m.yaml").out


def test_held(kvsync, edge, pushed):
    """While another run holds the state nothing is touched."""
    pushed("keys: {a: one}\n")
    noise(0, 100)
    with run_lock(str(STATE.resolve())):
        assert kvsync("state", "rebuild", "m.yaml").code == 12
    assert set_aside() == []


@pytest.mark.slow
def test_two_sources(kvsync, edge, write):
    """Several sources with one state: it is set aside once, and knows the keys of them all."""
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {b: two}\n")
    assert kvsync("sync", "x.yaml", "y.yaml").code == 0
    noise(0, 100)
    result = kvsync("state", "rebuild", "x.yaml", "y.yaml")
    assert (result.code, len(set_aside())) == (0, 1)
    assert result.out.count("1 key as wanted; the next sync sends nothing.") == 2
    assert kvsync("sync", "x.yaml", "y.yaml").out.count("nothing to do; 1 key unchanged") == 2


def test_foreign_keys_of_a_sound_state(kvsync, edge, write):
    """A key that a sound state gives to another source is refused, and taken over by --adopt."""
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {a: one}\n")
    assert kvsync("sync", "x.yaml").code == 0
    assert kvsync("state", "rebuild", "y.yaml").code == 11
    assert kvsync("state", "rebuild", "y.yaml", "--adopt").code == 0
    assert "nothing to do; 1 key unchanged" in kvsync("sync", "y.yaml").out


def test_state_within_the_tree(kvsync, edge, write):
    """What was set aside within a tree is no part of it."""
    write("tree/a", "one")
    write("tree/my.db", "noise " * 1000)
    where = ["tree", "--state", "tree/my.db"]
    assert kvsync("state", "rebuild", *where).code == 0
    assert kvsync("sync", *where).code == 0
    assert held(edge) == {"a": "one"}


@pytest.mark.slow
def test_local(kvsync, manifest):
    """With --local the emulator inside is asked, and no account is needed."""
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml", "--local").code == 0
    noise(0, 100)
    result = kvsync("state", "rebuild", "m.yaml", "--local")
    assert (result.code, "1 key as wanted" in result.out) == (0, True)
    assert "nothing to do" in kvsync("sync", "m.yaml", "--local").out


def test_needs_credentials(kvsync, manifest, clean_environment):
    """Without credentials nothing can be learnt: exit 7."""
    manifest("zone: zone-1\nnamespace: ns\nkeys: {a: one}\n")
    assert kvsync("state", "rebuild", "m.yaml").code == 7
