"""Limits of the service: sizes, names, pace, and how it refuses.

Sources: the vendor's page for EdgeKVPut of 2026-04-13 (``page``), and its newer revision, which the
service follows since mid-2026 (``newer``).
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any

from kvsync.emulator.options import NEWER, PAGE


class SlidingWindow:
    """Lets at most ``rate`` arrivals per sliding second through, for each payer by itself.

    A fraction is rounded down; a rate below 1 lets one through per 1/rate seconds. 0: no limit.
    What is refused does not count.
    """

    def __init__(self, rate: float) -> None:
        self._limit = max(1, int(rate)) if rate else 0
        self._length = 1.0 if rate >= 1 or not rate else 1 / rate
        self._accepted: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def admit(self, payer: tuple[str, str], now: float) -> bool:
        """Return whether an arrival of ``payer`` (secret id, action) at ``now`` (seconds) is let
        in.

        Arrivals must be given in their order.
        """
        if not self._limit:
            return True
        accepted = self._accepted[payer]
        while accepted and accepted[0] <= now - self._length:
            accepted.popleft()
        if len(accepted) >= self._limit:
            return False
        accepted.append(now)
        return True


class Refusal(Exception):  # noqa: N818 - it is an answer of the service, and no error of kvsync's
    """An answer ``{"Error": {"Code", "Message"}}``; it never leaves the emulator as an exception.

    The codes are those of the vendor's SDK (``tencentcloud.teo.v20220901.errorcodes``) and of
    https://www.tencentcloud.com/document/api/1145/42649 (common to all services).
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(code)


_SHORTEST_S = 60
_STRICT = re.compile(rb"[A-Za-z0-9_-]*")


def check_limits(parameters: Mapping[str, Any], limits: str, now: int) -> None:
    """Let in what the revision takes; ``now`` is in Unix seconds.

    Raises `Refusal`, which names the rule and the revision, and never repeats a key.
    """
    if limits == PAGE:
        for name, key in _keys(parameters):
            if not _STRICT.fullmatch(key):
                raise _refusal("FormatMismatch", name, "letters, digits, - and _ alone", limits)
    if limits == NEWER:
        ttl, at = parameters.get("ExpirationTTL"), parameters.get("Expiration")
        if ttl is not None and ttl < _SHORTEST_S:
            raise _refusal("NotWithinRange", "ExpirationTTL", f"{_SHORTEST_S} or more", limits)
        # A time to live wins over a time.
        if ttl is None and at is not None and at < now + _SHORTEST_S:
            raise _refusal("NotWithinRange", "Expiration", f"now + {_SHORTEST_S} or later", limits)


def _keys(parameters: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name in ("Key", "Prefix"):
        if name in parameters:
            yield name, parameters[name]
    for number, key in enumerate(parameters.get("Keys", ())):
        yield f"Keys.{number}", key


def _refusal(code: str, name: str, rule: str, limits: str) -> Refusal:
    revision = "documented page of 2026-04-13" if limits == PAGE else "newer revision"
    return Refusal(
        f"InvalidParameterValue.{code}",
        f"The parameter {name} must be {rule} (the rule of the {revision}: --limits {limits}).",
    )
