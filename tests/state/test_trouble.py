"""What is wrong with a state file is told with its name, and as what it is."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kvsync.model.errors import DamagedError, StateError
from kvsync.model.values import Change, Expiry, Target
from kvsync.state.sqlite import State
from kvsync.state.sqlite.rows import StoredTarget, doubtful, fields_of
from kvsync.state.sqlite.trouble import translate
from tests.values import change, entry, row

TARGET = Target("https://edge", "zone-1", "ns")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A state that knows a key, a run, and a key without a row."""
    path = str(tmp_path / "state.db")
    with State.write(path) as state:
        state.begin_run(TARGET, "me", 1000.0)
        state.correct(TARGET, [row("a"), row("b")], [])
        state.forget(TARGET, ["b"])
        state.note_clock(TARGET, 12.5)
    return path


def raised(code: int, words: str = "") -> Exception:
    """What SQLite raises."""
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "damage", "words"),
    [
        (
            raised(sqlite3.SQLITE_NOTADB, "no db"),
            True,
            "damaged or not a kvsync state file (no db)",
        ),
        (raised(sqlite3.SQLITE_CORRUPT, "bad"), True, "damaged or not a kvsync state file (bad)"),
        (raised(sqlite3.SQLITE_CORRUPT | 1 << 8), True, "damaged"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), True, "damaged"),
        (sqlite3.OperationalError("Could not decode to UTF-8"), True, "(Could not decode"),
        (sqlite3.OperationalError("no such table: entry"), True, "(no such table: entry)"),
        (sqlite3.OperationalError("no such column: at"), True, "(no such column: at)"),
        (raised(sqlite3.SQLITE_FULL), False, "cannot write S: the disk is full"),
        (raised(sqlite3.SQLITE_READONLY), False, "cannot write S: it is read-only"),
        (raised(sqlite3.SQLITE_READONLY | 5 << 8), False, "cannot write S: it is read-only"),
        (raised(sqlite3.SQLITE_BUSY, "locked"), False, "cannot use S: locked"),
        (sqlite3.ProgrammingError("closed"), False, "cannot use S: closed"),
    ],
)
def test_what_sqlite_found(error, damage, words, tmp_path, monkeypatch):
    """Damage is told apart from a full disk, a read-only file and whatever else may be."""
    monkeypatch.chdir(tmp_path)
    Path("S").touch()
    told = translate(error, "S")
    assert type(told) is (DamagedError if damage else StateError)
    assert words in str(told)
    assert "S " in str(told) or "S:" in str(told)


GONE = "cannot write S: it was removed or replaced while it was in use"


def test_a_file_that_has_gone(tmp_path, monkeypatch):
    """SQLite calls it read-only, or says that it cannot be opened; one that is new never was."""
    monkeypatch.chdir(tmp_path)
    for code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR | 4 << 8):
        assert str(translate(raised(code), "S")) == GONE
        assert str(translate(raised(code), "S", new=True)) != GONE
    Path("S").touch()
    assert str(translate(raised(sqlite3.SQLITE_READONLY_DBMOVED), "S")) == GONE


LOOKS: dict[str, tuple[str, str, Callable[[State], object]]] = {
    "target": (
        "UPDATE target SET zone = x'00'", "a target without a name", lambda state: state.targets()
    ),
    "row": (
        "UPDATE entry SET size = 7", "a row is not as it was written",
        lambda state: state.rows(TARGET),
    ),
    "recent": (
        "UPDATE recent SET at = 'noise'", "a time that is none",
        lambda state: state.recent(TARGET),
    ),
    "clock": (
        "UPDATE target SET clock_offset = 9e999", "a time that is none",
        lambda state: state.clock_offset(TARGET),
    ),
    "words for a clock": (
        "UPDATE target SET clock_offset = 'noise'", "a time that is none",
        lambda state: state.clock_offset(TARGET),
    ),
    "run": (
        "UPDATE run SET counts = 'noise'", "a run is not as it was written",
        lambda state: state.runs(TARGET, "me"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKS)
def test_what_was_changed_on_the_disk(path, name):
    """Whoever reads it hears which file it is, and what."""
    sql, what, look = LOOKS[name]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)
    with State.read(path) as state, pytest.raises(DamagedError) as caught:
        look(state)
    assert str(caught.value).startswith(f"{path} is damaged or not a kvsync state file ({what})")


def test_a_changed_row_is_not_touched(path):
    """Bringing a row up to date would give noise a sound checksum."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entry SET size = 7")
    with State.write(path) as state, pytest.raises(DamagedError) as caught:
        state.touch(TARGET, "me", [entry("a", origin="m.yaml:9")])
    assert str(caught.value).startswith(f"{path} is damaged")
    assert "a row is not as it was written" in str(caught.value)


@pytest.mark.parametrize("opening", [State.read, State.write])
def test_a_file_that_is_none(tmp_path, opening):
    """Noise is told with its name, however it is opened."""
    path = tmp_path / "noise.db"
    path.write_bytes(b"noise" * 1000)
    with pytest.raises(DamagedError) as caught:
        opening(str(path))
    assert str(caught.value).startswith(f"{path} is")


def test_the_clocks_difference(path):
    """It is remembered for its target, and none is 0."""
    with State.read(path) as state:
        assert state.clock_offset(TARGET) == 12.5
        assert state.clock_offset(TARGET._replace(zone="zone-2")) == 0.0


def test_ten_runs(path):
    """The last ten runs are told unless more are wanted."""
    with State.write(path) as state:
        for moment in range(1001, 1012):
            state.begin_run(TARGET, "me", float(moment))
        told = [run.started for run in state.runs(TARGET, "me")]
    assert told == [float(moment) for moment in range(1011, 1001, -1)]


PLACE = StoredTarget(7, 11)


@pytest.mark.parametrize("ttl", [0, 60])
def test_a_new_keys_doubt(ttl):
    """Its row claims nothing: no digest, no size, no time; but it is the owner's already."""
    made = change("a")
    made = made._replace(entry=made.entry._replace(expiry=Expiry(ttl=ttl)))
    nothing = row("a", expiry=Expiry(ttl=ttl), digest=b"", size=0, runs_out=0, acknowledged=0)
    expected = nothing._replace(request_id="", owner="you", in_doubt=True)
    assert doubtful(PLACE, "you", made) == fields_of(PLACE, expected)


def test_a_known_keys_doubt():
    """Its row keeps all that it says, save whose the key is."""
    made: Change = change("a", "new", known=row("a", "old"))
    expected = row("a", "old", owner="you", in_doubt=True)
    assert doubtful(PLACE, "you", made) == fields_of(PLACE, expected)
