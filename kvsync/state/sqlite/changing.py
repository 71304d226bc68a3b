"""Changes to rows, each as a part of a transaction; and keys without a row.

Of those it is noted when they were last written or deleted by us, for as long as that may not be
readable yet: a read of such a key proves nothing, since what it shows may be what we have just
replaced or deleted. Of keys with a row the row itself says when they were written.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice

from kvsync.model.api import SETTLING_S
from kvsync.model.values import Action, Change, Outcome, OutcomeKind, Row
from kvsync.state.interface import UNSETTLED
from kvsync.state.sqlite.rows import (
    COLUMNS,
    Fields,
    StoredTarget,
    acknowledged,
    doubtful,
    fields_of,
)
from kvsync.state.sqlite.runs import void_fingerprints

_AT_ONCE = 16
_HEAD, _ROW = f"INSERT OR REPLACE INTO entry (target, {COLUMNS}) VALUES", f"({', '.join('?' * 14)})"
_PUT = f"{_HEAD} {_ROW}"
_PUT_MANY = f"{_HEAD} {', '.join([_ROW] * _AT_ONCE)}"
_CERTAIN = (
    f"SELECT {COLUMNS} FROM entry WHERE target = ? AND key > ? AND acknowledged < ?"  # noqa: S608
    " AND NOT in_doubt ORDER BY key LIMIT 500"
)
_DROP = "DELETE FROM entry WHERE target = ? AND key = ?"


def put(connection: sqlite3.Connection, rows: Iterable[Fields]) -> None:
    """Write these rows, no matter what stands there."""
    # After each statement this thread has to get the interpreter back from the event loop's: with
    # one for each row, writing took a fifth more CPU.
    rows = iter(rows)
    while batch := [*islice(rows, _AT_ONCE)]:
        if len(batch) == _AT_ONCE:
            connection.execute(_PUT_MANY, [*chain.from_iterable(batch)])
        else:
            connection.executemany(_PUT, batch)


def _drop(connection: sqlite3.Connection, number: int, keys: Iterable[str]) -> int:
    return connection.executemany(_DROP, ((number, key) for key in keys)).rowcount


def mark(
    connection: sqlite3.Connection, place: StoredTarget, owner: str, marks: Sequence[Change]
) -> None:
    """Mark these changes in doubt."""
    nobodys = {change.entry.key for change in marks if _is_of_nobody(change)}
    put(connection, (doubtful(place, owner, c) for c in marks if c.entry.key not in nobodys))
    # A row would say whose the key is. What is noted outlasts a refusal: an earlier delete may yet
    # be on its way.
    _note(connection, place.number, dict.fromkeys(nobodys, UNSETTLED))


def _is_of_nobody(change: Change) -> bool:
    return change.action is Action.DELETE and not change.row


def settle(
    connection: sqlite3.Connection, place: StoredTarget, owner: str, outcomes: Sequence[Outcome]
) -> None:
    """Let each key's row say what its change has come to."""
    written, deleted = [], {}
    rows: list[Row] = []
    gone: list[str] = []
    for outcome in outcomes:
        change = outcome.change
        if outcome.kind is OutcomeKind.DONE:
            if change.action is Action.DELETE:
                deleted[change.entry.key] = outcome.acknowledged
            else:
                written.append(outcome)
        elif outcome.in_doubt:
            continue
        elif change.row:
            rows.append(change.row)
        else:
            gone.append(change.entry.key)
    put(connection, (fields_of(place, row) for row in rows))
    put(connection, (acknowledged(place, owner, outcome) for outcome in written))
    _drop(connection, place.number, [*gone, *deleted])
    _drop_recent(connection, place.number, [outcome.entry.key for outcome in written])
    _note(connection, place.number, deleted)


def doubt(
    connection: sqlite3.Connection, place: StoredTarget, before: float, row: Callable[[Fields], Row]
) -> None:
    """Mark in doubt what was acknowledged before that time; ``row`` makes rows of columns."""
    last = ""
    while found := connection.execute(_CERTAIN, (place.number, last, before)).fetchall():
        put(connection, (fields_of(place, row(one)._replace(in_doubt=True)) for one in found))
        last = found[-1][0]
    void_fingerprints(connection, place.number)


def forget_all(connection: sqlite3.Connection, number: int, at: float) -> None:
    """Drop all rows of a target, which was emptied at that time or before."""
    _note_all(connection, number, at)
    connection.execute("DELETE FROM entry WHERE target = ?", (number,))
    void_fingerprints(connection, number)


def forget(connection: sqlite3.Connection, number: int, keys: Iterable[str]) -> int:
    """Drop the rows of these keys; returns how many there were."""
    keys = list(keys)
    _note_rows(connection, number, keys)
    dropped = _drop(connection, number, keys)
    purge_recent(connection, number)
    return dropped


_HAS_RECENT = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'recent'"


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table of such keys, which older files lack; who only reads does without it."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS recent (target INTEGER NOT NULL REFERENCES target (id),"
        " key TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (target, key)) WITHOUT ROWID"
    )


def recent_times(connection: sqlite3.Connection, target: int) -> dict[str, float]:
    """Return when each key was written or deleted last: Unix seconds by the service's clock."""
    if not connection.execute(_HAS_RECENT).fetchone():
        return {}
    found = connection.execute("SELECT key, at FROM recent WHERE target = ?", (target,))
    return dict(found.fetchall())


def _note(connection: sqlite3.Connection, target: int, times: Mapping[str, float]) -> None:
    """Note that these keys were deleted then, or are about to be."""
    rows = ((target, key, at) for key, at in times.items())
    connection.executemany("INSERT OR REPLACE INTO recent VALUES (?, ?, ?)", rows)


def _note_rows(connection: sqlite3.Connection, target: int, keys: Iterable[str]) -> None:
    """Keep of these keys' rows, which are about to be dropped, when they were written."""
    connection.executemany(
        "INSERT OR REPLACE INTO recent"
        " SELECT target, key, CASE WHEN in_doubt THEN ? ELSE acknowledged END"
        " FROM entry WHERE target = ? AND key = ?",
        ((UNSETTLED, target, key) for key in keys),
    )


def _note_all(connection: sqlite3.Connection, target: int, at: float) -> None:
    """Note that all keys that have a row ceased to exist then, at the latest."""
    connection.execute(
        "INSERT OR REPLACE INTO recent SELECT target, key, ? FROM entry WHERE target = ?",
        (at, target),
    )


def _drop_recent(connection: sqlite3.Connection, target: int, keys: Iterable[str]) -> None:
    """Drop keys that have rows, which know better."""
    # Mostly there is nothing to be dropped: one look costs less than a statement for each key.
    if connection.execute("SELECT 1 FROM recent WHERE target = ? LIMIT 1", (target,)).fetchone():
        each = ((target, key) for key in keys)
        connection.executemany("DELETE FROM recent WHERE target = ? AND key = ?", each)


def purge_recent(connection: sqlite3.Connection, target: int) -> None:
    """Drop what had settled when the latest of these keys was written or deleted.

    Not what has settled by now: this machine's clock is not the service's.
    """
    connection.execute(
        "DELETE FROM recent WHERE target = ? AND at <="
        " (SELECT max(at) FROM recent WHERE target = ? AND at < ?) - ?",
        (target, target, UNSETTLED, SETTLING_S),
    )
