"""``kvsync state check``: what is wrong with a state, without a change to it."""

import sqlite3
from contextlib import closing

import pytest

from tests.cli.spoiling import STATE, altered, noise

REPAIR = "`kvsync state rebuild m.yaml` sets it aside, and makes it anew from what the target holds"


@pytest.fixture
def pushed(kvsync, edge, manifest) -> None:
    """A state with two keys."""
    manifest("keys: {a: one, b: {value: two, ttl: 1h}}\n")
    assert kvsync("sync", "m.yaml").code == 0


def test_sound(kvsync, pushed, clean_environment):
    """A sound state is described, and exit 0."""
    result = kvsync("state", "check", "m.yaml")
    owner, verdict = result.out.splitlines()
    assert (result.code, result.err) == (0, "")
    assert owner.startswith("zone-1/ns at emulator:")
    assert owner.endswith("  owner ./m.yaml: 2 keys, 0 in doubt")
    assert verdict == f"{clean_environment / STATE} is sound (format 1)"


def test_json(kvsync, pushed, edge, clean_environment):
    """With --json it is one document, as with the other state commands."""
    assert kvsync("state", "check", "m.yaml", "--json").json == {
        "version": 1, "command": "state check", "exit_code": 0, "error": None,
        "path": str(clean_environment / STATE), "sound": True, "format": 1, "problems": [],
        "owners": [
            {
                "endpoint": f"emulator:{edge.uuid}", "zone": "zone-1", "namespace": "ns",
                "owner": "./m.yaml", "keys": 2, "bytes": 6, "in_doubt": 0,
            }
        ],
        "in_doubt": 0, "unfinished_runs": 0, "leftovers": [],
    }  # fmt: skip


def test_no_state(kvsync, write, clean_environment):
    """Where there is no state nothing is wrong with it, and none is made; nor with an empty one."""
    write("m.yaml", "")
    told = f"no state yet at {clean_environment / STATE}\n"
    assert kvsync("state", "check", "m.yaml")[:2] == (0, told)
    assert not STATE.parent.exists()
    write(str(STATE), "")
    assert kvsync("state", "check", "m.yaml")[:2] == (0, told)
    assert STATE.read_bytes() == b""


def test_unfinished(kvsync, pushed):
    """Keys in doubt and runs without an end are told; they are no damage."""
    altered("UPDATE entry SET checksum = NULL, in_doubt = 1 WHERE key = 'a'")
    altered("UPDATE run SET ended = 0")
    result = kvsync("state", "check", "m.yaml")
    assert result.code == 0
    assert "1 key in doubt: the next sync sends them again\n" in result.out
    assert "1 run without an end: cut off, or still going\n" in result.out


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("UPDATE entry SET digest = x'00'", "2 rows with a digest of a wrong length, first a"),
        ("UPDATE entry SET digest = 'text' || key", "2 rows with a digest of a wrong length"),
        ("UPDATE entry SET size = -1 WHERE key = 'b'", "1 row with a negative size, first b"),
        ("UPDATE entry SET expires = 1 WHERE key = 'b'", "1 row with an impossible expiry, first"),
        ("UPDATE entry SET runs_out = -1 WHERE key = 'b'", "1 row with an impossible time, first"),
        ("UPDATE entry SET runs_out = 1e12", "2 rows with something else than was written, first"),
        ("UPDATE entry SET in_doubt = 1 WHERE key = 'b'", "1 row with something else than was"),
        ("UPDATE entry SET in_doubt = 7", "2 rows with a doubt that is neither yes nor no, first"),
        ("UPDATE entry SET key = 'c' WHERE key = 'b'", "1 row with something else than was"),
        ("UPDATE entry SET owner = 'you'", "2 rows with something else than was written, first a"),
        ("UPDATE entry SET owner = ''", "2 rows with no key or no owner, first a"),
        ("UPDATE entry SET owner = CAST(x'ff' AS TEXT)", "Could not decode to UTF-8 column"),
        ("UPDATE target SET zone = 'zone-2'", "2 rows with something else than was written, first"),
        ("UPDATE target SET zone = x'00'", "a target without a name"),
        ("DELETE FROM target", "2 rows of an unknown target (table entry)"),
        ("UPDATE run SET started = 'noon'", "a run with an impossible time"),
        ("DROP TABLE run", "no such table: run"),
    ],
)  # fmt: skip
def test_impossible(kvsync, pushed, sql, problem):
    """What cannot be, or is not as it was written, is told with how often and where, and exit 4."""
    altered(sql)
    before = STATE.read_bytes()
    result = kvsync("state", "check", "m.yaml")
    assert f"damaged: {problem}" in result.out
    assert (result.code, len(result.errors)) == (4, 1)
    assert result.err.endswith(f". {REPAIR}\n")
    assert STATE.read_bytes() == before
    document = kvsync("state", "check", "--state", str(STATE), "--json").json
    assert (document["exit_code"], document["sound"]) == (4, False)
    assert "rebuild SOURCE`" in document["error"]["message"]


def test_noise(kvsync, pushed):
    """A file that is no database is told as such."""
    noise(0, 100)
    result = kvsync("state", "check", "m.yaml")
    assert (result.code, result.out) == (4, "damaged: file is not a database\n")
    assert result.err == f"kvsync: error: the state is damaged: 1 problem. {REPAIR}\n"


def test_structure(kvsync, pushed):
    """A page that is none is told in SQLite's words; what is whole is described nevertheless."""
    with closing(sqlite3.connect(STATE)) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'run'"
        (page,) = connection.execute(sql).fetchone()
    noise((page - 1) * 4096, 4096)
    result = kvsync("state", "check", "m.yaml")
    assert result.code == 4
    assert result.out.startswith("damaged: ")
    assert "  owner ./m.yaml: 2 keys, 0 in doubt\n" in result.out


def test_of_another_program(kvsync, write):
    """A file that is not ours is told as such; one of a newer version is an error."""
    write(str(STATE), "")
    write("m.yaml", "")
    altered("CREATE TABLE bookmarks (url)")
    result = kvsync("state", "check", "m.yaml")
    assert (result.code, result.out) == (4, "damaged: it is not a kvsync state file\n")
    altered("PRAGMA application_id = 0x6B767379")
    altered("PRAGMA user_version = 99")
    result = kvsync("state", "check", "m.yaml")
    assert (result.code, result.out) == (4, "")
    assert "was written by another version of kvsync (its format is 99" in result.err
