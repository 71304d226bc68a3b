"""Opening the SQLite file: is it ours, of our version, and whole?"""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from kvsync.errors import StateError
from kvsync.private import create_private
from kvsync.state.place import make_room, unwritable

__all__ = ["open_for_reading", "open_for_writing", "translate"]

APPLICATION_ID = 0x6B767379
"""``kvsy``: in the header of every state file (https://www.sqlite.org/fileformat.html)."""

VERSION = 1

_BUSY_S = 10
"""Seconds to wait for another process that is just committing."""

_SCHEMA = """
CREATE TABLE target (
    id INTEGER PRIMARY KEY,
    endpoint TEXT NOT NULL,
    zone TEXT NOT NULL,
    namespace TEXT NOT NULL,
    clock_offset REAL NOT NULL DEFAULT 0,
    UNIQUE (endpoint, zone, namespace)
);
CREATE TABLE entry (
    target INTEGER NOT NULL REFERENCES target (id),
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    runs_out REAL NOT NULL,
    acknowledged REAL NOT NULL,
    request_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    origin TEXT NOT NULL,
    in_doubt INTEGER NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (target, key)
) WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES target (id),
    owner TEXT NOT NULL,
    started REAL NOT NULL,
    ended REAL NOT NULL,
    exit_code INTEGER NOT NULL,
    counts TEXT NOT NULL
);
CREATE INDEX run_of ON run (target, owner, started);
"""


def open_for_writing(path: str) -> sqlite3.Connection:
    """The state file, created with mode 0600 if it is missing.

    A rollback journal, not WAL: there is one writer, and the file must open on a network file
    system and read-only. Raises `StateError`; a file that is not ours is left untouched.
    """
    make_room(path)
    try:
        create_private(path)
    except OSError as error:
        raise unwritable(path, error) from error
    if not os.access(path, os.W_OK):
        raise StateError(f"cannot write {path}; to keep the state elsewhere, give --state FILE")
    connection = _connect(path, "rw")
    try:
        if _is_new(connection, path):
            connection.executescript(
                f"BEGIN EXCLUSIVE; {_SCHEMA} PRAGMA application_id={APPLICATION_ID};"
                f" PRAGMA user_version={VERSION}; COMMIT;"
            )
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, path) from error
    except StateError:
        connection.close()
        raise
    return connection


def open_for_reading(path: str) -> sqlite3.Connection | None:
    """The state file, opened so that nothing is ever created or changed; None if there is none.

    Raises `StateError`.
    """
    try:
        with open(path, "rb"):
            pass
    except FileNotFoundError:
        return None
    except OSError as error:
        # A state that cannot be seen is not one that does not exist.
        raise StateError(f"cannot read {path}: {error.strerror}") from error
    try:
        connection = _checked(path)
    except sqlite3.Error as error:
        if error.sqlite_errorcode not in _HOT_JOURNAL:
            raise translate(error, path) from error
        connection = _recovered_copy(path)
    return connection


_HOT_JOURNAL = {
    sqlite3.SQLITE_READONLY_ROLLBACK,
    sqlite3.SQLITE_READONLY_RECOVERY,
    sqlite3.SQLITE_CANTOPEN,
}


def _checked(path: str) -> sqlite3.Connection | None:
    connection = _connect(path, "ro")
    try:
        if _is_new(connection, path):
            connection.close()
            return None
    except BaseException:
        connection.close()
        raise
    return connection


def _recovered_copy(path: str) -> sqlite3.Connection | None:
    """Roll back, in a copy, the journal of a run that was killed: only a writer may."""
    with tempfile.TemporaryDirectory(prefix="kvsync-") as folder:
        copy = os.path.join(folder, "state.db")
        try:
            shutil.copyfile(path, copy)
            journal = f"{path}-journal"
            if os.path.exists(journal):
                shutil.copyfile(journal, f"{copy}-journal")
        except OSError as error:
            raise StateError(f"cannot read {path}: {error.strerror}") from error
        connection = _connect(copy, "rw")
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        try:
            connection.backup(memory)
            if _is_new(memory, path):
                memory.close()
                return None
        except sqlite3.Error as error:
            memory.close()
            raise translate(error, path) from error
        finally:
            connection.close()
        return memory


def _connect(path: str, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{Path(path).as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            # Commits happen in a thread of their own, one at a time: see `Ledger`.
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise translate(error, path) from error


def _is_new(connection: sqlite3.Connection, path: str) -> bool:
    """Whether the file is still empty. Raises `StateError` if it is not ours or newer."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application_id, version, tables) == (0, 0, 0):
        return True
    if application_id != APPLICATION_ID:
        raise StateError(f"{path} is not a kvsync state file; it was left as it is")
    if version != VERSION:
        raise StateError(
            f"{path} was written by another version of kvsync (its format is {version}, this one"
            f" knows {VERSION}); use that version, or give another --state FILE"
        )
    return False


def translate(error: sqlite3.Error, path: str) -> StateError:
    """The `StateError` that tells a person what SQLite found."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StateError(
            f"{path} is damaged or not a kvsync state file ({error}); it was left as it is."
            " Move it away to start anew: every key is then sent once more"
        )
    if code == sqlite3.SQLITE_FULL:
        return StateError(f"cannot write {path}: the disk is full")
    if code == sqlite3.SQLITE_READONLY:
        return StateError(f"cannot write {path}: it is read-only; give another --state FILE")
    return StateError(f"cannot use {path}: {error}")
