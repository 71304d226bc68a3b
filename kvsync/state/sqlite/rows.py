"""Rows and their columns: a row that noise has changed is noticed.

SQLite checks how a file is built, not what stands in it. A value that was changed on the disk could
make a key look unchanged that is not (a lost mark of doubt) or ours that is not (a name), so each
row carries a CRC-32 of itself and of its target.
"""

import sqlite3
import struct
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

from kvsync.model.values import Change, Expiry, Outcome, Row, Target
from kvsync.state.sqlite.trouble import SQLITE_ERRORS, translate

COLUMNS = (
    "key, digest, size, ttl, expires, runs_out, acknowledged, request_id, owner, origin,"
    " in_doubt, signature, checksum"
)

Fields: TypeAlias = tuple[Any, ...]

_NUMBERS = struct.Struct("<qqqqdd")


class StoredTarget(NamedTuple):
    """A target in the file: its number, and what the checksums of its rows start from."""

    number: int
    seed: int


def seed_of(target: Target) -> int:
    """Return what the checksums of a target's rows start from: no row passes for another
    target's.
    """
    return crc32("\0".join(target).encode())


def row_maker(seed: int, spoiled: Callable[[str], Exception]) -> Callable[[Fields], Row]:
    """Make rows of a target's columns; raises ``spoiled`` for one that is not as it was written.

    A row without a checksum, of a file from before there were any, need only make sense.
    """

    def row(fields: Fields) -> Row:
        # Made by the hundred thousand: nothing is taken apart or called that need not be.
        (
            key, digest, size, ttl, expires, runs_out, acknowledged, request_id, owner, origin,
            in_doubt, signature, checksum,
        ) = fields  # fmt: skip
        try:
            numbers = pack(size, ttl, expires, in_doubt, runs_out, acknowledged)
            names = join((key, request_id, owner, origin)).encode()
            sound = checksum in (None, crc32(join_bytes((numbers, digest, signature, names)), seed))
        except (struct.error, TypeError):
            sound = False
        if not sound:
            raise spoiled("a row is not as it was written")
        return make(
            (
                key, digest, size, expiry((ttl, expires)), runs_out, acknowledged, request_id,
                owner, origin, bool(in_doubt), signature,
            )
        )  # fmt: skip

    pack, join, join_bytes = _NUMBERS.pack, "\0".join, b"\0".join
    make, expiry = Row._make, Expiry._make
    return row


def fields_of(place: StoredTarget, row: Row) -> Fields:
    """Return all columns of the row, its target's number before them."""
    numbers = _NUMBERS.pack(row.size, *row.expiry, row.in_doubt, row.runs_out, row.acknowledged)
    names = f"{row.key}\0{row.request_id}\0{row.owner}\0{row.origin}".encode()
    checksum = crc32(b"\0".join((numbers, row.digest, row.signature, names)), place.seed)
    return place.number, *row[:3], *row.expiry, *row[4:], checksum


def doubtful(place: StoredTarget, owner: str, change: Change) -> Fields:
    """Return the columns of a key whose change is about to be sent."""
    entry, row = change.entry, change.row
    if row:
        return fields_of(place, row._replace(owner=owner, in_doubt=True))
    new = Row(entry.key, b"", 0, entry.expiry, 0, 0, "", owner, entry.origin, True)
    return fields_of(place, new)


def acknowledged(place: StoredTarget, owner: str, outcome: Outcome) -> Fields:
    """Return the columns of a key whose write was acknowledged."""
    entry = outcome.entry
    expiry = entry.expiry
    row = Row(
        key=entry.key,
        digest=entry.digest,
        size=entry.size,
        expiry=expiry,
        runs_out=outcome.at + expiry.ttl if expiry.ttl else expiry.at,
        acknowledged=outcome.acknowledged,
        request_id=outcome.request_id,
        owner=owner,
        origin=entry.origin,
        in_doubt=False,
        signature=entry.signature,
    )
    return fields_of(place, row)


class Lease:
    """Keeps a connection open for as long as someone has it: a report outlives the state's use."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        weakref.finalize(self, connection.close)


class StoredRows(Mapping[str, Row]):
    """The rows of one target, by key, where they are too many for memory.

    ``number`` is the target's, ``row`` makes a row of its columns. Every method raises
    `StateError`.
    """

    def __init__(
        self,
        lease: Lease,
        path: str,
        number: int,
        columns: str,
        row: Callable[[Fields], Row],
    ) -> None:
        self._lease = lease
        self._path = path
        self._number = number
        self._all = f"SELECT {columns} FROM entry WHERE target = ? ORDER BY key"  # noqa: S608
        self._one = f"SELECT {columns} FROM entry WHERE target = ? AND key = ?"  # noqa: S608
        self._some = f"SELECT {columns} FROM entry WHERE target = ? AND key IN"  # noqa: S608
        self._row = row

    def __getitem__(self, key: str) -> Row:
        found = self._found(self._one, key)
        if found is None:
            raise KeyError(key)
        return self._row(found)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the key's row, or ``default``."""
        found = self._found(self._one, key)
        return default if found is None else self._row(found)

    def some(self, keys: Sequence[str]) -> dict[str, Row]:
        """Return the rows of these keys, as far as there are any; of 999 keys at most."""
        sql = f"{self._some} ({', '.join('?' * len(keys))})"
        return {fields[0]: self._row(fields) for fields in self._each(sql, *keys)}

    def __contains__(self, key: object) -> bool:
        return self._found("SELECT 1 FROM entry WHERE target = ? AND key = ?", key) is not None

    def __iter__(self) -> Iterator[str]:
        sql = "SELECT key FROM entry WHERE target = ? ORDER BY key"
        return (key for (key,) in self._each(sql))

    def __len__(self) -> int:
        (count,) = self._found("SELECT COUNT(*) FROM entry WHERE target = ?") or (0,)
        return int(count)

    def owners(self) -> set[str]:
        """Whose the rows are."""
        sql = "SELECT DISTINCT owner FROM entry WHERE target = ?"
        return {owner for (owner,) in self._each(sql)}

    def values(self) -> Any:
        """Return all rows, by key."""
        return map(self._row, self._each(self._all))

    def _found(self, sql: str, *parameters: object) -> Fields | None:
        try:
            found: Fields | None = self._lease.connection.execute(
                sql, (self._number, *parameters)
            ).fetchone()
        except SQLITE_ERRORS as error:
            raise translate(error, self._path) from error
        return found

    def _each(self, sql: str, *parameters: str) -> Iterator[Fields]:
        try:
            # Left half-way, ``yield from`` closes the cursor, of a connection that may be closed.
            found = self._lease.connection.execute(sql, (self._number, *parameters))
            for fields in found:  # noqa: UP028
                yield fields
        except SQLITE_ERRORS as error:
            raise translate(error, self._path) from error
