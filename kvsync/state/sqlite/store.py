"""A state in an SQLite file: how it is opened, and all that changes it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Self

from kvsync.model.values import PARTIAL, Change, Entry, Outcome, Row, Run, Target
from kvsync.state.interface import Wanted
from kvsync.state.sqlite import handover, runs
from kvsync.state.sqlite.changing import (
    doubt,
    forget,
    forget_all,
    mark,
    purge_recent,
    put,
    settle,
)
from kvsync.state.sqlite.handover import Handing, set_aside
from kvsync.state.sqlite.opening import (
    open_for_noting,
    open_for_reading,
    open_for_writing,
    open_to_glance,
)
from kvsync.state.sqlite.reading import ONE_ROW, StateFile
from kvsync.state.sqlite.rows import Fields, StoredTarget, fields_of, row_maker
from kvsync.state.sqlite.trouble import damaged


class State(StateFile):
    """An open state file, or the nothing that stands for one that does not exist yet.

    Every method raises `StateError`.
    """

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

    def note_clock(self, target: Target, offset: float) -> None:
        """Remember by how much the clocks differ (seconds, positive: the service's is ahead)."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE target SET clock_offset = ? WHERE id = ?",
                (offset, self._place(target).number),
            )

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

    def _older(self, place: StoredTarget, owners: Iterable[str]) -> list[str]:
        if not self._connection:
            return []
        with self._translated():
            return handover.older(self._connection, place.number, owners)

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

    def keep_fingerprint(self, target: Target, identity: bytes, content: str) -> None:
        """Keep this until a row of the target changes."""
        with self._transaction() as connection:
            number = self._place(target).number
            runs.keep_fingerprint(connection, identity, target, number, content)

    def note_failure_file(self, target: Target, owner: str, written: float, run: int) -> None:
        """Note that the run of this number writes a failure file, whose header has this time."""
        with self._transaction() as connection:
            number = self._place(target).number
            runs.note_failure_file(connection, number, owner, written, run)

    def note_failures(
        self, target: Target, owner: str, wanted: Mapping[str, Wanted | None]
    ) -> None:
        """Note the keys that a file lists, or (None) those that are not wanted any more."""
        with self._transaction() as connection:
            runs.note_failures(connection, self._place(target).number, owner, wanted)

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
            purge_recent(connection, place.number)

    def touch(self, target: Target, owner: str, entries: Iterable[Entry]) -> None:
        """Bring signature, origin and owner of unchanged rows up to date."""
        with self._transaction() as connection:
            place = self._place(target)
            row = row_maker(place.seed, lambda what: damaged(self.path, what))

            def touched(entry: Entry) -> Iterator[Fields]:
                known = connection.execute(ONE_ROW, (place.number, entry.key)).fetchone()
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
