"""The pace: how many requests of an action may leave in a second.

One permit at a time, refilled after 1/rate seconds. ``AsyncLimiter(20, 1)`` would let a full
bucket out at once and refill meanwhile: 39 requests were measured in one second.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiolimiter import AsyncLimiter

from kvsync.errors import Interrupted

__all__ = ["Throttle"]

_FLOOR = 1 / 8
_CLIMB = 1 / 10
"""Of the full rate, per second."""
_HALVING_PAUSE = 1.0
_HEADROOM = 0.02
"""Of the spacing, once the service has refused: what left 50 ms apart need not arrive so."""


@dataclass(slots=True)
class _Pace:
    """One action's limiter, and the share of the full rate that it may use just now."""

    limiter: AsyncLimiter
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    share: float = 1.0
    headroom: float = 0.0
    since: float = 0.0
    halved: float = float("-inf")

    def slow_down(self, now: float) -> None:
        self._climb(now)
        self.headroom = _HEADROOM
        if now - self.halved >= _HALVING_PAUSE:
            self.halved = now
            self.share = max(_FLOOR, self.share / 2)

    def penalty(self, now: float) -> float:
        """What a permit costs beyond the one that it is."""
        self._climb(now)
        return (1 + self.headroom) / self.share - 1

    def _climb(self, now: float) -> None:
        self.share = min(1.0, self.share + (now - self.since) * _CLIMB)
        self.since = now


class Throttle:
    """Paces the requests of one account, each action by itself; shared by all who send them.

    ``rate`` is in requests per second and action. After a refusal (`slow_down`) an action's rate
    halves, at most once a second and never below an eighth, and climbs back by a tenth of the full
    rate per second.
    """

    def __init__(self, rate: float) -> None:
        if not 0 < rate < float("inf"):
            raise ValueError("a rate is a number of requests per second above 0")
        self.rate = rate
        self.stopped = False
        self._paces: dict[str, _Pace] = {}
        self._waiting: set[asyncio.Task[object]] = set()

    async def permit(self, action: str) -> None:
        """Returns when one request of this action may leave, now.

        Raises `Interrupted` after `stop`.
        """
        pace = self._pace(action)
        with self.until_stopped():
            # One waiter at a time in the limiter: a changed rate holds for the next permit.
            async with pace.turn:
                await self._pay(pace)

    def slow_down(self, action: str) -> None:
        """The service refused a request of this action as one too many."""
        self._pace(action).slow_down(asyncio.get_running_loop().time())

    def stop(self) -> None:
        """Nobody gets a permit any more; those who wait raise `Interrupted` at once."""
        if self.stopped:
            return
        self.stopped = True
        for task in self._waiting:
            task.cancel()

    async def pause(self, seconds: float) -> None:
        """A retry's wait. Raises `Interrupted` as soon as `stop` is called."""
        with self.until_stopped():
            await asyncio.sleep(seconds)

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """What is awaited within ends with `Interrupted` as soon as `stop` is called.

        For waits in which nothing is sent. Any other cancellation passes; the steps are those of
        `asyncio.timeout`.
        """
        self._refuse_if_stopped()
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - a coroutine runs in a task
            raise RuntimeError("a permit is taken within a task")
        cancelling = task.cancelling()
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self.stopped and task.uncancel() <= cancelling:
                raise Interrupted from None
            raise
        finally:
            self._waiting.discard(task)

    def _pace(self, action: str) -> _Pace:
        if action not in self._paces:
            self._paces[action] = _Pace(AsyncLimiter(1, 1 / self.rate))
        return self._paces[action]

    async def _pay(self, pace: _Pace) -> None:
        # AsyncLimiter's spacing is fixed: a slowed action pays in permits that nobody uses.
        penalty = pace.penalty(asyncio.get_running_loop().time())
        while penalty > 0:
            await pace.limiter.acquire(min(1.0, penalty))
            penalty -= 1.0
        await pace.limiter.acquire()

    def _refuse_if_stopped(self) -> None:
        if self.stopped:
            raise Interrupted
