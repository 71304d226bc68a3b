"""The state in SQLite, row by row."""

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Self

from kvsync.model.values import PARTIAL, Change, Entry, Outcome, Row, Run, Target
from kvsync.state.interface import Wanted
from kvsync.state.sqlite import failures, fingerprints, handover, recent, runs
from kvsync.state.sqlite.changing import doubt, forget, forget_all, mark, put, settle
from kvsync.state.sqlite.file import StateFile
from kvsync.state.sqlite.handover import Handing, set_aside
from kvsync.state.sqlite.opening import (
    open_for_noting,
    open_for_reading,
    open_for_writing,
    open_to_glance,
)
from kvsync.state.sqlite.rows import (
    COLUMNS,
    Fields,
    Lease,
    StoredRows,
    StoredTarget,
    fields_of,
    row_maker,
)
from kvsync.state.sqlite.schema import columns_in
from kvsync.state.sqlite.trouble import damaged

_MANY = 50_000
"""Rows that are kept in memory: more of them would take more than a whole run may."""
_ONE = f"SELECT {COLUMNS} FROM entry WHERE target = ? AND key = ?"  # noqa: S608 - constants


class State(StateFile):
    """An open state file, or the nothing that stands for one that does not exist yet.

    Every method raises `StateError`.
    """

    def __init__(
        self, path: str, connection: sqlite3.Connection | None, *, writable: bool = False
    ) -> None:
        super().__init__(path, connection)
        self._writable = writable
        self._lease: Lease | None = None
        self._handed: dict[Target, list[Handing]] = {}

    @classmethod
    def read(cls, path: str) -> Self:
        """Open for reading alone: nothing is created, no lock is taken."""
        return cls(path, open_for_reading(path))

    @classmethod
    def write(cls, path: str) -> Self:
        """Open for writing, under a `run_lock`; created if it is missing."""
        return cls(path, open_for_writing(path), writable=True)

    @classmethod
    def glance(cls, path: str) -> Self:
        """Do as `read`, for a fingerprint alone: the file is not searched for damage."""
        return cls(path, open_to_glance(path))

    @classmethod
    def note(cls, path: str) -> Self:
        """Do as `write`, to note a run that changes no row: the file is not searched for damage."""
        return cls(path, open_for_noting(path), writable=True)

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
        return [row(found) for key in keys for found in self._select(_ONE, (number, key))]

    def recent(self, target: Target) -> dict[str, float]:
        """Return when keys without a row were last written or deleted by us, where it may matter
        still.

        Unix seconds by the service's clock; infinite where no answer has settled it.
        """
        if not self._connection:
            return {}
        with self._translated():
            times = recent.times(self._connection, self._find(target).number)
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

    def note_clock(self, target: Target, offset: float) -> None:
        """Remember by how much the clocks differ (seconds, positive: the service's is ahead)."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE target SET clock_offset = ? WHERE id = ?",
                (offset, self._place(target).number),
            )

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

    def take_over(
        self, target: Target, owner: str, former: str, belongs: Callable[[Row], bool]
    ) -> None:
        """Give ``owner`` the rows that ``belongs`` says an earlier version gave it by this name.

        A state that is only read speaks from now on as if that were done.
        """
        place = self._find(target)
        names = former, set_aside(former)
        older = self._older(place, names)
        # What is only read may set rows aside without noting it.
        for old in older if self._writable or not older else names:
            self._hand(target, place, Handing(old, owner, belongs), handover.give)

    def claim(self, target: Target, owner: str, belongs: Callable[[Row], bool]) -> None:
        """Note that rows of this owner are those of a source that was given this name.

        Older rows of which ``belongs`` does not say so are set aside, as another's.
        """
        place = self._find(target)
        if self._older(place, (owner,)):
            handing = Handing(owner, set_aside(owner), lambda row: not belongs(row))
            self._hand(target, place, handing, handover.part)

    def _hand(
        self, target: Target, place: StoredTarget, handing: Handing, how: handover.How
    ) -> None:
        if self._writable:
            with self._transaction() as connection:
                how(connection, place, handing, self._row_maker(target, place.seed))
        else:
            self._handed.setdefault(target, []).append(handing)

    def owns(self, target: Target, owner: str) -> bool:
        """Return whether there are rows of this owner."""
        sql = "SELECT 1 FROM entry WHERE target = ? AND owner = ? LIMIT 1"
        return bool(self._select(sql, (self._find(target).number, owner)))

    def _older(self, place: StoredTarget, owners: Iterable[str]) -> list[str]:
        if not self._connection:
            return []
        with self._translated():
            return handover.older(self._connection, place.number, owners)

    def _row_maker(self, target: Target, seed: int) -> Callable[[Fields], Row]:
        make = row_maker(seed, lambda what: damaged(self.path, what))
        handed = self._handed.get(target)
        return handover.handing_over(make, handed) if handed else make

    def begin_run(
        self, target: Target, owner: str, started: float, *, partial: bool = False
    ) -> int:
        """Note that a run has begun (Unix seconds); returns its number for `end_run`.

        ``partial``: it is not for all of its source.
        """
        counts = {PARTIAL: 1} if partial else {}
        with self._transaction() as connection:
            return runs.begin(connection, self._place(target).number, owner, started, counts)

    def end_run(self, number: int, ended: float, exit_code: int, counts: Mapping[str, int]) -> None:
        """Note how the run ended (Unix seconds), and what it did."""
        with self._transaction() as connection:
            runs.end(connection, number, ended, exit_code, counts)

    def fingerprint(self, identity: bytes) -> tuple[Target, str] | None:
        """Return what `keep_fingerprint` has kept, and for which target, if that still stands."""
        if not self._connection:
            return None
        with self._translated():
            return fingerprints.find(self._connection, identity)

    def keep_fingerprint(self, target: Target, identity: bytes, content: str) -> None:
        """Keep this until a row of the target changes."""
        with self._transaction() as connection:
            number = self._place(target).number
            fingerprints.keep(connection, identity, target, number, content)

    def failures(self, target: Target, owner: str) -> dict[str, Wanted]:
        """Return what failure files list of an owner's keys, and what of that still holds, by
        key.
        """
        if not self._connection:
            return {}
        with self._translated():
            return failures.find(self._connection, self._find(target).number, owner)

    def failures_elsewhere(self, target: Target, owner: str) -> dict[str, list[str]]:
        """Keys that failure files list of all other owners, by owner."""
        if not self._connection:
            return {}
        with self._translated():
            return failures.find_elsewhere(self._connection, self._find(target).number, owner)

    def failure_file_run(self, target: Target, owner: str, written: float) -> int | None:
        """Return the number of the run that wrote the failure file of that time; None: none here
        did.
        """
        if not self._connection:
            return None
        with self._translated():
            number = self._find(target).number
            return failures.run_of_file(self._connection, number, owner, written)

    def note_failure_file(self, target: Target, owner: str, written: float, run: int) -> None:
        """Note that the run of this number writes a failure file, whose header has this time."""
        with self._transaction() as connection:
            number = self._place(target).number
            failures.note_failure_file(connection, number, owner, written, run)

    def note_failures(
        self, target: Target, owner: str, wanted: Mapping[str, Wanted | None]
    ) -> None:
        """Note the keys that a file lists, or (None) those that are not wanted any more."""
        with self._transaction() as connection:
            failures.note(connection, self._place(target).number, owner, wanted)

    def note_run(self, target: Target, owner: str, run: Run) -> None:
        """Note a whole run, of one who has changed nothing."""
        with self._transaction() as connection:
            number = runs.begin(connection, self._place(target).number, owner, run.started, {})
            runs.end(connection, number, run.ended, run.exit_code, run.counts)

    def record(
        self, target: Target, owner: str, marks: Sequence[Change], outcomes: Sequence[Outcome]
    ) -> None:
        """In one transaction: settle these outcomes, and mark these changes in doubt.

        A key that the state does not have, and that is to be deleted, gets no row: see `recent`.
        A change that was refused for good or never sent leaves its row as it was before; one whose
        request went unanswered stays in doubt.
        """
        with self._transaction() as connection:
            place = self._place(target)
            settle(connection, place, owner, outcomes)
            mark(connection, place, owner, marks)
            recent.purge(connection, place.number)

    def touch(self, target: Target, owner: str, entries: Iterable[Entry]) -> None:
        """Bring signature, origin and owner of unchanged rows up to date."""
        with self._transaction() as connection:
            place = self._place(target)
            row = row_maker(place.seed, lambda what: damaged(self.path, what))

            def touched(entry: Entry) -> Iterator[Fields]:
                known = connection.execute(_ONE, (place.number, entry.key)).fetchone()
                if known:
                    old = row(known)
                    new = old._replace(
                        owner=owner, origin=entry.origin, signature=entry.signature or old.signature
                    )
                    yield fields_of(place, new)

            put(connection, chain.from_iterable(map(touched, entries)))

    def correct(self, target: Target, rows: Iterable[Row], gone: Iterable[str]) -> None:
        """Take over what a look at the target has shown: these rows, and no more of those keys."""
        with self._transaction() as connection:
            place = self._place(target)
            put(connection, (fields_of(place, row) for row in rows))
            forget(connection, place.number, gone)

    def forget(self, target: Target, keys: Iterable[str]) -> int:
        """Drop the rows of these keys; returns how many there were."""
        with self._transaction() as connection:
            return forget(connection, self._place(target).number, keys)

    def doubt(self, target: Target, before: float = math.inf) -> None:
        """Be sure of nothing that was acknowledged before that time (service's clock)."""
        with self._transaction() as connection:
            place = self._place(target)
            row = row_maker(place.seed, lambda what: damaged(self.path, what))
            doubt(connection, place, before, row)

    def forget_all(self, target: Target, at: float) -> None:
        """Drop all rows of a target that was emptied at that time (service's clock) or before."""
        with self._transaction() as connection:
            forget_all(connection, self._place(target).number, at)
