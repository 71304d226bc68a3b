"""An hour that passes at once, for all timers of this process: for tests of what takes too long."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from kvsync.edgekv.client import Namespace

BOUND = ("--max-duration", "1h", "--timeout", "2h", "--json", "--progress", "none")
ONE_BY_ONE = (*BOUND, "--workers", "1")
"""What leaves at a time is one request: where the hour ends, nothing else is in flight."""


class Hourglass:
    """Turned over, it is an hour later."""

    def __init__(self) -> None:
        self._hours = 0
        self._monotonic = time.monotonic

    def monotonic(self) -> float:
        """What stands in for `time.monotonic`, by which event loops count, too."""
        return self._monotonic() + 3600 * self._hours

    def turn(self) -> None:
        """An hour passes."""
        self._hours += 1

    async def heard(self) -> None:
        """An hour passes, and time for that to be noticed."""
        self.turn()
        for _ in range(10):
            await asyncio.sleep(0)

    @contextmanager
    def after(self, method: str, calls: int = 1) -> Iterator[None]:
        """An hour passes once so many calls of this method of the namespace have been answered."""
        real = getattr(Namespace, method)
        answers = iter(range(calls - 1))

        async def patched(*args: Any) -> Any:
            answer = await real(*args)
            if next(answers, None) is None:
                await self.heard()
            return answer

        with patch.object(Namespace, method, patched):
            yield


@contextmanager
def hourglass() -> Iterator[Hourglass]:
    """Time of this process is that of the hourglass, meanwhile."""
    glass = Hourglass()
    with patch.object(time, "monotonic", glass.monotonic):
        yield glass


def codes(result: Any) -> tuple[int, list[int]]:
    """The exit codes of the call and of its runs."""
    return result.code, [run["exit_code"] for run in result.json["runs"]]


def kinds(result: Any) -> list[str | None]:
    """The kind of error that each run ended with."""
    return [(run["error"] or {"kind": None})["kind"] for run in result.json["runs"]]
