"""The service's clock, as far as the ``Date`` of its answers tells it.

One ``Date`` may be wrong, of a cache or of a machine whose clock is. What keys run out by is dated
by what most of the last answers say; a signature, which is checked at once, by the last of them.
"""

import logging
import time
from collections import deque
from collections.abc import Collection
from statistics import median_low

from kvsync.edgekv.answers import Reply
from kvsync.model.api import CLOCK_SKEW_S

_BELIEVABLE = 7 * 86400.0
"""Seconds between two clocks from which on it is the ``Date`` that is wrong."""
_NOTABLE = 5.0
"""Seconds between two clocks from which on they differ: a ``Date`` has whole ones, and travels."""
_VOICES = 5
"""Answers that are asked for the time: three of them may outvote two."""

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_log = logging.getLogger("kvsync.edgekv")


def steady() -> float:
    """Seconds on a clock that no one sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(_STEADY)


class ServiceClock:
    """The service's time, in Unix seconds: this machine's until the service says otherwise.

    It is carried on by the steady clock, so that it does not matter if someone sets this
    machine's.
    """

    def __init__(self) -> None:
        # All are Unix seconds less those of the steady clock.
        self._told: deque[float] = deque(maxlen=_VOICES)
        self._agreed: float | None = None
        self._corrected: float | None = None
        self._warned = False

    @property
    def offset(self) -> float:
        """Seconds by which it is ahead of this machine's: by most of the last answers or, where
        they do not agree, by the last one. 0.0 if that is not notable, or unknown.
        """
        if not self._told:
            return 0.0
        known = self._told[-1] if self._agreed is None else self._agreed
        return _notable(known + steady() - time.time())

    @property
    def is_sure(self) -> bool:
        """True if `offset` is more than one answer's word."""
        return self._agreed is not None or self._corrected is not None

    def now(self) -> float:
        """Return the time now, as far as it is known."""
        return time.time() + self.offset

    def note(self, reply: Reply) -> None:
        """Learns from an answer of the service, if it has a ``Date`` that can be right."""
        if (told := _told_by(reply)) is not None:
            self._told.append(told)
            self._corrected = None
            if (agreed := _majority(self._told)) is not None:
                self._agreed = agreed

    def sent(self, reply: Reply) -> float:
        """Return when the request of this answer was sent, or earlier: never later."""
        known, told = self._agreed, _told_by(reply)
        if known is None and told is None:
            known = self._corrected
        if known is None:
            # One answer's word may make it earlier: so may have been what made the answer late.
            behind = 0.0 if told is None else _notable((reply.service_time or 0.0) - reply.arrived)
            return reply.sent + min(0.0, behind)
        ahead = _notable(known + reply.steady - reply.arrived)
        return known + reply.steady - reply.took if ahead else reply.sent

    def arrived(self, reply: Reply) -> float:
        """Return when this answer came, or later: never earlier."""
        known = _told_by(reply) if self._agreed is None else self._agreed
        known = self._corrected if known is None else known
        return reply.arrived if known is None else max(reply.arrived, known + reply.steady)

    def correct(self, service_time: float) -> None:
        """Take over the service's time, which has refused a signature for its own; warns once.

        The next signature is by it. Where that is taken, keys are dated by it, unless the answer
        itself says something else.
        """
        offset = _notable(service_time - time.time())
        self._corrected = time.time() + offset - steady()
        self._agreed = None
        self._told.clear()
        self._told.append(self._corrected)
        if offset and not self._warned:
            self._warned = True
            _log.warning(
                "this machine's clock is %.0f s %s the service's; corrected for this run",
                abs(offset),
                "behind" if offset > 0 else "ahead of",
            )


def _told_by(reply: Reply) -> float | None:
    """Return what an answer says of the service's clock; None if nothing, or nothing that can
    be.
    """
    date = reply.service_time
    if date is None or abs(date - reply.arrived) >= _BELIEVABLE:
        return None
    if reply.signed is not None:
        # It took the signature, so its clock is not far from the time that was signed.
        earliest, latest = reply.signed - CLOCK_SKEW_S, reply.signed + CLOCK_SKEW_S + reply.took
        if not earliest - _NOTABLE <= date <= latest + _NOTABLE:
            return None
    # What the way may have taken is no difference.
    explained = reply.sent - _NOTABLE <= date <= reply.arrived + _NOTABLE
    return (reply.arrived if explained else date) - reply.steady


def _majority(told: Collection[float]) -> float | None:
    """Return what most of them say, and two at least; None if they do not agree."""
    middle = median_low(told)
    near = sum(abs(one - middle) <= _NOTABLE for one in told)
    return middle if near > max(1, len(told) // 2) else None


def _notable(difference: float) -> float:
    return difference if _NOTABLE < abs(difference) < _BELIEVABLE else 0.0
