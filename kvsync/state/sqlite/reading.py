"""An open state file: transactions, where each target has its place, and what is known of it."""

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

from kvsync.model.values import Row, Run, Target
from kvsync.state.interface import Wanted
from kvsync.state.sqlite import handover, runs
from kvsync.state.sqlite.changing import recent_times
from kvsync.state.sqlite.handover import Handing
from kvsync.state.sqlite.rows import (
    COLUMNS,
    Fields,
    Lease,
    StoredRows,
    StoredTarget,
    row_maker,
    seed_of,
)
from kvsync.state.sqlite.schema import columns_in
from kvsync.state.sqlite.trouble import SQLITE_ERRORS, damaged, translate

_MANY = 50_000
"""Rows that are kept in memory: more of them would take more than a whole run may."""
ONE_ROW = f"SELECT {COLUMNS} FROM entry WHERE target = ? AND key = ?"  # noqa: S608 - constants


class StateFile:
    """The reading half of a `State`. Every method raises `StateError`."""

    def __init__(
        self, path: str, connection: sqlite3.Connection | None, *, writable: bool = False
    ) -> None:
        self.path = path
        self._connection = connection
        self._places: dict[Target, StoredTarget] = {}
        self._writable = writable
        self._lease: Lease | None = None
        self._handed: dict[Target, list[Handing]] = {}

    @property
    def writable(self) -> bool:
        """True if it was opened by `write`."""
        return self._writable

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection and not self._lease:
            self._connection.close()
        self._lease = None

    def targets(self) -> list[Target]:
        """Return all targets that the file knows."""
        found = self._select("SELECT endpoint, zone, namespace FROM target ORDER BY id")
        if not all(isinstance(name, str) for names in found for name in names):
            raise damaged(self.path, "a target without a name")
        return [Target(*names) for names in found]

    def rows(self, target: Target) -> Mapping[str, Row]:
        """Return all rows of a target, by key; where they are many, each is read when it is asked
        for.
        """
        number, seed = self._find(target)
        several = "SELECT 1 FROM entry WHERE target = ? LIMIT 1 OFFSET ?"
        if not self._connection:
            return {}
        columns = columns_in(self._connection)
        row = self._row_maker(target, seed)
        if self._select(several, (number, _MANY)):
            self._lease = self._lease or Lease(self._connection)
            return StoredRows(self._lease, self.path, number, columns, row)
        found = self._select(
            f"SELECT {columns} FROM entry WHERE target = ? ORDER BY key",  # noqa: S608 - a constant
            (number,),
        )
        return {fields[0]: row(fields) for fields in found}

    def some_rows(self, target: Target, keys: Iterable[str]) -> list[Row]:
        """Return the rows of these keys, as far as there are any."""
        number, seed = self._find(target)
        row = self._row_maker(target, seed)
        return [row(found) for key in keys for found in self._select(ONE_ROW, (number, key))]

    def owns(self, target: Target, owner: str) -> bool:
        """Return whether there are rows of this owner."""
        sql = "SELECT 1 FROM entry WHERE target = ? AND owner = ? LIMIT 1"
        return bool(self._select(sql, (self._find(target).number, owner)))

    def recent(self, target: Target) -> dict[str, float]:
        """Return when keys without a row were last written or deleted by us, where it may matter
        still.

        Unix seconds by the service's clock; infinite where no answer has settled it.
        """
        if not self._connection:
            return {}
        with self._translated():
            times = recent_times(self._connection, self._find(target).number)
        if not all(isinstance(at, float) for at in times.values()):
            raise damaged(self.path, "a time that is none")
        return times

    def clock_offset(self, target: Target) -> float:
        """Seconds by which the service's clock was ahead of this machine's, when last seen."""
        number = self._find(target).number
        found = self._select("SELECT clock_offset FROM target WHERE id = ?", (number,))
        offset = found[0][0] if found else 0.0
        if not (isinstance(offset, float) and math.isfinite(offset)):
            raise damaged(self.path, "a time that is none")
        return offset

    def runs(self, target: Target, owner: str, limit: int = 10) -> list[Run]:
        """Return the last runs of an owner against a target, newest first."""
        numbered = self.numbered_runs(target, owner)
        # By the clock: runs of before it was set are as they are told.
        newest = sorted(numbered, key=lambda one: (one[1].started, one[0]), reverse=True)
        return [run for _, run in newest[:limit]]

    def numbered_runs(self, target: Target, owner: str) -> list[tuple[int, Run]]:
        """Return all runs that are kept, each with its number: the later, the higher."""
        former = [one.old for one in self._handed.get(target, ()) if one.new == owner]
        number = self._find(target).number
        found = sorted(
            fields for name in (owner, *former) for fields in self._select(runs.ALL, (number, name))
        )
        try:
            return [(fields[0], runs.run_of(fields[1:])) for fields in found]
        except (TypeError, ValueError) as error:
            raise damaged(self.path, "a run is not as it was written") from error

    def fingerprint(self, identity: bytes) -> tuple[Target, str] | None:
        """Return what `keep_fingerprint` has kept, and for which target, if that still stands."""
        if not self._connection:
            return None
        with self._translated():
            return runs.find_fingerprint(self._connection, identity)

    def failures(self, target: Target, owner: str) -> dict[str, Wanted]:
        """Return what failure files list of an owner's keys, and what of that still holds, by
        key.
        """
        if not self._connection:
            return {}
        with self._translated():
            return runs.find_failures(self._connection, self._find(target).number, owner)

    def failures_elsewhere(self, target: Target, owner: str) -> dict[str, list[str]]:
        """Keys that failure files list of all other owners, by owner."""
        if not self._connection:
            return {}
        with self._translated():
            return runs.find_failures_elsewhere(self._connection, self._find(target).number, owner)

    def failure_file_run(self, target: Target, owner: str, written: float) -> int | None:
        """Return the number of the run that wrote the failure file of that time; None: none here
        did.
        """
        if not self._connection:
            return None
        with self._translated():
            number = self._find(target).number
            return runs.run_of_failure_file(self._connection, number, owner, written)

    def _row_maker(self, target: Target, seed: int) -> Callable[[Fields], Row]:
        make = row_maker(seed, lambda what: damaged(self.path, what))
        handed = self._handed.get(target)
        return handover.handing_over(make, handed) if handed else make

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
