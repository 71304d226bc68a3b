"""The service's pace, counted as the service counts it."""

from collections import defaultdict, deque


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
        """Whether an arrival of ``payer`` (secret id, action) at ``now`` (seconds) is let in.

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
