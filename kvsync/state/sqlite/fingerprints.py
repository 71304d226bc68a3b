"""Fingerprints of runs that found nothing to do, kept until a row of their target changes.

Changing a row, be it by an older kvsync or a person with ``sqlite3``, makes void what was kept
for its target: triggers in the file itself see to that, in the same transaction.
"""

import sqlite3
from zlib import crc32

from kvsync.model.values import Target

_KEPT = 16
"""Fingerprints kept per target: one for each source and set of options."""

_EXISTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'fingerprint'"
_FIND = (
    "SELECT endpoint, zone, namespace, content, checksum FROM fingerprint"
    " JOIN target ON target.id = fingerprint.target WHERE identity = ?"
)
_VOID = (
    "CREATE TRIGGER IF NOT EXISTS void_on_{event} AFTER {event} ON entry BEGIN"
    " DELETE FROM fingerprint WHERE target IN ({targets}); END"
)
_TRIGGERS = {"INSERT": "new.target", "UPDATE": "old.target, new.target", "DELETE": "old.target"}


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table that all here but `find` need: older files of this version have none."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS fingerprint (identity BLOB PRIMARY KEY,"
        " target INTEGER NOT NULL REFERENCES target (id), checksum INTEGER NOT NULL,"
        " content TEXT NOT NULL)"
    )
    for event, targets in _TRIGGERS.items():
        connection.execute(_VOID.format(event=event, targets=targets))


def find(connection: sqlite3.Connection, identity: bytes) -> tuple[Target, str] | None:
    """Return what was kept, and for which target; None if nothing is, or not as it was written."""
    if not connection.execute(_EXISTS).fetchone():
        return None
    found = connection.execute(_FIND, (identity,)).fetchone()
    if not found:
        return None
    *names, content, checksum = found
    if not all(isinstance(text, str) for text in (*names, content)):
        return None
    target = Target(*names)
    return (target, content) if checksum == _checksum(identity, target, content) else None


def keep(
    connection: sqlite3.Connection, identity: bytes, target: Target, number: int, content: str
) -> None:
    """Keep this of a target, which has the ``number``; what is oldest makes room."""
    connection.execute(
        "INSERT OR REPLACE INTO fingerprint (identity, target, checksum, content)"
        " VALUES (?, ?, ?, ?)",
        (identity, number, _checksum(identity, target, content), content),
    )
    connection.execute(
        "DELETE FROM fingerprint WHERE target = ? AND rowid NOT IN (SELECT rowid FROM fingerprint"
        " WHERE target = ? ORDER BY rowid DESC LIMIT ?)",
        (number, number, _KEPT),
    )


def void(connection: sqlite3.Connection, target: int) -> None:
    """Keep none of a target."""
    connection.execute("DELETE FROM fingerprint WHERE target = ?", (target,))


def _checksum(identity: bytes, target: Target, content: str) -> int:
    return crc32("\0".join((*target, content)).encode(), crc32(identity))
