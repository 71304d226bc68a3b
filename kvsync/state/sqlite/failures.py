"""Pairs of failure files that have not got through since, and are what their source says still.

A key's last word is that of the last run that had it in its plan: as soon as one has delivered it,
found it unchanged, or not found it at all, it is not in here any more.
"""

import sqlite3
from collections.abc import Mapping

from kvsync.model.values import Expiry
from kvsync.state.interface import Wanted
from kvsync.state.sqlite import fingerprints

_EXISTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'undelivered'"
_KEPT = 100
"""Files that are known by the time in their header, per target and owner."""

_RUN = "SELECT run FROM listing WHERE target = ? AND owner = ? AND written = ?"
_FIND = "SELECT key, digest, ttl, expires FROM undelivered WHERE target = ? AND owner = ?"

_ELSEWHERE = "SELECT owner, key FROM undelivered WHERE target = ? AND owner != ?"


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table that all here but `find` need: older files of this version have none."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS undelivered (target INTEGER NOT NULL REFERENCES target (id),"
        " owner TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, ttl INTEGER NOT NULL,"
        " expires INTEGER NOT NULL, PRIMARY KEY (target, owner, key)) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS listing (target INTEGER NOT NULL REFERENCES target (id),"
        " owner TEXT NOT NULL, written REAL NOT NULL, run INTEGER NOT NULL,"
        " PRIMARY KEY (target, owner, written)) WITHOUT ROWID"
    )


def find(connection: sqlite3.Connection, target: int, owner: str) -> dict[str, Wanted]:
    """Return what is listed of an owner's keys, by key."""
    if not connection.execute(_EXISTS).fetchone():
        return {}
    found = connection.execute(_FIND, (target, owner))
    return {key: (digest, Expiry(ttl, expires)) for key, digest, ttl, expires in found}


def find_elsewhere(connection: sqlite3.Connection, target: int, owner: str) -> dict[str, list[str]]:
    """Return what is listed of keys of others, by owner."""
    found: dict[str, list[str]] = {}
    if connection.execute(_EXISTS).fetchone():
        for other, key in connection.execute(_ELSEWHERE, (target, owner)):
            found.setdefault(other, []).append(key)
    return found


def note(
    connection: sqlite3.Connection, target: int, owner: str, wanted: Mapping[str, Wanted | None]
) -> None:
    """List these keys, or, where nothing is wanted, list them no more."""
    connection.executemany(
        "DELETE FROM undelivered WHERE target = ? AND owner = ? AND key = ?",
        ((target, owner, key) for key in wanted),
    )
    connection.executemany(
        "INSERT INTO undelivered VALUES (?, ?, ?, ?, ?, ?)",
        ((target, owner, key, one[0], *one[1]) for key, one in wanted.items() if one),
    )
    # A run that ends before it has read anything would not take them off the list.
    fingerprints.void(connection, target)


def run_of_file(
    connection: sqlite3.Connection, target: int, owner: str, written: float
) -> int | None:
    """Return which run wrote the file that says it was written then; None if none here did."""
    if not connection.execute(_EXISTS).fetchone():
        return None
    found = connection.execute(_RUN, (target, owner, written)).fetchone()
    return int(found[0]) if found else None


def note_failure_file(
    connection: sqlite3.Connection, target: int, owner: str, written: float, run: int
) -> None:
    """Note that a run writes a file whose header has this time."""
    whose = (target, owner)
    connection.execute("INSERT OR REPLACE INTO listing VALUES (?, ?, ?, ?)", (*whose, written, run))
    connection.execute(
        "DELETE FROM listing WHERE target = ? AND owner = ? AND run NOT IN (SELECT run FROM listing"
        " WHERE target = ? AND owner = ? ORDER BY run DESC LIMIT ?)",
        (*whose, *whose, _KEPT),
    )
