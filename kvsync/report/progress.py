"""How far a push has come, and what else a running call shows to a person."""

import os
import time
from collections.abc import Callable, Sequence
from typing import IO, Never, Protocol

from kvsync.model.text import count_text, duration_text, size_text
from kvsync.report import RunReport

_LINE_EVERY_S = 10.0


class Progress(Protocol):
    """Hears of each key that is done with, and looks at the clock now and then."""

    def advance(self, size: int = 0, *, failed: bool = False) -> None:
        """Count one more key, and the bytes of its value if they went over the wire."""

    def expect(self, total: int) -> None:
        """There will be so many keys, as far as is known by now."""

    def tick(self, retries: int, why: str) -> str:
        """Show the time, the retries so far and ``why`` the last was needed; called twice a second.

        Returns a line to be told to the user, or nothing.
        """

    def say(self, line: str) -> None:
        """Write a line that has nothing to do with progress, without spoiling it."""

    def close(self) -> None:
        """Leave the terminal as it should be."""


class Silence:
    """No progress shown."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def advance(self, size: int = 0, *, failed: bool = False) -> None:
        """Count nothing."""

    def expect(self, total: int) -> None:
        """Expect nothing."""

    def tick(self, retries: int, why: str) -> str:  # noqa: ARG002 - nothing is shown
        """Show nothing."""
        return ""

    def say(self, line: str) -> None:
        """Write the line."""
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Leave nothing behind."""


class Bar:
    """A tqdm bar: keys done, keys per second, bytes, retries, failures, time left."""

    def __init__(self, label: str, total: int, stream: IO[str]) -> None:
        from tqdm import tqdm

        self._stream = stream
        self._size = self._failures = self._retries = 0
        self._why = ""
        self._bar: tqdm[Never] = tqdm(
            total=total,
            desc=label,
            file=stream,
            unit="",
            ncols=_width(stream),
            dynamic_ncols=_width(stream) is None,
            # A bar that has ended says nothing that the summary does not say better.
            leave=False,
            smoothing=0.1,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt},"
            " {rate_noinv_fmt}, {remaining} left{postfix}",
        )

    def advance(self, size: int = 0, *, failed: bool = False) -> None:
        """Count one more key."""
        self._size += size
        self._failures += failed
        self._tell(refresh=False)
        self._bar.update()

    def expect(self, total: int) -> None:
        """So many keys make the whole bar."""
        self._bar.total = total

    def tick(self, retries: int, why: str) -> str:
        """Redraw, so that the clock runs while the service is silent."""
        self._retries, self._why = retries, why
        self._tell(refresh=True)
        return ""

    def say(self, line: str) -> None:
        """Write the line above the bar."""
        self._bar.write(line, file=self._stream)

    def close(self) -> None:
        """Wipe the bar."""
        self._bar.close()

    def _tell(self, *, refresh: bool) -> None:
        parts = [size_text(self._size)]
        if self._failures:
            parts.append(f"{self._failures} failed")
        if self._retries:
            parts.append(f"{self._retries} retried: {self._why}")
        self._bar.set_postfix_str(", ".join(parts), refresh=refresh)


class Lines:
    """A plain line every ten seconds, for logs."""

    def __init__(
        self,
        label: str,
        total: int,
        stream: IO[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._total = total
        self._stream = stream
        self._clock = clock
        self._begun = self._shown = clock()
        self._count = self._size = self._failures = 0

    def advance(self, size: int = 0, *, failed: bool = False) -> None:
        """Count one more key."""
        self._count += 1
        self._size += size
        self._failures += failed

    def expect(self, total: int) -> None:
        """So many keys are all."""
        self._total = total

    def tick(self, retries: int, why: str) -> str:
        """Return a line, if the last one is ten seconds old."""
        now = self._clock()
        if now - self._shown < _LINE_EVERY_S:
            return ""
        self._shown = now
        rate = self._count / (now - self._begun)
        cause = f" ({why})" if retries else ""
        left = duration_text((self._total - self._count) / rate) if rate else "?"
        return (
            f"{self._label}: {self._count:,} of {count_text(self._total, 'key')},"
            f" {rate:.1f}/s, {size_text(self._size)}, {retries} retried{cause},"
            f" {self._failures} failed, {left} left"
        )

    def say(self, line: str) -> None:
        """Write the line."""
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Say no more: the summary follows."""


def _width(stream: IO[str]) -> int | None:
    """Columns for a bar where the terminal does not say how wide it is; None: it does."""
    try:
        if os.get_terminal_size(stream.fileno()).columns:
            return None
    except (OSError, ValueError):
        pass
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def make_progress(mode: str, label: str, total: int, stream: IO[str]) -> Progress:
    """Return the progress for ``mode``: ``auto``, ``bar``, ``lines`` or ``none``."""
    if mode == "auto":
        mode = "bar" if stream.isatty() else "lines"
    if mode == "bar":
        return Bar(label, total, stream)
    return Lines(label, total, stream) if mode == "lines" else Silence(stream)


class Interface(Protocol):
    """The protocol of a user interface of a call."""

    def approve(self, runs: Sequence[RunReport]) -> bool:
        """Return whether to go on, now that the plans are made."""

    def warn(self, runs: Sequence[RunReport]) -> None:
        """Say those of the runs' warnings that have not been said yet."""

    def progress(self, label: str, total: int, what: str) -> Progress:
        """Return what shows how far something has come: ``what`` is being done to ``total``
        keys.
        """

    def tell(self, line: str) -> None:
        """Say a line while the call goes on."""
