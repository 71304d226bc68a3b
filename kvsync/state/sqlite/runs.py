"""Past runs of an owner against a target, and what each has left for those after it.

A fingerprint is what lay behind a run that found nothing to do, until a row of its target changes.
Whoever changes a row, be it an older kvsync or a person with ``sqlite3``, makes void what was kept
for its target: triggers in the file itself see to that, in the same transaction.

Failures are pairs of failure files that have not got through since, and are what their source says
still. A key's last word is that of the last run that had it in its plan: as soon as one has
delivered it, found it unchanged, or not found it at all, it is not in here any more.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from kvsync.model.values import Expiry, Run, Target
from kvsync.state.interface import Wanted

KEPT_RUNS = 100
"""Past runs kept per target and owner."""

ALL = "SELECT id, started, ended, exit_code, counts FROM run WHERE target = ? AND owner = ?"
"""The numbers of an owner's runs, and their fields for `run_of`."""


def begin(
    connection: sqlite3.Connection,
    target: int,
    owner: str,
    started: float,
    counts: Mapping[str, int],
) -> int:
    """Note that a run has begun (Unix seconds); returns its number for `end`."""
    cursor = connection.execute(
        "INSERT INTO run (target, owner, started, ended, exit_code, counts)"
        " VALUES (?, ?, ?, 0, 0, ?)",
        (target, owner, started, json.dumps(counts)),
    )
    connection.execute(
        "DELETE FROM run WHERE target = ? AND owner = ? AND id NOT IN (SELECT id FROM run"
        " WHERE target = ? AND owner = ? ORDER BY id DESC LIMIT ?)",
        (target, owner, target, owner, KEPT_RUNS),
    )
    return cursor.lastrowid or 0


def end(
    connection: sqlite3.Connection,
    number: int,
    ended: float,
    exit_code: int,
    counts: Mapping[str, int],
) -> None:
    """Note how the run ended (Unix seconds), and what it did."""
    connection.execute(
        "UPDATE run SET ended = ?, exit_code = ?, counts = ? WHERE id = ?",
        (ended, exit_code, json.dumps(counts), number),
    )


def run_of(fields: tuple[Any, ...]) -> Run:
    """From the columns of a run. Raises `TypeError` or `ValueError` if they make none."""
    *times, code, counts = fields
    return Run._make((*map(float, times), int(code), json.loads(counts)))


_KEPT_FINGERPRINTS = 16
"""Fingerprints kept per target: one for each source and set of options."""

_HAS_FINGERPRINTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'fingerprint'"
_FIND_FINGERPRINT = (
    "SELECT endpoint, zone, namespace, content, checksum FROM fingerprint"
    " JOIN target ON target.id = fingerprint.target WHERE identity = ?"
)
_VOID = (
    "CREATE TRIGGER IF NOT EXISTS void_on_{event} AFTER {event} ON entry BEGIN"
    " DELETE FROM fingerprint WHERE target IN ({targets}); END"
)
_TRIGGERS = {"INSERT": "new.target", "UPDATE": "old.target, new.target", "DELETE": "old.target"}


def find_fingerprint(connection: sqlite3.Connection, identity: bytes) -> tuple[Target, str] | None:
    """Return what was kept, and for which target; None if nothing is, or not as it was written."""
    if not connection.execute(_HAS_FINGERPRINTS).fetchone():
        return None
    found = connection.execute(_FIND_FINGERPRINT, (identity,)).fetchone()
    if not found:
        return None
    *names, content, checksum = found
    if not all(isinstance(text, str) for text in (*names, content)):
        return None
    target = Target(*names)
    return (target, content) if checksum == _checksum(identity, target, content) else None


def keep_fingerprint(
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
        (number, number, _KEPT_FINGERPRINTS),
    )


def void_fingerprints(connection: sqlite3.Connection, target: int) -> None:
    """Keep none of a target."""
    connection.execute("DELETE FROM fingerprint WHERE target = ?", (target,))


def _checksum(identity: bytes, target: Target, content: str) -> int:
    return crc32("\0".join((*target, content)).encode(), crc32(identity))


_HAS_FAILURES = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'undelivered'"
_KEPT_FAILURE_FILES = 100
"""Files that are known by the time in their header, per target and owner."""

_RUN_OF_FILE = "SELECT run FROM listing WHERE target = ? AND owner = ? AND written = ?"
_FIND_FAILURES = "SELECT key, digest, ttl, expires FROM undelivered WHERE target = ? AND owner = ?"

_FIND_FAILURES_ELSEWHERE = "SELECT owner, key FROM undelivered WHERE target = ? AND owner != ?"


def find_failures(connection: sqlite3.Connection, target: int, owner: str) -> dict[str, Wanted]:
    """Return what is listed of an owner's keys, by key."""
    if not connection.execute(_HAS_FAILURES).fetchone():
        return {}
    found = connection.execute(_FIND_FAILURES, (target, owner))
    return {key: (digest, Expiry(ttl, expires)) for key, digest, ttl, expires in found}


def find_failures_elsewhere(
    connection: sqlite3.Connection, target: int, owner: str
) -> dict[str, list[str]]:
    """Return what is listed of keys of others, by owner."""
    found: dict[str, list[str]] = {}
    if connection.execute(_HAS_FAILURES).fetchone():
        for other, key in connection.execute(_FIND_FAILURES_ELSEWHERE, (target, owner)):
            found.setdefault(other, []).append(key)
    return found


def note_failures(
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
    void_fingerprints(connection, target)


def run_of_failure_file(
    connection: sqlite3.Connection, target: int, owner: str, written: float
) -> int | None:
    """Return which run wrote the file that says it was written then; None if none here did."""
    if not connection.execute(_HAS_FAILURES).fetchone():
        return None
    found = connection.execute(_RUN_OF_FILE, (target, owner, written)).fetchone()
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
        (*whose, *whose, _KEPT_FAILURE_FILES),
    )


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables that older files of this version lack; who only reads does without them."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS fingerprint (identity BLOB PRIMARY KEY,"
        " target INTEGER NOT NULL REFERENCES target (id), checksum INTEGER NOT NULL,"
        " content TEXT NOT NULL)"
    )
    for event, targets in _TRIGGERS.items():
        connection.execute(_VOID.format(event=event, targets=targets))
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
