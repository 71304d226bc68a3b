"""The values that pass from room to room: frozen, and without I/O.

Values that exist once per key are named tuples: they are made by the hundred thousand, and a tuple
takes a third of the time and of the memory of a frozen dataclass.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from math import inf
from typing import NamedTuple, TypeAlias


class Expiry(NamedTuple):
    """When a pair ceases to exist, as its source declares it; at most one of the two is set.

    ``ttl`` is in seconds after the write, ``at`` in Unix seconds; 0 means not declared.
    """

    ttl: int = 0
    at: int = 0


NEVER = Expiry()


class Entry(NamedTuple):
    """One wanted pair, without its value.

    ``digest`` is the SHA-256 (32 bytes) of the value as it is sent, in UTF-8, and ``size`` its
    length in bytes. ``origin`` is what to show a person (``prod.yaml:12``, ``bundle/a.json``).
    ``signature`` identifies a file's content without reading it, and is empty where there is no
    file or where the file is too young to be trusted.
    """

    key: str
    digest: bytes
    size: int
    expiry: Expiry
    origin: str
    signature: bytes = b""


class Lost(NamedTuple):
    """Why a value that the plan counted on could not be had when its turn came.

    ``code`` is what its outcome has as such.
    """

    message: str
    code: str = "SourceChanged"


Loaded: TypeAlias = tuple[Entry, bytes | Lost]
"""An entry as it was read just now (digest, size and signature are those of these bytes), and the
value in UTF-8, ready to be sent."""


class Destination(NamedTuple):
    """Where a source says that it belongs; empty strings where it does not say.

    ``zone_from`` and ``namespace_from`` say where each was found (``prod.yaml:3``). With an
    ``endpoint`` (as a target has it) it belongs there and nowhere else, and its state is the file
    at ``state``, if that is said; what was acknowledged there after ``written`` (Unix seconds by
    the service's clock) is newer than what it holds.
    """

    zone: str = ""
    namespace: str = ""
    zone_from: str = ""
    namespace_from: str = ""
    endpoint: str = ""
    state: str = ""
    written: float = 0.0


class Pair(NamedTuple):
    """A pair as the service holds it.

    ``value`` is in UTF-8, None for a key that is not there; ``expires`` is in Unix seconds, 0 for
    never.
    """

    key: str
    value: bytes | None
    expires: int = 0


class Seen(NamedTuple):
    """One key as the target was seen to hold it.

    ``digest`` is the SHA-256 (32 bytes) of the value, empty if the key is not there; ``size`` is in
    bytes; ``expires`` in Unix seconds, 0 for never.
    """

    key: str
    digest: bytes = b""
    size: int = 0
    expires: int = 0


class Target(NamedTuple):
    """One namespace as the state knows it: all three decide which rows speak of it."""

    endpoint: str
    zone: str
    namespace: str


class Row(NamedTuple):
    """One key of a target as the state remembers it.

    ``digest`` is empty for a key whose first write was never acknowledged, or that another writer
    was seen to have written since. ``runs_out`` and ``acknowledged`` (Unix seconds, 0 for never or
    not yet) are by the service's clock. ``in_doubt``: no answer settled a request that went out.
    """

    key: str
    digest: bytes
    size: int
    expiry: Expiry
    runs_out: float
    acknowledged: float
    request_id: str
    owner: str
    origin: str
    in_doubt: bool
    signature: bytes = b""

    @property
    def estranged(self) -> bool:
        """True if another writer was seen to have written the key since."""
        return not self.digest and not self.in_doubt


Recall: TypeAlias = Callable[[str], Row | None]
"""Looks a key up in the state: a source need not read a file again whose signature is known."""


def nothing_known(_: str) -> None:
    """Recall nothing, as of a state without rows: no file is looked at before it is read."""


class Action(StrEnum):
    """The kinds of changes."""

    CREATE = "create"
    UPDATE = "update"
    RENEW = "renew"
    DELETE = "delete"


class Change(NamedTuple):
    """One thing to do, and why. ``row`` is what the state had, if anything."""

    action: Action
    entry: Entry
    reason: str
    row: Row | None = None


class Steps(Collection[Change]):
    """Changes after changes, of which none is made before it is looked at."""

    def __init__(self, *parts: Sequence[Change]) -> None:
        self._parts = parts

    def __contains__(self, change: object) -> bool:
        return any(change in part for part in self._parts)

    def __iter__(self) -> Iterator[Change]:
        return chain.from_iterable(self._parts)

    def __len__(self) -> int:
        return sum(map(len, self._parts))


class Plan(NamedTuple):
    """A plan: all that a run would do, in the source's order.

    ``touched`` are unchanged entries whose signature, origin or owner the state should take over;
    ``orphans`` are the rows that this owner pushed and no longer names; ``expired`` are entries
    whose ``expires`` has passed; ``dropped`` are keys that the state should forget, because the
    pair has expired by itself. ``deletes`` come after all ``changes``; ``orphans`` then
    has those that stay. Until ``due`` (Unix seconds by the service's clock) the passing of time
    alone makes no difference to what is unchanged, or an orphan.
    """

    changes: Sequence[Change]
    unchanged: int
    touched: Sequence[Entry]
    orphans: list[Row]
    expired: list[Entry]
    dropped: list[str]
    warnings: list[str]
    deletes: Sequence[Change] = ()
    due: float = inf

    @property
    def steps(self) -> "Steps":
        """All that would be done, in this order."""
        return Steps(self.changes, self.deletes)

    @property
    def bytes(self) -> int:
        """Bytes of value to send."""
        return sum(change.entry.size for change in self.changes)

    @property
    def growth(self) -> int:
        """Bytes of keys and values by which the namespace grows before anything is deleted."""
        return sum(
            change.entry.size - change.row.size
            if change.row and change.row.digest
            else change.entry.size + len(change.entry.key.encode())
            for change in self.changes
        )


class Ack(NamedTuple):
    """The service's word that a write was carried out.

    It was carried out between ``at``, when it was sent, and ``answered``: both by the service's
    clock, in Unix seconds. ``attempts`` counts the requests it took. Not ``sure``: it was refused
    as done already, after an attempt that no answer has settled.
    """

    request_id: str
    at: float
    attempts: int = 1
    answered: float = 0.0
    sure: bool = True


class OutcomeKind(StrEnum):
    """How a change ended. failed: may work later; rejected: never will; skipped: never tried."""

    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    SKIPPED = "skipped"


class Outcome(NamedTuple):
    """How one change ended.

    ``entry`` is what was sent, which may be newer than what was planned. ``in_doubt``: a request
    went out and no answer settled it. Of what was acknowledged, ``at`` is when it was sent and
    ``answered`` when the answer came, both by the service's clock.
    """

    kind: OutcomeKind
    change: Change
    entry: Entry
    at: float = 0.0
    request_id: str = ""
    attempts: int = 0
    code: str = ""
    message: str = ""
    in_doubt: bool = False
    answered: float = 0.0

    @property
    def acknowledged(self) -> float:
        """The latest time at which it may have been carried out: from then on the store settles."""
        return max(self.at, self.answered)


PARTIAL = "partial"
"""Among the counts of a run: it was not for all of its source."""


class Run(NamedTuple):
    """One past run of an owner against a target; ``ended`` 0 if it was cut off.

    Times are in Unix seconds by this machine's clock. ``counts`` are of keys by what was done, and
    have `PARTIAL` if the run was not for all of its source.
    """

    started: float
    ended: float
    exit_code: int
    counts: Mapping[str, int]
