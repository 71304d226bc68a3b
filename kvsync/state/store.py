"""What the state file knows, row by row."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeAlias

from kvsync.model import Action, Change, Entry, Expiry, Outcome, OutcomeKind, Row, Run, Target
from kvsync.state import recent
from kvsync.state.rows import StoredRows
from kvsync.state.schema import open_for_reading, open_for_writing, translate

__all__ = ["KEPT_RUNS", "State"]

_COLUMNS = (
    "key, digest, size, ttl, expires, runs_out, acknowledged, request_id, owner, origin,"
    " in_doubt, signature"
)
_PUT = f"INSERT OR REPLACE INTO entry (target, {_COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608 - no user text in it
_DROP = "DELETE FROM entry WHERE target = ? AND key = ?"
_MANY = 50_000
"""Rows that are kept in memory: more of them would take more than a whole run may."""
KEPT_RUNS = 100
"""Past runs kept per target and owner."""

_Fields: TypeAlias = tuple[Any, ...]


class State:
    """An open state file, or the nothing that stands for one that does not exist yet.

    Every method raises `StateError`.
    """

    def __init__(
        self, path: str, connection: sqlite3.Connection | None, *, writable: bool = False
    ) -> None:
        self.path = path
        self._connection = connection
        self._writable = writable
        self._ids: dict[Target, int] = {}

    @classmethod
    def read(cls, path: str) -> Self:
        """Open for reading alone: nothing is created, no lock is taken."""
        return cls(path, open_for_reading(path))

    @classmethod
    def write(cls, path: str) -> Self:
        """Open for writing, under a `run_lock`; created if it is missing."""
        return cls(path, open_for_writing(path), writable=True)

    @property
    def writable(self) -> bool:
        """Whether it was opened by `write`."""
        return self._writable

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._connection.close()

    def targets(self) -> list[Target]:
        """All targets that the file knows."""
        rows = self._select("SELECT endpoint, zone, namespace FROM target ORDER BY id")
        return [Target(*row) for row in rows]

    def rows(self, target: Target) -> Mapping[str, Row]:
        """All rows of a target, by key; where they are many, each is read when it is asked for."""
        number = self._find(target)
        several = "SELECT 1 FROM entry WHERE target = ? LIMIT 1 OFFSET ?"
        if self._connection and self._select(several, (number, _MANY)):
            return StoredRows(self._connection, number, _COLUMNS, _row)
        found = self._select(
            f"SELECT {_COLUMNS} FROM entry WHERE target = ? ORDER BY key",  # noqa: S608 - a constant
            (number,),
        )
        return {fields[0]: _row(fields) for fields in found}

    def recent(self, target: Target) -> dict[str, float]:
        """When keys without a row were last written or deleted by us, where it may matter still.

        Unix seconds by the service's clock; infinite where no answer has settled it.
        """
        if not self._connection:
            return {}
        try:
            return recent.times(self._connection, self._find(target))
        except sqlite3.Error as error:
            raise translate(error, self.path) from error

    def clock_offset(self, target: Target) -> float:
        """Seconds by which the service's clock was ahead of this machine's, when last seen."""
        found = self._select("SELECT clock_offset FROM target WHERE id = ?", (self._find(target),))
        return float(found[0][0]) if found else 0.0

    def note_clock(self, target: Target, offset: float) -> None:
        """Remember by how much the clocks differ (seconds, positive: the service's is ahead)."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE target SET clock_offset = ? WHERE id = ?", (offset, self._id(target))
            )

    def runs(self, target: Target, owner: str, limit: int = 10) -> list[Run]:
        """The last runs of an owner against a target, newest first."""
        found = self._select(
            "SELECT started, ended, exit_code, counts FROM run WHERE target = ? AND owner = ?"
            " ORDER BY started DESC LIMIT ?",
            (self._find(target), owner, limit),
        )
        return [Run._make((*fields, json.loads(counts))) for *fields, counts in found]

    def begin_run(self, target: Target, owner: str, started: float) -> int:
        """Note that a run has begun (Unix seconds); returns its number for `end_run`."""
        with self._transaction() as connection:
            number = self._id(target)
            cursor = connection.execute(
                "INSERT INTO run (target, owner, started, ended, exit_code, counts)"
                " VALUES (?, ?, ?, 0, 0, '{}')",
                (number, owner, started),
            )
            connection.execute(
                "DELETE FROM run WHERE target = ? AND owner = ? AND id NOT IN (SELECT id FROM run"
                " WHERE target = ? AND owner = ? ORDER BY id DESC LIMIT ?)",
                (number, owner, number, owner, KEPT_RUNS),
            )
            return cursor.lastrowid or 0

    def end_run(self, number: int, ended: float, exit_code: int, counts: Mapping[str, int]) -> None:
        """Note how the run ended (Unix seconds), and what it did."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE run SET ended = ?, exit_code = ?, counts = ? WHERE id = ?",
                (ended, exit_code, json.dumps(counts), number),
            )

    def record(
        self, target: Target, owner: str, marks: Sequence[Change], outcomes: Sequence[Outcome]
    ) -> None:
        """In one transaction: settle these outcomes, and mark these changes in doubt.

        A key that the state does not have, and that is to be deleted, gets no row: see `recent`.
        A change that was refused for good or never sent leaves its row as it was before; one whose
        request went unanswered stays in doubt.
        """
        with self._transaction() as connection:
            number = self._id(target)
            for outcome in outcomes:
                self._settle(connection, number, owner, outcome)
            self._mark(connection, number, owner, marks)
            recent.purge(connection, number)

    @staticmethod
    def _mark(
        connection: sqlite3.Connection, number: int, owner: str, marks: Sequence[Change]
    ) -> None:
        for change in marks:
            if change.row or change.action is not Action.DELETE:
                connection.execute(_PUT, _doubtful(number, owner, change))
            else:
                # A row would say whose the key is, and it is nobody's. What is noted outlasts a
                # refusal: an earlier delete may yet be on its way.
                recent.note(connection, number, change.entry.key, recent.UNSETTLED)

    @staticmethod
    def _settle(connection: sqlite3.Connection, number: int, owner: str, outcome: Outcome) -> None:
        change = outcome.change
        if outcome.kind is OutcomeKind.DONE:
            if change.action is Action.DELETE:
                connection.execute(_DROP, (number, change.entry.key))
                recent.note(connection, number, change.entry.key, outcome.at)
            else:
                connection.execute(_PUT, _acknowledged(number, owner, outcome))
                recent.drop(connection, number, change.entry.key)
        elif not outcome.in_doubt:
            if change.row:
                connection.execute(_PUT, _fields(number, change.row))
            else:
                connection.execute(_DROP, (number, change.entry.key))

    def touch(self, target: Target, owner: str, entries: Iterable[Entry]) -> None:
        """Bring signature, origin and owner of unchanged rows up to date."""
        with self._transaction() as connection:
            number = self._id(target)
            connection.executemany(
                "UPDATE entry SET owner = ?, origin = ?,"
                " signature = CASE WHEN ? = x'' THEN signature ELSE ? END"
                " WHERE target = ? AND key = ?",
                ((owner, e.origin, e.signature, e.signature, number, e.key) for e in entries),
            )

    def correct(self, target: Target, rows: Iterable[Row], gone: Iterable[str]) -> None:
        """Take over what a look at the target has shown: these rows, and no more of those keys."""
        with self._transaction() as connection:
            number = self._id(target)
            connection.executemany(_PUT, (_fields(number, row) for row in rows))
            _forget(connection, number, gone)

    def forget(self, target: Target, keys: Iterable[str]) -> int:
        """Drop the rows of these keys; returns how many there were."""
        with self._transaction() as connection:
            return _forget(connection, self._id(target), keys)

    def _select(self, sql: str, parameters: Sequence[object] = ()) -> list[_Fields]:
        if not self._connection:
            return []
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise translate(error, self.path) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        assert connection, "opened for reading"  # noqa: S101 - a mistake of ours, not of the user
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                recent.prepare(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself where the disk is full.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate(error, self.path) from error

    def _find(self, target: Target) -> int:
        """The target's number, or 0 if the file does not know it."""
        if target not in self._ids:
            found = self._select(
                "SELECT id FROM target WHERE endpoint = ? AND zone = ? AND namespace = ?", target
            )
            if not found:
                return 0
            self._ids[target] = found[0][0]
        return self._ids[target]

    def _id(self, target: Target) -> int:
        """The target's number, given now if it is new; inside a transaction."""
        number = self._find(target)
        if not number and self._connection:
            cursor = self._connection.execute(
                "INSERT INTO target (endpoint, zone, namespace) VALUES (?, ?, ?)", target
            )
            number = cursor.lastrowid or 0
        return number


def _forget(connection: sqlite3.Connection, number: int, keys: Iterable[str]) -> int:
    """Drop the rows of these keys; returns how many there were."""
    keys = list(keys)
    recent.note_rows(connection, number, keys)
    before = connection.total_changes
    connection.executemany(_DROP, ((number, key) for key in keys))
    dropped = connection.total_changes - before
    recent.purge(connection, number)
    return dropped


def _row(fields: _Fields) -> Row:
    key, digest, size, ttl, expires, *times_and_names, in_doubt, signature = fields
    expiry = Expiry(ttl, expires)
    return Row._make((key, digest, size, expiry, *times_and_names, bool(in_doubt), signature))


def _fields(number: int, row: Row) -> _Fields:
    return number, *row[:3], *row.expiry, *row[4:]


def _doubtful(number: int, owner: str, change: Change) -> _Fields:
    entry = change.entry
    row = change.row or Row(entry.key, b"", 0, entry.expiry, 0, 0, "", owner, entry.origin, True)
    return _fields(number, row._replace(owner=owner, in_doubt=True))


def _acknowledged(number: int, owner: str, outcome: Outcome) -> _Fields:
    entry = outcome.entry
    expiry = entry.expiry
    row = Row(
        key=entry.key,
        digest=entry.digest,
        size=entry.size,
        expiry=expiry,
        runs_out=outcome.at + expiry.ttl if expiry.ttl else expiry.at,
        acknowledged=outcome.at,
        request_id=outcome.request_id,
        owner=owner,
        origin=entry.origin,
        in_doubt=False,
        signature=entry.signature,
    )
    return _fields(number, row)
