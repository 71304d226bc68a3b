"""The pace: how many requests of an action may leave in a second.

One permit at a time, refilled after 1/rate seconds. ``AsyncLimiter(20, 1)`` would let a full
bucket out at once and refill meanwhile: 39 requests were measured in one second.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from aiolimiter import AsyncLimiter

from kvsync.model.errors import Interrupted

_FLOOR = 1 / 8
_CLIMB = 1 / 10
"""Of the full rate, per second."""
_HALVING_PAUSE = 1.0

_WINDOW_S = 1.02
"""From a departure to that of the request which is one too many for the second behind it.

Arrivals are not as far apart as departures: where the way takes 10 ms more or less than usual, the
first may come 20 ms nearer to the last. With these 20 ms all is let through, and 20/1.02 a second,
98 %, are left. With 15 ms, 98.5 %, one in thirty would be refused there, and a refusal costs
more than that: the rate halves for a while."""
_LAG_S = 0.0006
"""By which a permit comes late: the event loop rounds its timers up to whole milliseconds."""
_HASTE = 0.95
"""Of the spacing that a window has on average: what is a little late by the clock of a busy machine
is made up for, since only the window bounds the departures."""
_WATCHED_RATE = 1000.0
"""Requests per second up to which departures are kept: no single one matters where more leave."""


class Permit:
    """Leave for one request; ``at`` is when it was given or, once that is known, used (loop time).

    A machine that is busy lets time pass in between.
    """

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at

    def used(self) -> None:
        """Note that the request leaves now."""
        self.at = asyncio.get_running_loop().time()


class _Pace:
    """One action's limiter, and the share of the full rate that it may use just now.

    A window of one second holds whole requests: 2.5 a second are 2 in each.
    """

    def __init__(self, rate: float) -> None:
        permits = math.floor(rate)
        self._even = _WINDOW_S / permits if permits else 1 / rate + _WINDOW_S - 1
        is_watched = 0 < permits <= _WATCHED_RATE
        spacing = self._even
        if is_watched:
            spacing = max(self._even / 2, self._even * _HASTE - _LAG_S)
        self.limiter = AsyncLimiter(1, spacing)
        self.turn = asyncio.Lock()
        self._spacing = spacing
        self._departures: deque[Permit] = deque(maxlen=permits if is_watched else 0)
        self._share = 1.0
        self._refused = False
        self._since = 0.0
        self._halved = float("-inf")

    def slow_down(self, now: float) -> None:
        self._climb(now)
        self._refused = True
        if now - self._halved >= _HALVING_PAUSE:
            self._halved = now
            self._share = max(_FLOOR, self._share / 2)

    def penalty(self, now: float) -> float:
        """Return what a permit costs beyond the one that it is: nothing until the service has
        refused one.

        From then on they are evenly spaced.
        """
        self._climb(now)
        return self._even / self._spacing / self._share - 1 if self._refused else 0.0

    async def given(self) -> Permit:
        """Return a permit, once the request that leaves with it is not one too many for any
        second.
        """
        loop = asyncio.get_running_loop()
        while (left := self._left(loop.time())) > 0:  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(left)
        permit = Permit(loop.time())
        self._departures.append(permit)
        return permit

    def _left(self, now: float) -> float:
        """Seconds until one more may leave."""
        kept = self._departures
        is_full = kept and len(kept) == kept.maxlen
        return kept[0].at + _WINDOW_S - now if is_full else 0.0

    def _climb(self, now: float) -> None:
        self._share = min(1.0, self._share + (now - self._since) * _CLIMB)
        self._since = now


class Openings:
    """Keeps the openings of connections so many seconds apart: requests are no nearer either."""

    def __init__(self, spacing: float) -> None:
        self._spacing = spacing
        self._next = 0.0
        self._turn = asyncio.Lock()

    async def wait(self, is_needed: Callable[[], bool]) -> None:
        """Wait until a connection may be opened, or none needs to be."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            while is_needed() and (left := self._next - loop.time()) > 0:  # noqa: ASYNC110 - time
                await asyncio.sleep(left)
            if is_needed():
                self.note()

    def note(self) -> None:
        """One is opened now."""
        self._next = asyncio.get_running_loop().time() + self._spacing


class _Waiting:
    """Those who wait, and those of them whom a stop has woken: that was no cancellation."""

    def __init__(self) -> None:
        self.stopped = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self.interrupted: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        self.stopped = True
        for task in self.tasks:
            task.cancel()
        self.interrupted |= self.tasks
        self.tasks.clear()


class _UntilStopped:
    """`Throttle.until_stopped`; the steps are those of `asyncio.timeout`.

    A class, since each request passes four of them.
    """

    __slots__ = ("_cancelling", "_task", "_waiting")

    def __init__(self, waiting: _Waiting) -> None:
        self._waiting = waiting

    def __enter__(self) -> None:
        if self._waiting.stopped:
            raise Interrupted
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - a coroutine runs in a task
            raise RuntimeError("a permit is taken within a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._waiting.tasks.add(task)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        task, waiting = self._task, self._waiting
        waiting.tasks.discard(task)
        if task not in waiting.interrupted:
            return
        waiting.interrupted.discard(task)
        if kind is asyncio.CancelledError and task.uncancel() <= self._cancelling:
            raise Interrupted from None


class Throttle:
    """Paces the requests of one sub-account, each action by itself; shared by all who send them.

    ``rate`` is in requests per second and action. After a refusal (`slow_down`) an action's rate
    halves, at most once a second and never below an eighth, and climbs back by a tenth of the full
    rate per second.

    Raises `ValueError` for a rate that is not a finite number above 0.
    """

    def __init__(self, rate: float) -> None:
        if not 0 < rate < float("inf"):
            raise ValueError(
                f"rate: give a finite number of requests per second above 0, not {rate}"
            )
        self.rate = rate
        self._paces: dict[str, _Pace] = {}
        self._waiting = _Waiting()

    @property
    def stopped(self) -> bool:
        """True if `stop` holds."""
        return self._waiting.stopped

    async def permit(self, action: str) -> Permit:
        """Return when one request of this action may leave, now; its sender says when.

        Raises `Interrupted` after `stop`.
        """
        pace = self._pace(action)
        with self.until_stopped():
            # One waiter at a time in the limiter: a changed rate holds for the next permit.
            async with pace.turn:
                await self._pay(pace)
                return await pace.given()

    def slow_down(self, action: str) -> None:
        """Slow down, since the service refused a request of this action as one too many."""
        self._pace(action).slow_down(asyncio.get_running_loop().time())

    def stop(self) -> None:
        """No one gets a permit until `resume`; those who wait raise `Interrupted` at once."""
        self._waiting.stop()

    def resume(self) -> None:
        """Give permits again, at the pace that was; what `stop` woke stays interrupted.

        For the next of several runs that share the throttle, once all calls of the one before it
        have ended: one that is still in flight would be tried again.
        """
        self._waiting.stopped = False

    async def pause(self, seconds: float) -> None:
        """Wait before a retry. Raises `Interrupted` as soon as `stop` is called."""
        with self.until_stopped():
            await asyncio.sleep(seconds)

    def until_stopped(self) -> AbstractContextManager[None]:
        """Return what is awaited within ends with `Interrupted` as soon as `stop` is called.

        For waits in which nothing is sent. Any other cancellation passes.
        """
        return _UntilStopped(self._waiting)

    def _pace(self, action: str) -> _Pace:
        if action not in self._paces:
            self._paces[action] = _Pace(self.rate)
        return self._paces[action]

    async def _pay(self, pace: _Pace) -> None:
        # AsyncLimiter's spacing is fixed: a slowed action pays in permits that no one uses.
        penalty = pace.penalty(asyncio.get_running_loop().time())
        while penalty > 0:
            await pace.limiter.acquire(min(1.0, penalty))
            penalty -= 1.0
        await pace.limiter.acquire()
