"""The rows of a large state, each read when it is asked for."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kvsync.model import Row

__all__ = ["StoredRows"]


class StoredRows(Mapping[str, Row]):
    """The rows of one target, by key, where they are too many for memory.

    ``number`` is the target's, ``row`` makes a row of its columns.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        number: int,
        columns: str,
        row: Callable[[tuple[Any, ...]], Row],
    ) -> None:
        self._connection = connection
        self._number = number
        self._all = f"SELECT {columns} FROM entry WHERE target = ? ORDER BY key"  # noqa: S608
        self._one = f"SELECT {columns} FROM entry WHERE target = ? AND key = ?"  # noqa: S608
        self._row = row

    def __getitem__(self, key: str) -> Row:
        found = self._connection.execute(self._one, (self._number, key)).fetchone()
        if found is None:
            raise KeyError(key)
        return self._row(found)

    def get(self, key: str, default: Any = None) -> Any:
        """The key's row, or ``default``."""
        found = self._connection.execute(self._one, (self._number, key)).fetchone()
        return default if found is None else self._row(found)

    def __contains__(self, key: object) -> bool:
        sql = "SELECT 1 FROM entry WHERE target = ? AND key = ?"
        return self._connection.execute(sql, (self._number, key)).fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        sql = "SELECT key FROM entry WHERE target = ? ORDER BY key"
        return (key for (key,) in self._connection.execute(sql, (self._number,)))

    def __len__(self) -> int:
        sql = "SELECT COUNT(*) FROM entry WHERE target = ?"
        return int(self._connection.execute(sql, (self._number,)).fetchone()[0])

    @property
    def owners(self) -> set[str]:
        """Whose the rows are."""
        sql = "SELECT DISTINCT owner FROM entry WHERE target = ?"
        return {owner for (owner,) in self._connection.execute(sql, (self._number,))}

    def values(self) -> Any:
        """All rows, by key."""
        return map(self._row, self._connection.execute(self._all, (self._number,)))
