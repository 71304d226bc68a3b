"""Namespaces and pairs in SQLite, in a file or in memory."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from kvsync.model.errors import StateError

CAPACITY = 2**30
"""Bytes of keys and values in a namespace ("1 GB" in the vendor's words)."""

APPLICATION_ID = 0x6B76656D
"""``kvem``: in the header of the file."""

_VERSION = 1
# `used` is kept by triggers: all that changes a pair, an expiry included, changes it too.
_SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
    "CREATE TABLE emulator (uuid TEXT NOT NULL)",
    """CREATE TABLE namespaces (
        id INTEGER PRIMARY KEY AUTOINCREMENT, zone TEXT NOT NULL, name TEXT NOT NULL,
        remark TEXT NOT NULL, capacity INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0,
        created INTEGER NOT NULL, modified INTEGER NOT NULL, UNIQUE (zone, name))""",
    """CREATE TABLE pairs (
        namespace INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
        size INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (namespace, key))""",
    "CREATE INDEX expiries ON pairs (expires) WHERE expires > 0",
    """CREATE TRIGGER added AFTER INSERT ON pairs BEGIN
        UPDATE namespaces SET used = used + new.size WHERE id = new.namespace; END""",
    """CREATE TRIGGER changed AFTER UPDATE ON pairs BEGIN
        UPDATE namespaces SET used = used + new.size - old.size WHERE id = new.namespace; END""",
    """CREATE TRIGGER removed AFTER DELETE ON pairs BEGIN
        UPDATE namespaces SET used = used - old.size WHERE id = old.namespace; END""",
)
_PUT = """INSERT INTO pairs (namespace, key, value, size, expires) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
    value = excluded.value, size = excluded.size, expires = excluded.expires"""
_COLUMNS = "id, name, remark, capacity, used, created, modified"


class Namespace(NamedTuple):
    """One namespace; sizes in bytes, times in Unix seconds."""

    id: int
    name: str
    remark: str
    capacity: int
    used: int
    created: int
    modified: int


def stored_uuid(path: str) -> str:
    """Return the UUID in an emulator's data file, or an empty string if there is none.

    Reads only: it takes no lock and leaves no file behind, also beside a running emulator. The page
    with the UUID never changes once it is written, so it may be read past any lock.
    """
    with suppress(sqlite3.Error), closing(_unlocked(path)) as connection:
        if _pragma(connection, "application_id") == APPLICATION_ID:
            return str(connection.execute("SELECT uuid FROM emulator").fetchone()[0])
    return ""


class StoredNamespace(NamedTuple):
    """A namespace in a data file, and how many bytes it holds."""

    zone: str
    name: str
    used: int


def stored_namespaces(path: str) -> list[StoredNamespace]:
    """Return the namespaces in an emulator's data file, as far as they can be told without a lock.

    What an emulator that was killed has left in its journal, or one writes now, is not seen.
    """
    with suppress(sqlite3.Error), closing(_unlocked(path)) as connection:
        found = connection.execute("SELECT zone, name, used FROM namespaces").fetchall()
        return [StoredNamespace(*row) for row in found]
    return []


def _unlocked(path: str) -> sqlite3.Connection:
    address = Path(path).absolute().as_uri() + "?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True)


class Store:
    """The data of one emulator, used from one thread; ``path`` empty: memory.

    A file is created with mode 0600 and held alone. Every write is committed at once, without
    waiting for the disk: it outlives a killed process, though not a power cut; `close` does wait.

    Raises `StateError` if the file cannot be opened, is not an emulator's, or is in use.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        # The earliest time at which a pair runs out (Unix seconds); 0: unknown, look it up.
        self._next_expiry = 0.0
        if path:
            _create_privately(path)
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise StateError(
                f"{path}: cannot be used as the emulator's data file ({error}); if another "
                "emulator uses it, stop that one, or else name another file"
            ) from error
        except StateError:
            self._connection.close()
            raise

    @property
    def uuid(self) -> str:
        """The UUID of these data, for as long as they exist."""
        return str(self._connection.execute("SELECT uuid FROM emulator").fetchone()[0])

    def close(self) -> None:
        """Close; a file is on the disk, and alone, when this returns."""
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        if self._path:
            with suppress(OSError), open(self._path, "rb") as file:
                os.fsync(file.fileno())

    def sweep(self, now: float) -> None:
        """Remove what ran out by ``now`` (Unix seconds)."""
        if now < self._next_expiry:
            return
        execute = self._connection.execute
        execute("DELETE FROM pairs WHERE expires > 0 AND expires <= ?", (now,))
        found = execute("SELECT min(expires) FROM pairs WHERE expires > 0").fetchone()
        self._next_expiry = found[0] or float("inf")

    def namespaces(self, zone: str) -> list[Namespace]:
        """Return the namespaces of a zone, oldest first."""
        query = f"SELECT {_COLUMNS} FROM namespaces WHERE zone = ? ORDER BY id"  # noqa: S608 - a constant
        return [Namespace(*row) for row in self._connection.execute(query, (zone,))]

    def namespace(self, zone: str, name: str) -> Namespace | None:
        """One namespace of a zone, if it exists."""
        query = f"SELECT {_COLUMNS} FROM namespaces WHERE zone = ? AND name = ?"  # noqa: S608 - a constant
        row = self._connection.execute(query, (zone, name)).fetchone()
        return Namespace(*row) if row else None

    def create_namespace(self, zone: str, name: str, remark: str, now: float) -> bool:
        """Create a namespace; False if it exists, and then nothing changes."""
        cursor = self._connection.execute(
            "INSERT OR IGNORE INTO namespaces (zone, name, remark, capacity, created, modified)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (zone, name, remark, CAPACITY, int(now), int(now)),
        )
        return cursor.rowcount > 0

    def modify_namespace(self, namespace: Namespace, remark: str, now: float) -> None:
        """Give a namespace another remark."""
        self._connection.execute(
            "UPDATE namespaces SET remark = ?, modified = ? WHERE id = ?",
            (remark, int(now), namespace.id),
        )

    def delete_namespace(self, namespace: Namespace) -> None:
        """Delete a namespace and all its pairs."""
        with self._transaction():
            self._connection.execute("DELETE FROM namespaces WHERE id = ?", (namespace.id,))
            self._connection.execute("DELETE FROM pairs WHERE namespace = ?", (namespace.id,))

    def put(self, namespace: Namespace, key: bytes, value: bytes, expires: int) -> bool:
        """Write a pair; False if the namespace has no room for it, and then nothing changes.

        ``expires`` is in Unix seconds, 0 for never. ``namespace`` must have been read since the
        last write, for its ``used`` counts.
        """
        size = len(key) + len(value)
        if namespace.used + size > namespace.capacity:
            old = self._connection.execute(
                "SELECT size FROM pairs WHERE namespace = ? AND key = ?", (namespace.id, key)
            ).fetchone()
            if namespace.used - (old[0] if old else 0) + size > namespace.capacity:
                return False
        self._connection.execute(_PUT, (namespace.id, key, value, size, expires))
        if expires:
            self._next_expiry = min(self._next_expiry, expires)
        return True

    def get(self, namespace: Namespace, keys: Iterable[bytes]) -> list[tuple[bytes, int]]:
        """Value and expiry (Unix seconds, 0 for never) of each key; an empty value if missing."""
        query = "SELECT value, expires FROM pairs WHERE namespace = ? AND key = ?"
        execute = self._connection.execute
        return [execute(query, (namespace.id, key)).fetchone() or (b"", 0) for key in keys]

    def keys(self, namespace: Namespace, prefix: bytes, after: bytes, limit: int) -> list[bytes]:
        """At most ``limit`` keys with a prefix, the next after ``after`` in the order of bytes."""
        # No byte of UTF-8 is 0xFF: prefix + 0xFF is above all that begins with the prefix.
        rows = self._connection.execute(
            "SELECT key FROM pairs WHERE namespace = ? AND key > ? AND key >= ? AND key < ?"
            " ORDER BY key LIMIT ?",
            (namespace.id, after, prefix, prefix + b"\xff", limit),
        )
        return [key for (key,) in rows]

    def pairs(self, namespace: Namespace) -> list[tuple[bytes, bytes, int]]:
        """Key, value and expiry (Unix seconds, 0 for never) of all pairs, in the order of bytes."""
        query = "SELECT key, value, expires FROM pairs WHERE namespace = ? ORDER BY key"
        return self._connection.execute(query, (namespace.id,)).fetchall()

    def delete(self, namespace: Namespace, keys: Sequence[bytes]) -> None:
        """Delete these keys; those that are missing make no difference."""
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM pairs WHERE namespace = ? AND key = ?",
                [(namespace.id, key) for key in keys],
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _prepare(self) -> None:
        """Take the file for this process alone, and fill it if it is new."""
        new = _is_new(self._connection, self._path)
        for setting in ("locking_mode = EXCLUSIVE", "journal_mode = TRUNCATE", "synchronous = OFF"):
            self._connection.execute(f"PRAGMA {setting}")
        with self._transaction():
            for statement in _SCHEMA if new else ():
                self._connection.execute(statement)
            if new:
                from uuid import uuid4

                self._connection.execute("INSERT INTO emulator VALUES (?)", (str(uuid4()),))


def _create_privately(path: str) -> None:
    """Create the file if there is none: SQLite itself would let others read it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}; name another data file") from error


def _is_new(connection: sqlite3.Connection, path: str) -> bool:
    """Return whether the file has yet to be filled. Raises `StateError` if it is not an
    emulator's.
    """
    application = _pragma(connection, "application_id")
    if not application and not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
        return True
    if application != APPLICATION_ID:
        raise StateError(f"{path}: not an emulator's data file; name another one")
    if _pragma(connection, "user_version") != _VERSION:
        raise StateError(f"{path}: written by a newer kvsync; update kvsync or name another file")
    return False


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
