"""Mistakes add up here, so that a person sees all of them at once."""

from typing import Protocol

from kvsync.errors import InputError, Mistake
from kvsync.units import printable

__all__ = ["Mistakes", "quoted"]

_SHOWN = 60
_MOST = 1000
"""Mistakes of one source that are kept: a wrong character may make a million."""


class Marked(Protocol):
    """Something with a position in a file; both count from 1."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class Mistakes:
    """What is wrong with one source; ``origin`` is the file as the user named it."""

    def __init__(self, origin: str) -> None:
        self.origin = printable(origin)
        self._found: dict[Mistake, None] = {}
        self._more = 0

    def __len__(self) -> int:
        return len(self._found) + self._more

    def at(self, mark: Marked, message: str) -> None:
        """Something at a place of this file. The same place twice (an alias) counts once."""
        self._add(Mistake(message, self.origin, mark.line, mark.column))

    def about(self, origin: str, message: str, line: int = 0, column: int = 1) -> None:
        """Something in another file, or in this file as a whole."""
        self._add(Mistake(message, printable(origin), line, column if line else 0))

    def _add(self, mistake: Mistake) -> None:
        if len(self._found) < _MOST:
            self._found[mistake] = None
        elif mistake not in self._found:
            self._more += 1

    def extend(self, other: "Mistakes") -> None:
        """Take over what another list found."""
        for mistake in other._found:  # noqa: SLF001 - the same class
            self._add(mistake)
        self._more += other._more  # noqa: SLF001 - the same class

    def raise_all(self) -> None:
        """Raise `InputError` with what was found, by line; files of trees come last.

        Of very many the first that were found are kept, and the others are counted.
        """
        if self._found:
            raise InputError(sorted(self._found, key=_place), self._more)


def _place(mistake: Mistake) -> tuple[bool, int, int, str]:
    return (not mistake.line, mistake.line, mistake.column, mistake.origin)


def quoted(text: str) -> str:
    """A name for a message: safe to print, and cut where it grows too long to read."""
    shown = printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    return f'"{shown}"'
