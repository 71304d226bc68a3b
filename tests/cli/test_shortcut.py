"""A plan or sync of what is as it was when there was nothing to do."""

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from kvsync.cli import run
from kvsync.state.sqlite import run_lock
from tests.cli.dumping import lines
from tests.cli.importing import imported
from tests.cli.spoiling import STATE, altered
from tests.cli.ways import Ways, told

DAY = 86400


@pytest.fixture
def ways(monkeypatch) -> Ways:
    """The short way is open."""
    return Ways(monkeypatch)


@pytest.fixture
def settle(kvsync, edge):
    """Syncs until there is nothing to do; the next call can take the short way."""

    def settled(*args: str) -> None:
        for _ in range(2):
            assert kvsync("sync", *args).code == 0

    return settled


def _is_short(kvsync, ways, *args):
    """Whether a plan takes the short way; both ways must tell the same."""
    result = kvsync("plan", *args, "--json")
    was_short = ways.short[-1]
    ways.closed = True
    assert told(kvsync("plan", *args, "--json")) == told(result)
    ways.closed = False
    return was_short


def _starts():
    with closing(sqlite3.connect(STATE)) as connection:
        return len(connection.execute("SELECT * FROM run").fetchall())


@pytest.mark.slow
def test_tells_the_same(kvsync, settle, manifest, ways):
    """The short way tells what the long one does, as text and as JSON, and notes the run."""
    manifest("keys: {a: one, b: {value: two, ttl: 30d}}\n")
    settle("m.yaml")
    assert ways.short == [False, False]
    runs = _starts()
    short = [kvsync("sync", "m.yaml", *more) for more in ((), ("-v",), ("-n",))]
    document = told(kvsync("sync", "m.yaml", "--json"))
    assert ways.short[2:] == [True] * 4
    assert _starts() == runs + 3
    ways.closed = True
    long = [kvsync("sync", "m.yaml", *more) for more in ((), ("-v",), ("-n",))]
    assert [(r.code, r.out, r.err) for r in short] == [(r.code, r.out, r.err) for r in long]
    assert document == told(kvsync("sync", "m.yaml", "--json"))


@pytest.mark.slow
def test_orphans_are_still_told(kvsync, settle, manifest, ways):
    """Orphans are listed as ever, and with --delete there is something to do."""
    manifest("keys: {a: one, b: two}\n")
    settle("m.yaml")
    manifest("keys: {a: one}\n")
    settle("m.yaml")
    assert _is_short(kvsync, ways, "m.yaml")
    assert "? b" in kvsync("plan", "m.yaml").out
    assert "1 to delete" in kvsync("plan", "m.yaml", "--delete", "--force").out
    assert not ways.short[-1]
    assert kvsync("sync", "m.yaml", "--delete", "--force").code == 0
    assert not _is_short(kvsync, ways, "m.yaml")


@pytest.mark.parametrize(
    "options",
    [["--checksum"], ["--only", "a"], ["--renew-within", "1h"], ["--refresh"], ["--adopt"]],
    ids=lambda options: options[0],
)
def test_other_options_are_another_call(kvsync, settle, manifest, ways, options):
    """What was found out with other options does not count."""
    manifest("keys: {a: {value: one, ttl: 30d}}\n")
    settle("m.yaml")
    assert kvsync("plan", "m.yaml", *options).code == 0
    assert not ways.short[-1]


@pytest.mark.slow
def test_variables(kvsync, settle, manifest, ways, monkeypatch):
    """A variable that the source uses counts, also one that was not set; any other does not."""
    monkeypatch.setenv("TOKEN", "secret-one")
    manifest("namespace: ${NS:-ns}\nkeys: {a: {env: TOKEN}}\n")
    settle("m.yaml")
    monkeypatch.setenv("UNUSED", "x")
    assert _is_short(kvsync, ways, "m.yaml")
    assert b"secret-one" not in STATE.read_bytes()
    monkeypatch.setenv("TOKEN", "secret-two")
    assert not _is_short(kvsync, ways, "m.yaml")
    monkeypatch.setenv("TOKEN", "secret-one")
    assert _is_short(kvsync, ways, "m.yaml")
    monkeypatch.setenv("NS", "other")
    assert not _is_short(kvsync, ways, "m.yaml")


@pytest.mark.slow
def test_files_trees_and_dumps_of_a_manifest(kvsync, settle, manifest, write, ways):
    """Each file that a manifest leads to counts, and a rule that leaves one out as well."""
    changing = {
        "value.txt": write("value.txt", "v"),
        "tree/sub/f": write("tree/sub/f", "f"),
        "d.jsonl": write("d.jsonl", lines({"key": "d", "value": "1"})),
        "tree/.kvsyncignore": write("tree/.kvsyncignore", "*.tmp\n"),
    }
    write("tree/x.tmp", "ignored")
    manifest(
        "keys: {v: {file: value.txt}}\ntrees: [{path: tree}]\n"
        "files: [{path: d.jsonl, format: jsonl}]\n"
    )
    settle("m.yaml")
    assert _is_short(kvsync, ways, "m.yaml")
    write("tree/x.tmp", "ignored, and changed")
    assert _is_short(kvsync, ways, "m.yaml")
    for path in changing.values():
        before = path.read_text()
        path.write_text(f"{before}\n")
        assert not _is_short(kvsync, ways, "m.yaml")
        settle("m.yaml")
        assert _is_short(kvsync, ways, "m.yaml")


@pytest.mark.slow
def test_a_mounted_config_map(kvsync, settle, write, ways):
    """A new version of a ConfigMap, of which only `..data` changes, is seen."""
    for version in ("..1", "..2"):
        write(f"map/{version}/a", f"value {version}")
    data = Path("map/..data")
    data.symlink_to("..1")
    Path("map/a").symlink_to("..data/a")
    settle("map")
    assert _is_short(kvsync, ways, "map")
    Path("map/new").symlink_to("..2")
    Path("map/new").rename(data)
    assert not _is_short(kvsync, ways, "map")
    assert "value changed" in kvsync("plan", "map").out


def test_young_files(kvsync, edge, write):
    """A tree with a file that is younger than a tick is read every time: an edit may not show."""
    path = write("tree/a", "one")
    for value in ("one", "one", "two"):
        path.write_text(value)
        assert kvsync("sync", "tree").code == 0
        assert edge.pairs("zone-1", "ns")["a"][0] == value
    with closing(sqlite3.connect("tree/.kvsync/state.db")) as connection:
        assert connection.execute("SELECT * FROM fingerprint").fetchall() == []


@pytest.mark.slow
def test_a_change_by_another_owner(kvsync, settle, manifest, write, ways):
    """What another source does to the same target makes void what was known of it."""
    manifest("keys: {a: one}\n")
    other = write("o.yaml", "version: 1\nkeys: {b: two}\n")
    settle("m.yaml")
    settle("o.yaml")
    assert not _is_short(kvsync, ways, "m.yaml")
    settle("m.yaml")
    assert _is_short(kvsync, ways, "m.yaml")
    assert _is_short(kvsync, ways, "o.yaml")
    other.write_text("version: 1\nkeys: {a: two}\n")
    assert kvsync("sync", "o.yaml", "--adopt").code == 0
    assert not _is_short(kvsync, ways, "m.yaml")


@pytest.mark.slow
def test_several_sources(kvsync, settle, manifest, write, ways):
    """Of several sources all must be unchanged, and called together."""
    manifest("keys: {a: one}\n")
    other = write("elsewhere/o.yaml", "version: 1\nkeys: {b: two}\n")
    settle("m.yaml", "elsewhere/o.yaml")
    assert _is_short(kvsync, ways, "m.yaml", "elsewhere/o.yaml")
    assert not _is_short(kvsync, ways, "m.yaml")
    other.write_text("version: 1\nkeys: {b: three}\n")
    assert not _is_short(kvsync, ways, "m.yaml", "elsewhere/o.yaml")


@pytest.mark.parametrize(
    ("field", "after"), [("ttl: 30d", 16 * DAY), ("expires: {soon}", 29 * DAY)]
)
def test_what_falls_due(kvsync, settle, manifest, ways, field, after):
    """When a renewal or an `expires` falls due, the source is looked at again."""
    soon = int(time.time()) + 28 * DAY
    manifest(f"keys: {{a: {{value: one, {field.format(soon=soon)}}}, b: two}}\n")
    settle("m.yaml")
    ways.ahead = 14 * DAY
    assert _is_short(kvsync, ways, "m.yaml")
    ways.ahead = after
    assert not _is_short(kvsync, ways, "m.yaml")


@pytest.mark.slow
def test_an_orphan_that_runs_out(kvsync, settle, manifest, ways):
    """An orphan is told of until it has run out by itself."""
    manifest("keys: {a: one, b: {value: two, ttl: 30d}}\n")
    settle("m.yaml")
    manifest("keys: {a: one}\n")
    settle("m.yaml")
    ways.ahead = 29 * DAY
    assert _is_short(kvsync, ways, "m.yaml")
    ways.ahead = 31 * DAY
    assert not _is_short(kvsync, ways, "m.yaml")


def test_runs_too_far_apart(kvsync, settle, manifest, ways):
    """A schedule that lets keys run out is warned of by either way."""
    manifest("keys: {a: {value: one, ttl: 30d}}\n")
    settle("m.yaml")
    altered("UPDATE run SET started = started - 5000000 * (1 + (id = 1))")
    result = kvsync("plan", "m.yaml")
    assert not ways.short[-1]
    assert "the last runs lay" in result.err


def test_a_guess_is_told_again(kvsync, settle, write, ways):
    """What a dump was taken for is said each time."""
    write("d.jsonl", lines({"key": "a", "value": "not base 64", "expiration": None}))
    settle("d.jsonl")
    result = kvsync("plan", "d.jsonl")
    assert ways.short[-1]
    assert "read as jsonl" in result.err


def test_an_emulator_started_anew(kvsync, settle, manifest, ways, serve_emulator):
    """An emulator that has lost its data is another target, also at the same address."""
    manifest("keys: {a: one}\n")
    settle("m.yaml")
    other = serve_emulator()
    assert kvsync("sync", "m.yaml", "--endpoint", other.url).code == 0
    assert not ways.short[-1]
    assert other.pairs("zone-1", "ns") == {"a": ("one", 0)}


def test_local_data_that_were_deleted(kvsync, manifest, ways):
    """Under --local, too."""
    manifest("keys: {a: one}\n")
    for _ in range(3):
        assert kvsync("sync", "m.yaml", "--local").code == 0
    assert ways.short == [False, False, True]
    Path(".kvsync/emulator.db").unlink()
    assert "1 created" in kvsync("sync", "m.yaml", "--local").out


def test_another_run_is_under_way(kvsync, settle, manifest, ways):
    """While another run holds the state, a sync does not say that all is well."""
    manifest("keys: {a: one}\n")
    settle("m.yaml")
    with run_lock(str(STATE.absolute())):
        result = kvsync("sync", "m.yaml")
    assert result.code == 12
    assert f"pid {os.getpid()}" in result.err
    assert kvsync("sync", "m.yaml").code == 0
    assert ways.short[-1]


def test_another_run_in_between(kvsync, settle, manifest, ways, monkeypatch):
    """What another run does while the source is looked at counts."""
    manifest("keys: {a: one}\n")
    settle("m.yaml")

    def meanwhile(*_):
        run(["state", "forget", "m.yaml", "--all", "-q"])
        return True

    monkeypatch.setattr("kvsync.engine.unchanged.still_holds", meanwhile)
    assert "1 created" in kvsync("sync", "m.yaml").out


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE fingerprint SET checksum = checksum + 1",
        "UPDATE fingerprint SET content = replace(content, '1', '2')",
        "UPDATE target SET namespace = 'other'",
        "DROP TABLE fingerprint",
        "DELETE FROM entry",
    ],
)
def test_a_fingerprint_that_cannot_be_trusted(kvsync, settle, manifest, ways, sql):
    """One that is spoiled, or missing, or of other rows, is no reason for anything."""
    manifest("keys: {a: one}\n")
    settle("m.yaml")
    altered(sql)
    assert not _is_short(kvsync, ways, "m.yaml")


def test_forgotten_keys(kvsync, settle, manifest, ways):
    """A key that was forgotten is sent."""
    manifest("keys: {a: one}\n")
    settle("m.yaml")
    assert kvsync("state", "forget", "m.yaml", "--all").out == "forgot 1 key\n"
    assert "1 created" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_imports_next_to_nothing(kvsync, settle, manifest, edge):
    """What reads sources, sends and shows progress is not even loaded."""
    manifest("keys: {a: one}\n")
    settle("m.yaml")
    loaded = imported("sync", "m.yaml", "-q")
    heavy = {"aiohttp", "tqdm", "requests", "asyncio", "pathspec", "msgspec", "yaml", "filelock"}
    assert not loaded & {*heavy, "tencentcloud"}


def test_a_list_of_failures_is_written(kvsync, edge, manifest, ways):
    """A call that is to write down what failed goes the long way, and writes that nothing did."""
    manifest("keys: {a: one}\n")
    for _ in range(3):
        assert kvsync("sync", "m.yaml", "--failures", "f.jsonl").code == 0
        assert json.loads(Path("f.jsonl").read_text())
        Path("f.jsonl").unlink()
    assert not any(ways.short)
