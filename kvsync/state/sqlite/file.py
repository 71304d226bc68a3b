"""An open state file: transactions, and where each target has its place."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kvsync.model.values import Target
from kvsync.state.sqlite.rows import Fields, StoredTarget, seed_of
from kvsync.state.sqlite.trouble import SQLITE_ERRORS, translate


class StateFile:
    """The operations that a `State` is made of. Every method raises `StateError`."""

    def __init__(self, path: str, connection: sqlite3.Connection | None) -> None:
        self.path = path
        self._connection = connection
        self._places: dict[Target, StoredTarget] = {}

    def _select(self, sql: str, parameters: Sequence[object] = ()) -> list[Fields]:
        """Return what the query finds; nothing in a file that does not exist yet."""
        if not self._connection:
            return []
        with self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLITE_ERRORS as error:
            raise translate(error, self.path) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Keep all that is changed within, or none of it."""
        connection = self._connection
        assert connection, "opened for reading"  # noqa: S101 - a mistake of ours, not of the user
        with self._translated():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself where the disk is full.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _find(self, target: Target) -> StoredTarget:
        """Return the target's place; its number is 0 if the file does not know it."""
        if target not in self._places:
            found = self._select(
                "SELECT id FROM target WHERE endpoint = ? AND zone = ? AND namespace = ?", target
            )
            if not found:
                return StoredTarget(0, seed_of(target))
            self._places[target] = StoredTarget(found[0][0], seed_of(target))
        return self._places[target]

    def _place(self, target: Target) -> StoredTarget:
        """Return the target's place, given now if it is new; inside a transaction."""
        place = self._find(target)
        if not place.number and self._connection:
            cursor = self._connection.execute(
                "INSERT INTO target (endpoint, zone, namespace) VALUES (?, ?, ?)", target
            )
            place = place._replace(number=cursor.lastrowid or 0)
        return place
