"""A call: the values that a command line sets, frozen."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kvsync.model.api import API_RATE
from kvsync.plan.limits import Deleting
from kvsync.plan.options import PlanOptions
from kvsync.sources import SourceOptions


class Choice(NamedTuple):
    """A value and who chose it: an option, a variable, or no one (empty)."""

    value: str = ""
    said_by: str = ""

    @property
    def on_command_line(self) -> bool:
        """True if an option chose it, and not the environment."""
        return self.said_by.startswith("--")


NOBODY = Choice()


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to go and how.

    ``rate`` is in requests per second and action (more than the API's own is granted by ticket);
    ``timeout``, ``grace`` and ``lock_timeout`` in
    seconds. ``state`` is the path of a state file, or empty for the place beside the source.
    ``ca_file``: certificates (PEM) that are trusted besides the system's; empty: none.
    ``identities``: what the state knows endpoints by, as far as they were asked in this run.
    """

    zone: Choice = NOBODY
    namespace: Choice = NOBODY
    endpoint: Choice = NOBODY
    local: bool = False
    profile: str = ""
    state: str = ""
    rate: float = API_RATE
    workers: int = 64
    retries: int = 8
    timeout: float = 30.0
    ca_file: str = ""
    grace: float = 10.0
    lock_timeout: float = 0.0
    identities: dict[str, str] = field(default_factory=dict, repr=False, compare=False)


class Verifying(NamedTuple):
    """How a target is compared with its source.

    ``wait`` is for how many seconds keys that differ are read again; ``listing``: the namespace's
    keys are listed, to find those that the source does not name; ``exact``: they count as
    differences; ``values``: those of keys that differ are kept, to be shown.
    """

    wait: float = 0.0
    listing: bool = True
    exact: bool = False
    values: bool = False


class Exporting(NamedTuple):
    """Where an export goes: a path, or ``-`` for stdout, and in which format.

    Only keys that begin with ``prefix``; ``refresh``: what is there already is read again.
    """

    out: str
    form: str
    prefix: str = ""
    refresh: bool = False


class Converting(NamedTuple):
    """Which source is written anew, to a path or to ``-`` for stdout, and in which format.

    ``force``: what stands there is replaced.
    """

    path: str
    out: str
    form: str
    force: bool = False


class Copying(NamedTuple):
    """Where a copy comes from; only keys that begin with ``prefix``.

    ``name`` is the owner of the keys; empty: the place that they come from.
    """

    settings: Settings
    prefix: str = ""
    name: str = ""


class Deadline:
    """It passes ``seconds`` after it was made, as the monotonic clock counts; by default never."""

    def __init__(self, seconds: float = math.inf) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until it passes, 0 from then on."""
        return max(0.0, self._end - time.monotonic())


@dataclass(frozen=True, slots=True)
class Call:
    """One call of plan, sync or verify.

    ``only`` has shell patterns for keys.
    ``clock`` gives Unix seconds: a run may wait for another one before it looks at the time.
    ``refresh``: the state is corrected from the target first. ``deleting`` None: nothing is
    deleted. ``verifying``: how to compare the target with its source (after a push: None for not).
    ``failures`` is the path of the file that is to list what a push could not deliver, or empty.
    Once the ``deadline`` has passed, or ``max_errors`` keys have failed or were rejected (None:
    however many), nothing more is read or sent over the network.
    """

    paths: Sequence[str]
    settings: Settings
    clock: Callable[[], float] = time.time
    source: SourceOptions = field(default_factory=SourceOptions)
    environ: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    planning: PlanOptions = field(default_factory=PlanOptions)
    refresh: bool = False
    deleting: Deleting | None = None
    create_namespace: bool = False
    verifying: Verifying | None = None
    failures: str = ""
    deadline: Deadline = field(default_factory=Deadline)
    max_errors: int | None = None
