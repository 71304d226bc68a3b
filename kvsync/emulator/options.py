"""The options of an emulator."""

import math
import re
from dataclasses import dataclass, field

from kvsync.model.errors import UsageError

NEWER, PAGE, ANY = LIMITS = ("newer", "page", "any")
"""Which revision of the API is played: the service since mid-2026, the documented page, or both."""


DEFAULT_FAULTS = frozenset(
    {"InternalError", "502", "reset-before", "reset-after", "hang", "cut-off", "not-json"}
)
ALL_FAULTS = DEFAULT_FAULTS | {"429", "RequestLimitExceeded", "trickle"}
"""The first two more are no failures, but wishes for a slower pace: ``rate`` sees to that. The
third is as slow as an answer can be, and fails only for who will not wait.
"""
_NAMESPACE = re.compile(r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*")


def is_namespace_name(name: str) -> bool:
    """Return whether the service takes this name: 1 to 50 of ``a-z A-Z 0-9 -``.

    ``-`` stands neither first nor last nor twice in a row. Source: CreateEdgeKVNamespace in the
    vendor's SDK.
    """
    return len(name) <= 50 and _NAMESPACE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """How an emulator behaves.

    ``zone`` is the only zone there is; empty: every zone is. ``namespaces`` exist at the start in
    each of them. ``rate`` is in requests per second, action and secret id, 0 for no limit;
    ``latency`` in seconds before each answer; ``jitter`` in seconds by which the way here may be
    shorter or longer than it is on average; ``lag`` in seconds from a write or delete to when it
    can be read; ``fault`` the share (0 to 1) of requests that fail, each in one of the ways in
    ``faults``, drawn from ``seed``. ``data`` is an SQLite file; empty: memory. ``credential`` is
    the one pair (secret id, secret key) that is let in; with None every pair is, and the HMAC is
    not checked. ``tls`` is a PEM file with a certificate and its key; empty: plain HTTP.
    ``limits`` is one of `LIMITS`: ``newer`` refuses what the service refuses since
    mid-2026 (what expires in under 60 s), ``page`` what the documented page refuses (keys of other
    characters than letters, digits, ``-`` and ``_``), ``any`` takes what one of them takes.

    Raises `UsageError` for a number out of range, an unknown fault, revision or illegal namespace.
    """

    zone: str = ""
    namespaces: tuple[str, ...] = ("default",)
    rate: float = 20.0
    latency: float = 0.0
    jitter: float = 0.0
    lag: float = 0.0
    fault: float = 0.0
    faults: frozenset[str] = DEFAULT_FAULTS
    data: str = ""
    credential: tuple[str, str] | None = field(default=None, repr=False)
    seed: int | None = None
    tls: str = ""
    limits: str = NEWER

    def __post_init__(self) -> None:
        if not 0 <= self.rate < math.inf:
            raise UsageError("rate: give a finite number of requests per second, or 0 for no limit")
        if not 0 <= self.latency < math.inf:
            raise UsageError("latency: give a finite number of seconds, 0 or more")
        if not 0 <= self.jitter < math.inf:
            raise UsageError("jitter: give a finite number of seconds, 0 or more")
        if not 0 <= self.lag < math.inf:
            raise UsageError("lag: give a finite number of seconds, 0 or more")
        if not 0 <= self.fault <= 1:
            raise UsageError("fault: give a share from 0 to 1")
        if self.limits not in LIMITS:
            raise UsageError(f"limits: give {', '.join(LIMITS[:-1])} or {LIMITS[-1]}")
        if unknown := sorted(self.faults - ALL_FAULTS):
            known = ", ".join(sorted(ALL_FAULTS))
            raise UsageError(f"faults: {', '.join(unknown)} is unknown; there are {known}")
        for name in self.namespaces:
            if not is_namespace_name(name):
                raise UsageError(
                    f"namespace {name!r}: the service allows 1 to 50 letters, digits and -, "
                    "with no - at either end and no two in a row"
                )
