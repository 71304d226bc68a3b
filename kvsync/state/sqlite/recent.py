"""Keys without a row whose last write or delete by us may not be readable yet.

A read of such a key proves nothing: what it shows may be what we have just replaced or deleted. Of
keys with a row the row itself says when they were written.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from kvsync.model.api import SETTLING_S
from kvsync.state.interface import UNSETTLED

_EXISTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'recent'"


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table that all here but `times` need: older files of this version have none."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS recent (target INTEGER NOT NULL REFERENCES target (id),"
        " key TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (target, key)) WITHOUT ROWID"
    )


def times(connection: sqlite3.Connection, target: int) -> dict[str, float]:
    """Return when each key was written or deleted last: Unix seconds by the service's clock."""
    if not connection.execute(_EXISTS).fetchone():
        return {}
    found = connection.execute("SELECT key, at FROM recent WHERE target = ?", (target,))
    return dict(found.fetchall())


def note(connection: sqlite3.Connection, target: int, times: Mapping[str, float]) -> None:
    """Note that these keys were deleted then, or are about to be."""
    rows = ((target, key, at) for key, at in times.items())
    connection.executemany("INSERT OR REPLACE INTO recent VALUES (?, ?, ?)", rows)


def note_rows(connection: sqlite3.Connection, target: int, keys: Iterable[str]) -> None:
    """Keep of these keys' rows, which are about to be dropped, when they were written."""
    connection.executemany(
        "INSERT OR REPLACE INTO recent"
        " SELECT target, key, CASE WHEN in_doubt THEN ? ELSE acknowledged END"
        " FROM entry WHERE target = ? AND key = ?",
        ((UNSETTLED, target, key) for key in keys),
    )


def note_all(connection: sqlite3.Connection, target: int, at: float) -> None:
    """Note that all keys that have a row ceased to exist then, at the latest."""
    connection.execute(
        "INSERT OR REPLACE INTO recent SELECT target, key, ? FROM entry WHERE target = ?",
        (at, target),
    )


def drop(connection: sqlite3.Connection, target: int, keys: Iterable[str]) -> None:
    """Drop keys that have rows, which know better."""
    # Mostly there is nothing to be dropped: one look costs less than a statement for each key.
    if connection.execute("SELECT 1 FROM recent WHERE target = ? LIMIT 1", (target,)).fetchone():
        each = ((target, key) for key in keys)
        connection.executemany("DELETE FROM recent WHERE target = ? AND key = ?", each)


def purge(connection: sqlite3.Connection, target: int) -> None:
    """Drop what had settled when the latest of these keys was written or deleted.

    Not what has settled by now: this machine's clock is not the service's.
    """
    connection.execute(
        "DELETE FROM recent WHERE target = ? AND at <="
        " (SELECT max(at) FROM recent WHERE target = ? AND at < ?) - ?",
        (target, target, UNSETTLED, SETTLING_S),
    )
