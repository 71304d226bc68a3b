"""Mistakes add up here, so that a person sees all of them at once."""

from typing import Protocol

from kvsync.errors import InputError, Mistake
from kvsync.units import printable

__all__ = ["Mistakes", "quoted"]

_SHOWN = 60


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

    def __len__(self) -> int:
        return len(self._found)

    def at(self, mark: Marked, message: str) -> None:
        """Something at a place of this file. The same place twice (an alias) counts once."""
        self._found[Mistake(message, self.origin, mark.line, mark.column)] = None

    def about(self, origin: str, message: str, line: int = 0) -> None:
        """Something in another file, or in this file as a whole."""
        self._found[Mistake(message, printable(origin), line, 1 if line else 0)] = None

    def extend(self, other: "Mistakes") -> None:
        """Take over what another list found."""
        self._found.update(other._found)  # noqa: SLF001 - the same class

    def raise_all(self) -> None:
        """Raise `InputError` with everything found, by line; files of trees come last."""
        if self._found:
            raise InputError(sorted(self._found, key=_place))


def _place(mistake: Mistake) -> tuple[bool, int, int, str]:
    return (not mistake.line, mistake.line, mistake.column, mistake.origin)


def quoted(text: str) -> str:
    """A name for a message: safe to print, and cut where it grows too long to read."""
    shown = printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    return f'"{shown}"'
