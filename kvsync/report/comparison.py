"""The results of verify, export and convert, as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kvsync.model.errors import ServiceError


class Difference(NamedTuple):
    """One key that is not as the source says.

    ``status`` is ``differs``, ``missing`` or ``unmanaged``. ``expected`` and ``actual`` are the
    values, where they were asked for and are there.
    """

    key: str
    status: str
    origin: str = ""
    expected: bytes | None = None
    actual: bytes | None = None


@dataclass(slots=True)
class Comparison:
    """Which keys are as the source says, which are not, and which could not be read, and why.

    ``exact``: keys that the source does not name count as differences.
    """

    same: Sequence[str] = ()
    differences: list[Difference] = field(default_factory=list)
    failures: list[tuple[str, ServiceError]] = field(default_factory=list)
    exact: bool = False

    def count(self, status: str) -> int:
        """Return how many keys have this status."""
        return sum(difference.status == status for difference in self.differences)

    @property
    def differs(self) -> bool:
        """True if the target is not as the source says."""
        return any(self.exact or d.status != "unmanaged" for d in self.differences)


@dataclass(slots=True)
class Exported:
    """Counts of keys: ``read`` now, ``written`` of them new or changed, ``kept`` from before and
    not read, ``removed`` since they are gone; ``size`` in bytes of value read.

    ``complete``: nothing is missing.
    """

    read: int = 0
    written: int = 0
    kept: int = 0
    removed: int = 0
    size: int = 0
    failures: list[tuple[str, ServiceError]] = field(default_factory=list)
    complete: bool = False


@dataclass(frozen=True, slots=True)
class FailuresFile:
    """The file at ``path`` lists what a push could not deliver.

    Counts of keys: ``kept`` with their value, which the command ``again`` sends; ``deletes``; and
    ``lost``, whose value could not be had.
    """

    path: str
    kept: int
    deletes: int
    lost: int
    again: str


@dataclass(slots=True)
class Converted:
    """Which format a source was written in, and where (``-`` is stdout).

    Counts of keys: ``written``, and ``expired``, left out since their time has passed; ``size`` in
    bytes of value written. ``complete``: nothing is missing.
    """

    out: str
    form: str
    written: int = 0
    expired: int = 0
    size: int = 0
    complete: bool = False
