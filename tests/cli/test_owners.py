"""Whose keys are deleted, and whose are refused: by name or by place, also after an upgrade."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.spoiling import STATE, altered
from tests.cli.watching import held

DELETING = ["--delete", "--force", "--max-delete", "100%"]


def _owners(path: Path = STATE) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, owner FROM entry"))


@pytest.fixture
def older() -> Callable[..., None]:
    """Lets a state be as an earlier version has left it: with these owners in place of its own."""

    def made(owners: dict[str, str], path: Path = STATE) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TABLE older_owner")
            for new, old in owners.items():
                for table in ("entry", "run"):
                    sql = f"UPDATE {table} SET owner = ? WHERE owner = ?"
                    connection.execute(sql, (old, new))
            connection.execute("UPDATE entry SET checksum = NULL")

    return made


@pytest.mark.parametrize("shared", ["folder", "file"])
def test_two_folders_that_share_a_state(kvsync, edge, write, shared):
    """Neither deletes what is the other's, also where both are called `.` from within."""
    Path("shared").mkdir()
    for site in ("site1", "site2"):
        write(f"{site}/{site}", "x")
        if shared == "folder":
            Path(site, ".kvsync").symlink_to("../shared")
        else:
            Path(site, ".kvsync").mkdir()
            Path(site, ".kvsync/state.db").symlink_to("../../shared/state.db")
    for _ in range(2):
        for site in ("site1", "site2"):
            result = kvsync("sync", site, *DELETING)
            assert (result.code, "deleted" in result.out) == (0, False)
    assert sorted(held(edge)) == ["site1", "site2"]
    here = os.getcwd()
    assert set(_owners(Path("shared/state.db")).values()) == {f"{here}/site1", f"{here}/site2"}


@pytest.mark.slow
def test_an_older_shared_state_is_nobodys(kvsync, edge, write, older):
    """Whose rows of `.` they are cannot be told: that has to be said."""
    write("site/a", "x")
    Path("shared").mkdir()
    Path("site/.kvsync").symlink_to("../shared")
    assert kvsync("sync", "site").code == 0
    older({f"{os.getcwd()}/site": "."}, Path("shared/state.db"))
    write("site/b", "x")
    refused = kvsync("sync", "site", *DELETING)
    assert (refused.code, "a is owned by .; if you renamed it, --adopt" in refused.err) == (
        11,
        True,
    )
    assert kvsync("sync", "site", "--adopt").code == 0


def test_names_that_look_alike(kvsync, edge, write):
    """Two manifests whose names are shown alike are two owners."""
    write("a\nb.yaml", "version: 1\nkeys: {one: x}\n")
    write("a\\x0ab.yaml", "version: 1\nkeys: {two: x}\n")
    for name in ("a\nb.yaml", "a\\x0ab.yaml", "a\nb.yaml"):
        result = kvsync("sync", name, *DELETING)
        assert (result.code, "deleted" in result.out) == (0, False)
    assert sorted(held(edge)) == ["one", "two"]
    assert len(kvsync("state", "list", "a\nb.yaml").out.splitlines()) == 2
    listed = kvsync("state", "list", "a\nb.yaml", "--json").json["owners"]
    assert {one["owner"] for one in listed} == {"./a\nb.yaml", "./a\\x0ab.yaml"}


def test_a_name_that_is_no_text(kvsync, edge, write):
    """A file's name may be any bytes: its keys are kept, found again and deleted."""
    name = os.fsdecode(b"m\xe9.yaml")
    write(name, "version: 1\nkeys: {a: x, b: x}\n")
    assert kvsync("sync", name, "--failures", "f.jsonl").code == 0
    assert json.loads(Path("f.jsonl").read_text())["owner"] == "./m\\xe9.yaml/"
    write(name, "version: 1\nkeys: {a: x}\n")
    assert kvsync("sync", name, *DELETING).code == 0
    assert sorted(held(edge)) == ["a"]
    assert kvsync("state", "show", name).code == 0


def test_a_name_that_is_a_place(kvsync, edge, write):
    """A manifest called as another one's file lets its keys alone, and has its own let alone."""
    write("a.yaml", "version: 1\nname: b.yaml\nkeys: {a: x, a2: x}\n")
    write("b.yaml", "version: 1\nkeys: {b: x}\n")
    for name in ("a.yaml", "b.yaml", "a.yaml", "b.yaml"):
        result = kvsync("sync", name, *DELETING)
        assert (result.code, "deleted" in result.out) == (0, False)
    assert sorted(held(edge)) == ["a", "a2", "b"]
    assert _owners() == {"a": "b.yaml", "a2": "b.yaml", "b": "./b.yaml"}


@pytest.mark.parametrize("name", [".", "./b.yaml", "../x", "/srv/x", "copy:zone-1/ns"])
def test_a_name_that_may_not_be(kvsync, edge, write, name):
    """It is an error that says so: in a manifest with its line, else with the option."""
    write("m.yaml", f"version: 1\nname: {name}\nkeys: {{a: x}}\n")
    write("site/a", "x")
    write("d.jsonl", '{"key": "d", "value": "1"}\n')
    refused = kvsync("sync", "m.yaml")
    assert (refused.code, refused.err.startswith("m.yaml:2:7: name may not be")) == (2, True)
    for source in ("site", "d.jsonl"):
        refused = kvsync("sync", source, "--name", name)
        assert (refused.code, "--name may not be" in refused.err) == (2, True)
    copying = ["--from-zone", "zone-1", "--from-namespace", "x", "--name", name]
    assert kvsync("copy", *copying, "--to-zone", "z", "--to-namespace", "n").code == 2
    assert held(edge) == {}


@pytest.mark.slow
def test_a_link_that_is_led_elsewhere(kvsync, edge, write):
    """The next release, and the next version of a mounted manifest, own what the last one did."""
    for number in "12":
        write(f"app/releases/{number}/v{number}", number)
        write(f"map/..{number}/m.yaml", f"version: 1\nkeys: {{m{number}: x}}\n")
    Path("map/m.yaml").symlink_to("..data/m.yaml")
    for number in "12":
        for link, target in (("app/current", f"releases/{number}"), ("map/..data", f"..{number}")):
            Path(link).unlink(missing_ok=True)
            Path(link).symlink_to(target)
        assert kvsync("sync", "app/current", "--state", "app/s.db", *DELETING).code == 0
        assert kvsync("sync", "map/m.yaml", "--state", "map/s.db", *DELETING).code == 0
        assert sorted(held(edge)) == [f"m{number}", f"v{number}"]


@pytest.mark.slow
def test_an_upgrade(kvsync, edge, write, older):
    """Rows of the same source are taken over without a word, and runs, too; no others are."""
    write("m.yaml", "version: 1\nkeys: {a: x, b: x}\n")
    write("n.yaml", "version: 1\nname: mine\nkeys: {n: x}\n")
    assert kvsync("sync", "m.yaml").code == kvsync("sync", "n.yaml").code == 0
    older({"./m.yaml": "m.yaml"})
    assert kvsync("state", "list", "m.yaml", "--json").json["owners"][0]["owner"] == "m.yaml"
    before = STATE.read_bytes()
    write("m.yaml", "version: 1\nkeys: {a: x}\n")
    planned = kvsync("plan", "m.yaml", *DELETING)
    assert (planned.code, "- b" in planned.out, planned.err) == (0, True, "")
    assert kvsync("verify", "m.yaml").code == 0
    assert STATE.read_bytes() == before
    assert kvsync("sync", "m.yaml", *DELETING).code == 0
    assert _owners() == {"a": "./m.yaml", "n": "mine"}
    assert sorted(held(edge)) == ["a", "n"]
    with closing(sqlite3.connect(STATE)) as connection:
        owners = [owner for (owner,) in connection.execute("SELECT owner FROM run")]
    assert sorted(owners) == ["./m.yaml", "./m.yaml", "mine"]


def test_an_upgrade_behind_a_link(kvsync, edge, write, older):
    """What an earlier version knew by where the link led is the same source's."""
    write("app/releases/1/a", "x")
    Path("app/current").symlink_to("releases/1")
    call = ["app/current", "--state", "app/s.db"]
    assert kvsync("sync", *call).code == 0
    older({"./current": "releases/1"}, Path("app/s.db"))
    Path("app/releases/1/a").rename("app/releases/1/b")
    assert kvsync("sync", *call, *DELETING).code == 0
    assert sorted(held(edge)) == ["b"]
    assert _owners(Path("app/s.db")) == {"b": "./current"}


@pytest.mark.slow
def test_an_upgrade_with_a_name_that_was_a_place(kvsync, edge, write, older):
    """What an earlier version took for one owner is told apart by where the keys stand."""
    write("a.yaml", "version: 1\nname: b.yaml\nkeys: {a: x}\n")
    write("b.yaml", "version: 1\nkeys: {b: x}\n")
    assert kvsync("sync", "a.yaml").code == kvsync("sync", "b.yaml").code == 0
    older({"./b.yaml": "b.yaml"})
    assert set(_owners().values()) == {"b.yaml"}
    assert "- a" not in kvsync("plan", "b.yaml", *DELETING).out
    for name in ("b.yaml", "a.yaml"):
        assert kvsync("sync", name, *DELETING).code == 0
    assert (_owners(), len(held(edge))) == ({"a": "b.yaml", "b": "./b.yaml"}, 2)


def test_a_name_that_is_claimed(kvsync, edge, write, older):
    """Its rows are no path's, be it one that is called so, neither before it has come nor after."""
    write("site/a", "x")
    write("up/site2/b", "x")
    state = ["--state", "s.db"]
    assert kvsync("sync", "site", "--name", "up/site2", *state).code == 0
    older({}, Path("s.db"))
    assert "- a" not in kvsync("plan", "up/site2", *state, *DELETING).out
    assert kvsync("sync", "site", "--name", "up/site2", *state).code == 0
    assert "- a" not in kvsync("plan", "up/site2", *state, *DELETING).out
    assert kvsync("sync", "up/site2", *state, *DELETING).code == 0
    assert sorted(held(edge)) == ["a", "b"]


@pytest.mark.slow
def test_an_older_list_of_failures(kvsync, edge, write, older):
    """It names its owner as earlier versions did, and is tried again for the one of now."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    assert kvsync("sync", "m.yaml", "--failures", "f.jsonl").code == 0
    header = json.loads(Path("f.jsonl").read_text())
    pair = {"key": "b", "value": "two"}
    lines = [header | {"owner": "m.yaml", "written": 0}, pair]
    Path("f.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert kvsync("sync", "f.jsonl").code == 0
    assert _owners() == {"a": "./m.yaml", "b": "./m.yaml"}
    Path("f.jsonl").write_text("\n".join(map(json.dumps, [*lines, {"key": "c", "value": "3"}])))
    older({"./m.yaml": "m.yaml"})
    assert kvsync("sync", "f.jsonl").code == 0
    assert set(_owners().values()) == {"m.yaml"}
    write("m.yaml", "version: 1\nkeys: {a: one, b: two, c: '3'}\n")
    # Where the list has a key from was the list: that tells nothing of whose it is.
    refused = kvsync("sync", "m.yaml")
    assert (refused.code, "b is owned by m.yaml; if you" in refused.err) == (11, True)
    assert kvsync("sync", "m.yaml", "--adopt").code == 0
    assert set(_owners().values()) == {"./m.yaml"}


@pytest.mark.slow
def test_very_many_older_rows(kvsync, edge, write, older, monkeypatch):
    """So it is where the rows are too many for memory, and where they are handed over in parts."""
    monkeypatch.setattr("kvsync.state.sqlite.reading._MANY", 3)
    monkeypatch.setattr("kvsync.state.sqlite.handover._AT_ONCE", 2)
    keys = ", ".join(f"k{n}: x" for n in range(7))
    write("m.yaml", f"version: 1\nkeys: {{{keys}, z: x}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    older({"./m.yaml": "m.yaml"})
    write("m.yaml", f"version: 1\nkeys: {{{keys}}}\n")
    assert "- z" in kvsync("plan", "m.yaml", *DELETING).out
    assert kvsync("sync", "m.yaml").code == 0
    assert set(_owners().values()) == {"./m.yaml"}
    assert kvsync("state", "check", "m.yaml").code == 0


def test_a_spoiled_older_row(kvsync, edge, manifest, older):
    """Nothing is handed over that is not as it was written."""
    manifest("keys: {a: x}\n")
    assert kvsync("sync", "m.yaml").code == 0
    older({"./m.yaml": "m.yaml"})
    altered("UPDATE entry SET checksum = 1")
    assert kvsync("sync", "m.yaml").code == 4
    assert set(_owners().values()) == {"m.yaml"}


@pytest.mark.slow
def test_several_sources_of_an_older_state(kvsync, edge, write, older):
    """Each gets its own before any is looked at."""
    write("m.yaml", "version: 1\nkeys: {a: x, c: x}\n")
    write("n.yaml", "version: 1\nkeys: {b: x, d: x}\n")
    assert kvsync("sync", "m.yaml", "n.yaml").code == 0
    older({"./m.yaml": "m.yaml", "./n.yaml": "n.yaml"})
    write("m.yaml", "version: 1\nkeys: {a: x, d: x}\n")
    write("n.yaml", "version: 1\nkeys: {b: x}\n")
    for command in ("plan", "sync"):
        result = kvsync(command, "m.yaml", "n.yaml", *DELETING)
        assert (result.code, result.err) == (0, "")
    assert sorted(held(edge)) == ["a", "b", "d"]
    assert _owners() == {"a": "./m.yaml", "b": "./n.yaml", "d": "./m.yaml"}


@pytest.fixture
def neighbours(write) -> dict[str, list[str]]:
    """Sources that an earlier version called alike, `site`, and how each is synced."""
    write("x.yaml", "version: 1\nname: site\ntrees: [{path: bundle}]\nkeys: {x1: x, x2: x}\n")
    write("dots.yaml", "version: 1\nname: site\ntrees: [{path: ., include: [/dots-*]}]\n")
    write("same.yaml", "version: 1\nname: site\ntrees: [{path: site, prefix: s-}]\n")
    write("dump.yaml", "version: 1\nname: site\nfiles: [{path: d.jsonl, format: jsonl}]\n")
    write("dots-1", "x")
    write("dots-2", "x")
    write("d.jsonl", '{"key": "d1", "value": "1"}\n{"key": "d2", "value": "1"}\n')
    for folder, key in (("site", "g"), ("bundle", "f"), ("else", "e")):
        write(f"{folder}/{key}1", "x")
        write(f"{folder}/{key}2", "x")
    state = ["--state", "s.db"]
    return {
        "place": ["site", *state],
        **{name: [f"{name}.yaml", *state] for name in ("x", "dots", "same", "dump")},
        "named": ["else", "--name", "site", *state],
        "jsonl": ["d.jsonl", "--format", "jsonl", "--name", "site", *state],
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x", "dots", "same", "dump", "named", "jsonl"])
@pytest.mark.parametrize("order", ["place first", "name first", "name alone", "place alone"])
def test_an_upgrade_of_those_called_alike(kvsync, edge, write, older, neighbours, name, order):
    """Each gets what can be its own alone, in whatever order they come; no key is deleted."""
    path = Path("s.db")
    first = [neighbours["place"], neighbours[name]]
    if order.endswith("alone"):
        first = first[1:] if order.startswith("place") else first[:1]
    for call in first:
        assert kvsync("sync", *call).code == 0
    older({"./site": "site"}, path)
    kept = sorted(held(edge))
    second = [neighbours["place"], neighbours[name]]
    if order.startswith("name"):
        second.reverse()
    if order.endswith("alone"):
        second = second[:1]
    for _ in range(2):
        for call in second:
            for command in ("plan", "sync"):
                result = kvsync(command, *call, *DELETING)
                # Called by dots, its folder may be the other's.
                right = {0, 11} if call == neighbours["dots"] else {0}
                assert (result.code in right, "delete" in result.out) == (True, False)
    assert set(kept) <= set(held(edge))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["place", "x", "same", "dump", "named", "jsonl"])
def test_an_upgrade_of_one_by_itself(kvsync, edge, older, neighbours, name):
    """What has gone from it meanwhile is an orphan, as it was before."""
    assert kvsync("sync", *neighbours[name]).code == 0
    older({"./site": "site"}, Path("s.db"))
    for gone in ("site/g2", "bundle/f2", "else/e2"):
        Path(gone).unlink()
    Path("d.jsonl").write_text('{"key": "d1", "value": "1"}\n')
    text = Path("x.yaml").read_text()
    Path("x.yaml").write_text(text.replace(", x2: x", ""))
    before = sorted(held(edge))
    assert "to delete; " in kvsync("plan", *neighbours[name], *DELETING).out
    assert kvsync("sync", *neighbours[name], *DELETING).code == 0
    assert sorted(held(edge)) == [key for key in before if not key.endswith("2")]


def test_older_keys_that_may_be_anybodys(kvsync, edge, write, older, neighbours):
    """They are refused until somebody adopts them, and deleted by nobody."""
    assert kvsync("sync", *neighbours["x"]).code == 0
    older({}, Path("s.db"))
    Path("bundle").rename("other")
    text = Path("x.yaml").read_text()
    Path("x.yaml").write_text(text.replace("bundle", "other"))
    refused = kvsync("sync", *neighbours["x"], *DELETING)
    assert refused.code == 11
    assert "f1 is owned by older://site; if you renamed it, --adopt" in refused.err
    assert kvsync("sync", *neighbours["x"], *DELETING, "--adopt").code == 0
    assert set(_owners(Path("s.db")).values()) == {"site"}
    assert len(held(edge)) == 4
