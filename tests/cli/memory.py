"""A second backend, for tests: states in dictionaries, which only the Protocols are known of."""

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Self

from kvsync.model.errors import LockedError, StateError
from kvsync.model.files import MountPoints
from kvsync.model.owners import OwnerPlace
from kvsync.model.values import (
    PARTIAL,
    Action,
    Change,
    Entry,
    Outcome,
    OutcomeKind,
    Row,
    Run,
    Target,
)
from kvsync.state import UNSETTLED, Diagnosis, Glimpse, Holding, StateLocation, Wanted

Owned = tuple[Target, str]


@dataclass
class Kept:
    """All that one state knows, and who is at it."""

    rows: dict[Target, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    recent: dict[Target, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    offsets: dict[Target, float] = field(default_factory=dict)
    runs: list[tuple[Target, str, Run]] = field(default_factory=list)
    fingerprints: dict[bytes, tuple[Target, str]] = field(default_factory=dict)
    failures: dict[Owned, dict[str, Wanted]] = field(default_factory=lambda: defaultdict(dict))
    files: dict[tuple[Target, str, float], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    changes: int = 0

    def void(self, target: Target) -> None:
        """Keep no fingerprint of the target."""
        self.changes += 1
        left = {name: kept for name, kept in self.fingerprints.items() if kept[0] != target}
        self.fingerprints = left


class MemoryState:
    """A `State` in dictionaries."""

    def __init__(self, kept: Kept, *, writable: bool) -> None:
        self.kept = kept
        self.writable = writable

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def targets(self) -> list[Target]:
        return [*self.kept.rows]

    def rows(self, target: Target) -> Mapping[str, Row]:
        return dict(sorted(self.kept.rows.get(target, {}).items()))

    def some_rows(self, target: Target, keys: Iterable[str]) -> list[Row]:
        rows = self.rows(target)
        return [rows[key] for key in keys if key in rows]

    def owns(self, target: Target, owner: str) -> bool:
        return any(row.owner == owner for row in self.rows(target).values())

    def recent(self, target: Target) -> dict[str, float]:
        return dict(self.kept.recent.get(target, {}))

    def clock_offset(self, target: Target) -> float:
        return self.kept.offsets.get(target, 0.0)

    def runs(self, target: Target, owner: str, limit: int = 10) -> list[Run]:
        return [run for _, run in reversed(self.numbered_runs(target, owner))][:limit]

    def numbered_runs(self, target: Target, owner: str) -> list[tuple[int, Run]]:
        numbered = enumerate(self.kept.runs, 1)
        return [(number, run) for number, (*whose, run) in numbered if whose == [target, owner]]

    def fingerprint(self, identity: bytes) -> tuple[Target, str] | None:
        return self.kept.fingerprints.get(identity)

    def failures(self, target: Target, owner: str) -> dict[str, Wanted]:
        return dict(self.kept.failures.get((target, owner), {}))

    def failures_elsewhere(self, target: Target, owner: str) -> dict[str, list[str]]:
        return {
            other: [*listed]
            for (place, other), listed in self.kept.failures.items()
            if place == target and other != owner and listed
        }

    def failure_file_run(self, target: Target, owner: str, written: float) -> int | None:
        return self.kept.files.get((target, owner, written))

    def take_over(
        self, target: Target, owner: str, former: str, belongs: Callable[[Row], bool]
    ) -> None:
        """There are no earlier versions of this."""

    def claim(self, target: Target, owner: str, belongs: Callable[[Row], bool]) -> None:
        """There are no earlier versions of this."""

    def note_clock(self, target: Target, offset: float) -> None:
        self.kept.offsets[target] = offset

    def begin_run(
        self, target: Target, owner: str, started: float, *, partial: bool = False
    ) -> int:
        run = Run(started, 0.0, 0, {PARTIAL: 1} if partial else {})
        self.kept.runs.append((target, owner, run))
        return len(self.kept.runs)

    def end_run(self, number: int, ended: float, exit_code: int, counts: Mapping[str, int]) -> None:
        target, owner, run = self.kept.runs[number - 1]
        self.kept.runs[number - 1] = target, owner, Run(run.started, ended, exit_code, counts)

    def note_run(self, target: Target, owner: str, run: Run) -> None:
        self.kept.runs.append((target, owner, run))

    def keep_fingerprint(self, target: Target, identity: bytes, content: str) -> None:
        self.kept.fingerprints[identity] = target, content

    def note_failures(
        self, target: Target, owner: str, wanted: Mapping[str, Wanted | None]
    ) -> None:
        listed = {**self.failures(target, owner), **wanted}
        self.kept.failures[target, owner] = {key: one for key, one in listed.items() if one}
        self.kept.void(target)

    def note_failure_file(self, target: Target, owner: str, written: float, run: int) -> None:
        self.kept.files[target, owner, written] = run

    def record(
        self, target: Target, owner: str, marks: Sequence[Change], outcomes: Sequence[Outcome]
    ) -> None:
        for outcome in outcomes:
            self._settle(target, owner, outcome)
        for change in marks:
            entry, row = change.entry, change.row
            if row or change.action is not Action.DELETE:
                new = Row(entry.key, b"", 0, entry.expiry, 0, 0, "", owner, entry.origin, True)
                marked = row._replace(owner=owner, in_doubt=True) if row else new
                self.kept.rows[target][entry.key] = marked
            else:
                self.kept.recent[target][entry.key] = UNSETTLED
        self.kept.void(target)

    def _settle(self, target: Target, owner: str, outcome: Outcome) -> None:
        rows, change, entry = self.kept.rows[target], outcome.change, outcome.entry
        if outcome.kind is OutcomeKind.DONE:
            rows.pop(entry.key, None)
            self.kept.recent[target][entry.key] = outcome.acknowledged
            if change.action is not Action.DELETE:
                runs_out = outcome.at + entry.expiry.ttl if entry.expiry.ttl else entry.expiry.at
                rows[entry.key] = Row(
                    entry.key, entry.digest, entry.size, entry.expiry, runs_out,
                    outcome.acknowledged, outcome.request_id, owner, entry.origin, False,
                    entry.signature,
                )  # fmt: skip
                del self.kept.recent[target][entry.key]
        elif not outcome.in_doubt:
            rows.pop(change.entry.key, None)
            if change.row:
                rows[change.entry.key] = change.row

    def touch(self, target: Target, owner: str, entries: Iterable[Entry]) -> None:
        rows = self.kept.rows[target]
        for entry in entries:
            if old := rows.get(entry.key):
                signature = entry.signature or old.signature
                new = old._replace(owner=owner, origin=entry.origin, signature=signature)
                rows[entry.key] = new
        self.kept.void(target)

    def correct(self, target: Target, rows: Iterable[Row], gone: Iterable[str]) -> None:
        self.kept.rows[target].update((row.key, row) for row in rows)
        self.forget(target, gone)

    def forget(self, target: Target, keys: Iterable[str]) -> int:
        rows = self.kept.rows[target]
        found = [rows.pop(key) for key in keys if key in rows]
        for row in found:
            self.kept.recent[target][row.key] = UNSETTLED if row.in_doubt else row.acknowledged
        self.kept.void(target)
        return len(found)

    def doubt(self, target: Target, before: float = inf) -> None:
        for key, row in self.rows(target).items():
            if row.acknowledged < before:
                self.kept.rows[target][key] = row._replace(in_doubt=True)
        self.kept.void(target)

    def forget_all(self, target: Target, at: float) -> None:
        self.kept.recent[target].update(dict.fromkeys(self.kept.rows.pop(target, {}), at))
        self.kept.void(target)


KEPT: dict[str, Kept] = {}
"""All states, by name; a test that wants them empty clears it."""


@dataclass(frozen=True, order=True)
class MemoryLocation:
    """A `StateLocation`: a name, and a directory for ``--local``."""

    name: str
    folder: str
    version = 7

    @property
    def option(self) -> str:
        return self.name

    def make_room(self) -> None:
        """It is there."""

    def files(self) -> Iterator[str]:
        return iter(())

    def place_of(self, location: str, home: str, mounted: MountPoints) -> OwnerPlace:
        return OwnerPlace(f"/{location.lstrip('/')}")

    def is_beside(self, name: str) -> bool:
        return False

    def exists(self) -> bool:
        return self.name in KEPT

    def read(self) -> MemoryState:
        return MemoryState(KEPT.get(self.name, Kept()), writable=False)

    def write(self) -> MemoryState:
        return MemoryState(KEPT.setdefault(self.name, Kept()), writable=True)

    def glance(self) -> MemoryState:
        return self.read()

    def note(self) -> MemoryState:
        return self.write()

    def unknown(self) -> MemoryState:
        return MemoryState(Kept(), writable=False)

    @contextmanager
    def lock(
        self, timeout: float = 0.0, waiting: Callable[[str], None] = lambda _: None
    ) -> Iterator[None]:
        lock = KEPT.setdefault(self.name, Kept()).lock
        if not lock.acquire(timeout=timeout):
            raise LockedError(f"another run holds {self.name}")
        try:
            yield
        finally:
            lock.release()

    def lock_at_once(self) -> AbstractContextManager[None]:
        return self.lock()

    def glimpse(self) -> Glimpse:
        kept = KEPT.get(self.name)
        return (kept.changes, len(kept.runs)) if kept else ()

    def refuse_foreign(self) -> None:
        """Nobody else keeps anything here."""

    def set_aside(self) -> str:
        raise StateError(f"{self.name} cannot be damaged")

    def examine(self, *, salvaging: bool = False) -> Diagnosis:
        found = Diagnosis(version=self.version)
        for target, rows in self.read().kept.rows.items():
            for owner in sorted({row.owner for row in rows.values()}):
                owned = [row for row in rows.values() if row.owner == owner]
                doubts, size = sum(row.in_doubt for row in owned), sum(row.size for row in owned)
                found.holdings.append(Holding(target, owner, len(owned), doubts, size))
        return found


def locate_in_memory(home: str, explicit: str = "") -> StateLocation:
    """As `kvsync.state.locate`: all that has to be chosen."""
    return MemoryLocation(f"memory:{explicit or os.path.realpath(home)}", os.path.realpath(home))
