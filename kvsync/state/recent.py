"""Keys without a row whose last write or delete by us may not be readable yet.

A read of such a key proves nothing: what it shows may be what we have just replaced or deleted. Of
keys with a row the row itself says when they were written.
"""

import sqlite3
from collections.abc import Iterable

from kvsync.remote import SETTLING_S

__all__ = ["UNSETTLED", "drop", "note", "note_rows", "prepare", "purge", "times"]

UNSETTLED = float("inf")
"""The time of a write or delete that no answer has settled: it may still be on its way."""

_EXISTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'recent'"


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table that all here but `times` need: older files of this version have none."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS recent (target INTEGER NOT NULL REFERENCES target (id),"
        " key TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (target, key)) WITHOUT ROWID"
    )


def times(connection: sqlite3.Connection, target: int) -> dict[str, float]:
    """When each key was written or deleted last: Unix seconds by the service's clock."""
    if not connection.execute(_EXISTS).fetchone():
        return {}
    found = connection.execute("SELECT key, at FROM recent WHERE target = ?", (target,))
    return dict(found.fetchall())


def note(connection: sqlite3.Connection, target: int, key: str, at: float) -> None:
    """The key was deleted then, or is about to be."""
    connection.execute("INSERT OR REPLACE INTO recent VALUES (?, ?, ?)", (target, key, at))


def note_rows(connection: sqlite3.Connection, target: int, keys: Iterable[str]) -> None:
    """Keep of these keys' rows, which are about to be dropped, when they were written."""
    connection.executemany(
        "INSERT OR REPLACE INTO recent"
        " SELECT target, key, CASE WHEN in_doubt THEN ? ELSE acknowledged END"
        " FROM entry WHERE target = ? AND key = ?",
        ((UNSETTLED, target, key) for key in keys),
    )


def drop(connection: sqlite3.Connection, target: int, key: str) -> None:
    """The key has a row that knows better."""
    connection.execute("DELETE FROM recent WHERE target = ? AND key = ?", (target, key))


def purge(connection: sqlite3.Connection, target: int) -> None:
    """Drop what had settled when the latest of these keys was written or deleted.

    Not what has settled by now: this machine's clock is not the service's.
    """
    connection.execute(
        "DELETE FROM recent WHERE target = ? AND at <="
        " (SELECT max(at) FROM recent WHERE target = ? AND at < ?) - ?",
        (target, target, UNSETTLED, SETTLING_S),
    )
