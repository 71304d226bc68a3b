"""Signals: who hears of them, and when."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heard_by(listener: Callable[[int], None]) -> Iterator[None]:
    """SIGINT and SIGTERM go to ``listener`` instead of ending what is under way.

    Only the main thread may decide that; elsewhere nothing changes.
    """

    def hear(number: int, _: FrameType | None) -> None:
        listener(number)

    before = {}
    try:
        for number in _NUMBERS:
            before[number] = signal.signal(number, hear)
    except ValueError:
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def undisturbed() -> AbstractContextManager[None]:
    """Return what is done within is short, and is not to be left half done."""
    return heard_by(lambda _: None)


def ignore() -> None:
    """From here to the process's end: the result must get out, and the exit code be its own."""
    try:
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)
    except ValueError:
        # Not the main thread: then signals do not come here either.
        return
