"""What the caller of `kvsync.sync` decides: frozen values, filled in by the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kvsync.sources import SourceOptions

__all__ = ["NOBODY", "Call", "Choice", "Settings"]


class Choice(NamedTuple):
    """A value and who chose it: an option, a variable, or nobody (empty)."""

    value: str = ""
    said_by: str = ""

    @property
    def on_command_line(self) -> bool:
        """Whether an option chose it, and not the environment."""
        return self.said_by.startswith("--")


NOBODY = Choice()


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to go and how.

    ``rate`` is in requests per second and action; ``timeout``, ``grace`` and ``lock_timeout`` in
    seconds. ``state`` is the path of a state file, or empty for the place beside the source.
    """

    zone: Choice = NOBODY
    namespace: Choice = NOBODY
    endpoint: Choice = NOBODY
    local: bool = False
    profile: str = ""
    state: str = ""
    rate: float = 20.0
    workers: int = 64
    retries: int = 8
    timeout: float = 30.0
    grace: float = 10.0
    lock_timeout: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of plan or sync.

    ``only`` has shell patterns for keys; ``renew_within`` is in seconds (None: half of each TTL);
    ``now`` in Unix seconds.
    """

    paths: Sequence[str]
    settings: Settings
    now: float
    source: SourceOptions = field(default_factory=SourceOptions)
    environ: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    renew_within: int | None = None
    adopt: bool = False
