"""The rows of a large state, each read when it is asked for."""

import sqlite3
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kvsync.model.values import Row
from kvsync.state.fields import Fields
from kvsync.state.trouble import SQLITE_ERRORS, translate


class Lease:
    """Keeps a connection open for as long as somebody has it: a report outlives the state's use."""

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
        """The key's row, or ``default``."""
        found = self._found(self._one, key)
        return default if found is None else self._row(found)

    def some(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows of these keys, as far as there are any; of 999 keys at most."""
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
        """All rows, by key."""
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
