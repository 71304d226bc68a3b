"""What is kept of a source, and what makes it void."""

import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kvsync.model.values import Action, Change, Outcome, OutcomeKind, Run, Target
from kvsync.state.sqlite import State, run_lock, run_lock_at_once, state_path
from tests.values import change, entry, row

TARGET = Target("https://edge", "zone-1", "ns")
OTHER = TARGET._replace(namespace="other")
IDENTITY, CONTENT = b"source", '{"all": "of it"}'


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A state with a row and a fingerprint in each of two targets."""
    path = state_path(str(tmp_path))
    with State.write(path) as state:
        for target in (TARGET, OTHER):
            state.correct(target, [row("a")], [])
        state.keep_fingerprint(TARGET, IDENTITY, CONTENT)
        state.keep_fingerprint(OTHER, b"else", CONTENT)
    return path


def kept(path: str, identity: bytes = IDENTITY) -> tuple[Target, str] | None:
    """What a later run finds."""
    with State.glance(path) as state:
        return state.fingerprint(identity)


def _settled(kind: OutcomeKind, made: Change) -> Outcome:
    return Outcome(kind, made, made.entry, 1000.0, "r", 1)


DELETE = Change(Action.DELETE, entry("a"), "", row("a"))
CHANGING: dict[str, Callable[[State], object]] = {
    "doubt": lambda state: state.record(TARGET, "me", [change("a", "w", row("a"))], []),
    "new key": lambda state: state.record(TARGET, "me", [change("b")], []),
    "done": lambda state: state.record(TARGET, "x", [], [_settled(OutcomeKind.DONE, change("a"))]),
    "refused": lambda state: state.record(
        TARGET, "me", [], [_settled(OutcomeKind.REJECTED, change("a", "w", row("a")))]
    ),
    "deleted": lambda state: state.record(TARGET, "me", [], [_settled(OutcomeKind.DONE, DELETE)]),
    "touch": lambda state: state.touch(TARGET, "you", [entry("a")]),
    "correct": lambda state: state.correct(TARGET, [row("a", "w")], []),
    "correct away": lambda state: state.correct(TARGET, [], ["a"]),
    "forget": lambda state: state.forget(TARGET, ["a"]),
}


@pytest.mark.parametrize("name", CHANGING)
def test_void(path, name):
    """Whatever changes a row of the target makes its fingerprint void, and no other target's."""
    with State.write(path) as state:
        CHANGING[name](state)
    assert kept(path) is None
    assert kept(path, b"else") == (OTHER, CONTENT)


def test_void_in_the_same_transaction(path):
    """A change that is taken back leaves the fingerprint as well."""
    with State.write(path) as state, pytest.raises(struct.error):
        state.correct(TARGET, [row("a", "w"), row("b", size="no number")], [])
    assert kept(path) == (TARGET, CONTENT)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entry SET size = 7",
        "DELETE FROM entry",
        "REPLACE INTO entry SELECT * FROM entry",
    ],
)
def test_void_by_whoever_changes_rows(path, sql):
    """The file sees to it by itself, also where an older kvsync writes to it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)
    assert kept(path) is None


def test_runs_and_clocks_change_no_row(path):
    """To note a run, or how the clocks differ, makes nothing void."""
    with State.write(path) as state:
        state.end_run(state.begin_run(TARGET, "me", 1.0), 2.0, 0, {})
        state.note_clock(TARGET, 3.0)
        state.forget(TARGET, ["unknown"])
    with State.note(path) as state:
        state.note_run(TARGET, "me", Run(5.0, 6.0, 0, {"unchanged": 1}))
        assert state.runs(TARGET, "me")[0] == Run(5.0, 6.0, 0, {"unchanged": 1})
    assert kept(path) == (TARGET, CONTENT)


def test_forgetting_counts_keys(path):
    """What becomes void with a key is not counted as a key."""
    with State.write(path) as state:
        assert state.forget(TARGET, ["a", "unknown"]) == 1


def test_a_file_from_before_there_were_any(path):
    """An older file has none, is read as it is, and has them once it was opened for writing."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE fingerprint")
        for event in ("insert", "update", "delete"):
            connection.execute(f"DROP TRIGGER void_on_{event}")
    assert kept(path) is None
    with State.write(path) as state:
        state.keep_fingerprint(TARGET, IDENTITY, CONTENT)
        assert state.rows(TARGET) == {"a": row("a")}
    assert kept(path) == (TARGET, CONTENT)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE fingerprint SET content = content || ' '",
        "UPDATE fingerprint SET content = x'ff'",
        "UPDATE fingerprint SET checksum = 'x'",
        "UPDATE fingerprint SET identity = x'00' WHERE target = 1",
        "UPDATE fingerprint SET target = 2",
        "UPDATE fingerprint SET target = 9",
    ],
)
def test_spoiled(path, sql):
    """One that is not as it was written, or not of its target, is none."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)
    assert kept(path) is None


def test_not_too_many(path):
    """Of many sets of options the latest are remembered."""
    with State.write(path) as state:
        for number in range(20):
            state.keep_fingerprint(TARGET, bytes([number]), CONTENT)
    found = [number for number in range(20) if kept(path, bytes([number]))]
    assert found == list(range(4, 20))
    assert kept(path, b"else")


def test_no_state(tmp_path):
    """Where there is no state yet, nothing is known."""
    assert kept(str(tmp_path / "state.db")) is None


def test_the_lock_is_the_same(path):
    """Who has the lock for a moment keeps others out, and is kept out by them."""
    with pytest.raises(FileNotFoundError), run_lock_at_once(path):
        raise AssertionError
    with run_lock(path), pytest.raises(OSError, match="unavailable"), run_lock_at_once(path):
        raise AssertionError
    with run_lock_at_once(path), pytest.raises(Exception, match="another run holds"):
        run_lock(path).__enter__()
    with run_lock(path):
        pass
