"""The protocols of a state and of its location: a backend provides them."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

from kvsync.model.files import MountPoints
from kvsync.model.owners import OwnerPlace
from kvsync.model.values import Change, Entry, Expiry, Outcome, Row, Run, Target

Glimpse: TypeAlias = tuple[object, ...]
"""Equal for two looks between which no one has written the state."""

Wanted: TypeAlias = tuple[bytes, Expiry]
"""The digest of the value that is to get through, and the expiry."""

UNSETTLED = float("inf")
"""The time of a write that no answer has settled."""


class Holding(NamedTuple):
    """The keys of one owner in one target; ``size`` is in bytes of value."""

    target: Target
    owner: str
    keys: int
    in_doubt: int
    size: int


@dataclass(slots=True)
class Diagnosis:
    """The findings in a state file; it is sound if there are no ``problems``.

    ``version`` is that of its format, 0 where there is no state yet or none can be read.
    ``salvage`` has the rows that are as they were written, by target, if the file is built as it
    should be; of any other file nothing can be trusted. ``unfinished`` runs were cut off, or are
    still going. ``leftovers`` are files beside it that a program which was killed has left.
    """

    version: int = 0
    problems: list[str] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    unfinished: int = 0
    leftovers: list[str] = field(default_factory=list)
    salvage: dict[Target, list[Row]] = field(default_factory=dict)


class State(Protocol):
    """An open state, or the nothing that stands for one that does not exist yet.

    Every method raises `StateError`.
    """

    @property
    def writable(self) -> bool:
        """True if it was opened by `write`."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def targets(self) -> list[Target]:
        """Return all targets that the file knows."""

    def rows(self, target: Target) -> Mapping[str, Row]:
        """Return all rows of a target, by key; where they are many, each is read when it is asked
        for.
        """

    def some_rows(self, target: Target, keys: Iterable[str]) -> list[Row]:
        """Return the rows of these keys, as far as there are any."""

    def recent(self, target: Target) -> dict[str, float]:
        """Return when keys without a row were last written or deleted by us, where it may matter
        still.

        Unix seconds by the service's clock; infinite where no answer has settled it.
        """

    def clock_offset(self, target: Target) -> float:
        """Seconds by which the service's clock was ahead of this machine's, when last seen."""

    def note_clock(self, target: Target, offset: float) -> None:
        """Remember by how much the clocks differ (seconds, positive: the service's is ahead)."""

    def runs(self, target: Target, owner: str, limit: int = 10) -> list[Run]:
        """Return the last runs of an owner against a target, newest first."""

    def numbered_runs(self, target: Target, owner: str) -> list[tuple[int, Run]]:
        """Return all runs that are kept, each with its number: the later, the higher."""

    def take_over(
        self, target: Target, owner: str, former: str, belongs: Callable[[Row], bool]
    ) -> None:
        """Give ``owner`` the rows that ``belongs`` says an earlier version gave it by this name.

        A state that is only read speaks from now on as if that were done.
        """

    def claim(self, target: Target, owner: str, belongs: Callable[[Row], bool]) -> None:
        """Note that rows of this owner are those of a source that was given this name.

        Older rows of which ``belongs`` does not say so are set aside, as another's.
        """

    def owns(self, target: Target, owner: str) -> bool:
        """Return whether there are rows of this owner."""

    def begin_run(
        self, target: Target, owner: str, started: float, *, partial: bool = False
    ) -> int:
        """Note that a run has begun (Unix seconds); returns its number for `end_run`.

        ``partial``: it is not for all of its source.
        """

    def end_run(self, number: int, ended: float, exit_code: int, counts: Mapping[str, int]) -> None:
        """Note how the run ended (Unix seconds), and what it did."""

    def fingerprint(self, identity: bytes) -> tuple[Target, str] | None:
        """Return what `keep_fingerprint` has kept, and for which target, if that still stands."""

    def keep_fingerprint(self, target: Target, identity: bytes, content: str) -> None:
        """Keep this until a row of the target changes."""

    def failures(self, target: Target, owner: str) -> dict[str, Wanted]:
        """Return what failure files list of an owner's keys, and what of that still holds, by
        key.
        """

    def failures_elsewhere(self, target: Target, owner: str) -> dict[str, list[str]]:
        """Keys that failure files list of all other owners, by owner."""

    def failure_file_run(self, target: Target, owner: str, written: float) -> int | None:
        """Return the number of the run that wrote the failure file of that time; None: none here
        did.
        """

    def note_failure_file(self, target: Target, owner: str, written: float, run: int) -> None:
        """Note that the run of this number writes a failure file, whose header has this time."""

    def note_failures(
        self, target: Target, owner: str, wanted: Mapping[str, Wanted | None]
    ) -> None:
        """Note the keys that a file lists, or (None) those that are not wanted any more."""

    def note_run(self, target: Target, owner: str, run: Run) -> None:
        """Note a whole run, of one who has changed nothing."""

    def record(
        self, target: Target, owner: str, marks: Sequence[Change], outcomes: Sequence[Outcome]
    ) -> None:
        """In one transaction: settle these outcomes, and mark these changes in doubt.

        A key that the state does not have, and that is to be deleted, gets no row: see `recent`.
        A change that was refused for good or never sent leaves its row as it was before; one whose
        request went unanswered stays in doubt.
        """

    def touch(self, target: Target, owner: str, entries: Iterable[Entry]) -> None:
        """Bring signature, origin and owner of unchanged rows up to date."""

    def correct(self, target: Target, rows: Iterable[Row], gone: Iterable[str]) -> None:
        """Take over what a look at the target has shown: these rows, and no more of those keys."""

    def forget(self, target: Target, keys: Iterable[str]) -> int:
        """Drop the rows of these keys; returns how many there were."""

    def doubt(self, target: Target, before: float = math.inf) -> None:
        """Be sure of nothing that was acknowledged before that time (service's clock)."""

    def forget_all(self, target: Target, at: float) -> None:
        """Drop all rows of a target that was emptied at that time (service's clock) or before."""


class StateLocation(Protocol):
    """Where a state lies: a value, equal for the same state, and ordered: so are locks taken."""

    @property
    def name(self) -> str:
        """Its name for people and scripts: of a file the absolute path. No secret is in it."""

    @property
    def option(self) -> str:
        """The shortest value of ``--state`` that means it here: of a file a relative path."""

    @property
    def folder(self) -> str:
        """The directory on this machine in which files beside the state belong."""

    @property
    def version(self) -> int:
        """The version of the format that this kvsync writes."""

    def __lt__(self, other: Any, /) -> bool: ...

    def __hash__(self) -> int: ...

    def place_of(self, location: str, home: str, mounted: MountPoints) -> OwnerPlace:
        """Return the owner of the keys of a source at ``location`` that was given no name.

        Both paths are absolute, links not resolved; ``home`` is what `locate` has taken. Raises
        `UsageError` where no place can be told from here.
        """

    def is_beside(self, name: str) -> bool:
        """Tell if something beside the state is called so, as owners without a name once were."""

    def exists(self) -> bool:
        """Tell if there is a state already."""

    def read(self) -> State:
        """Open for reading alone: nothing is created, no lock is taken. Raises `StateError`."""

    def write(self) -> State:
        """Open for writing, under `lock`; created if it is missing. Raises `StateError`."""

    def glance(self) -> State:
        """Do as `read`, for a fingerprint alone: quick, and not searched for damage."""

    def note(self) -> State:
        """Do as `write`, to note a run that changes no row: quick, and not searched for damage."""

    def unknown(self) -> State:
        """Return a state that knows nothing, and cannot be written."""

    def lock(
        self, timeout: float = 0.0, waiting: Callable[[str], None] = lambda _: None
    ) -> AbstractContextManager[None]:
        """Let no other run have the state; wait for at most ``timeout`` seconds.

        ``waiting`` hears who holds it, if there is a wait. Raises `LockedError` and `StateError`.
        """

    def lock_at_once(self) -> AbstractContextManager[None]:
        """Return the same lock for a moment, where a run has been before. Raises `OSError`."""

    def glimpse(self) -> Glimpse:
        """Look if anybody has written it since, without opening it; empty if there is none."""

    def make_room(self) -> None:
        """Make what `write` needs to create it. Raises `StateError`."""

    def refuse_foreign(self) -> None:
        """Raise `StateError` for what `write` would refuse; nothing is created."""

    def set_aside(self) -> str:
        """Move a damaged state away, under `lock`; return its new name. Raises `StateError`."""

    def examine(self, *, salvaging: bool = False) -> Diagnosis:
        """Look for damage; with ``salvaging`` keep the rows that can be trusted."""

    def files(self) -> Iterator[str]:
        """Files on this machine that are the state's, as absolute paths without links."""
