"""Entries and losses in a temporary database: a dump may have more of them than memory should."""

import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

from kvsync.formats.record import Loss, Lossy, LostPair
from kvsync.model.errors import OutputError
from kvsync.model.text import printable
from kvsync.model.values import NEVER, Entry, Expiry

_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - named, not used


def no_room(what: str, error: Exception) -> OutputError:
    """Return that ``what`` failed for this error, and what to do about it."""
    try:
        folder = tempfile.gettempdir()
    except OSError:
        said = os.environ.get("TMPDIR")
        tried = ", ".join(map(printable, dict.fromkeys([said, *_USUAL] if said else _USUAL)))
        return OutputError(
            f"{what}: no temporary directory can be written to (tried {tried}): "
            "set TMPDIR to one in which this user may write"
        )
    told = error.strerror if isinstance(error, OSError) else error
    return OutputError(
        f"{what} in the temporary directory {printable(folder)} ({told}): make room there, or set"
        " TMPDIR to another one"
    )


_CACHE_KIB = 16 << 10

_COLUMNS = """
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    origin TEXT NOT NULL,
    signature BLOB NOT NULL
"""
_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{_CACHE_KIB};
CREATE TABLE entry ({_COLUMNS});
CREATE TABLE outdated ({_COLUMNS});
CREATE TABLE spared (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE loss (
    key TEXT NOT NULL, origin TEXT NOT NULL, kind TEXT NOT NULL, way TEXT NOT NULL,
    detail TEXT NOT NULL
);
"""
_FIELDS = "key, digest, size, ttl, expires, origin, signature"
_APPEND_OUTDATED = f"""
INSERT INTO entry
SELECT ? + row_number() OVER (ORDER BY number) - 1, {_FIELDS} FROM outdated
WHERE key NOT IN (SELECT key FROM entry)
"""  # noqa: S608 - a constant


class Scratch(Sequence[Entry]):
    """A source's entries, in its order (`kvsync.model.entries.Indexed`).

    SQLite keeps the database in memory while it is small, and then in a file without a name that
    no one else can open (https://www.sqlite.org/inmemorydb.html, "temporary databases").
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_SCHEMA)
        self._count = 0
        self.losses = ScratchLosses(self._database)

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Around everything that adds. Raises `OutputError` if there is no room."""
        try:
            self._database.execute("BEGIN")
            yield
            appended = self._database.execute(_APPEND_OUTDATED, (self._count,))
            self._count += appended.rowcount
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise no_room("cannot keep what the source names", error) from error

    def add(self, entry: Entry) -> str:
        """Append an entry; returns nothing, or the origin of the one that has its key already."""
        key, digest, size, expiry, origin, signature = entry
        fields = self._count, key, digest, size, *expiry, origin, signature
        try:
            self._database.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", fields)
        except sqlite3.IntegrityError:
            sql = "SELECT origin FROM entry WHERE key = ?"
            return str(self._database.execute(sql, (key,)).fetchone()[0])
        self._count += 1
        return ""

    def add_outdated(self, entry: Entry) -> None:
        """Append an entry that is too late to be sent, behind all, if no other has its key."""
        sql = "INSERT OR IGNORE INTO outdated VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)"
        key, digest, size, expiry, origin, signature = entry
        self._database.execute(sql, (key, digest, size, *expiry, origin, signature))

    def spare(self, keys: Iterable[str]) -> None:
        """Note keys under which a pair that is left out may have been sent before."""
        self._database.executemany("INSERT OR IGNORE INTO spared VALUES (?)", zip(keys))

    def number(self, key: str) -> int:
        """Return the number of the entry with this key, counted from 0. Raises `KeyError`."""
        found = self._database.execute("SELECT number FROM entry WHERE key = ?", (key,)).fetchone()
        if found is None:
            raise KeyError(key)
        return int(found[0])

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        number = range(self._count)[index]
        sql = f"SELECT {_FIELDS} FROM entry WHERE number = ?"  # noqa: S608 - a constant
        return _entry(self._database.execute(sql, (number,)).fetchone())

    def __iter__(self) -> Iterator[Entry]:
        sql = f"SELECT {_FIELDS} FROM entry ORDER BY number"  # noqa: S608 - a constant
        return map(_entry, self._database.execute(sql))

    @property
    def names(self) -> Container[str]:
        """The keys that the source names, also those that it leaves out."""
        return _Names(self._database)


class _Names:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __contains__(self, key: object) -> bool:
        sql = "SELECT 1 FROM entry WHERE key = ?1 UNION ALL SELECT 1 FROM spared WHERE key = ?1"
        return self._database.execute(sql, (key,)).fetchone() is not None


class ScratchLosses:
    """Losses of pairs (`kvsync.formats.record.Losses`)."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.totals: Counter[tuple[Loss, str]] = Counter()
        self.unasked: Collection[Loss] = ()

    def add(self, key: str, origin: str, loss: Lossy) -> None:
        """Note what a pair loses."""
        self.totals[loss.kind, loss.way] += 1
        fields = key, origin, loss.kind, loss.way, loss.detail
        self._database.execute("INSERT INTO loss VALUES (?, ?, ?, ?, ?)", fields)

    def __iter__(self) -> Iterator[LostPair]:
        sql = "SELECT key, origin, kind, way, detail FROM loss ORDER BY rowid"
        for key, origin, kind, way, detail in self._database.execute(sql):
            yield LostPair(key, origin, Lossy(Loss(kind), way, detail))


def _entry(fields: Sequence[Any]) -> Entry:
    key, digest, size, ttl, expires, origin, signature = fields
    expiry = Expiry(ttl, expires) if ttl or expires else NEVER
    return Entry(key, digest, size, expiry, origin, signature)
