"""A clock that jumps to the next timer as soon as the network has nothing to say."""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_REAL_S = 0.003
"""For how long the network is listened to before the clock jumps."""

_NO_TIMER_S = 24 * 3600
"""For how long asyncio waits at most."""


class _Selector(selectors.DefaultSelector):
    loop: "_Loop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(timeout and _REAL_S)
        nothing_due = timeout is None or timeout >= _NO_TIMER_S
        # Work takes time, too: a limiter that finds itself a rounding error early asks again.
        self.loop.pass_by(1e-6 if found or nothing_due else 1e-6 + (timeout or 0))
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, passed: Callable[[float], None]) -> None:
        selector = _Selector()
        selector.loop = self
        self._now = 1000.0
        self._passed = passed
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def pass_by(self, seconds: float) -> None:
        self._now += seconds
        self._passed(seconds)


class HastyLoops(asyncio.DefaultEventLoopPolicy):
    """Gives such loops; ``passed`` is how many seconds have gone by on them, ``at`` what is called
    at which of those seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.at: dict[float, Callable[[], None]] = {}

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """A loop, whose clock goes on from there."""
        return _Loop(self._pass)

    def _pass(self, seconds: float) -> None:
        self.passed += seconds
        for moment in [moment for moment in self.at if moment <= self.passed]:
            self.at.pop(moment)()


@contextmanager
def hasty() -> Iterator[HastyLoops]:
    """Whoever makes an event loop within gets one of these."""
    before: Any = asyncio.get_event_loop_policy()
    policy = HastyLoops()
    asyncio.set_event_loop_policy(policy)
    try:
        yield policy
    finally:
        asyncio.set_event_loop_policy(before)
