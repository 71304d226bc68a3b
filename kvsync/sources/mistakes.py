"""Mistakes add up here, so that a person sees all of them at once."""

from collections import Counter
from collections.abc import Collection
from typing import Protocol, TypeAlias

from kvsync.model.errors import InputError, Mistake
from kvsync.model.text import count_text, printable

_SHOWN = 60
_MOST = 1000
"""Mistakes of one source that are kept: a wrong character may make a million."""

_LISTED = 10
"""Mistakes of one kind, in one folder, that are listed; of the others it is said how many."""

Cure: TypeAlias = tuple[str, str]
"""An option, and what it would have to say for a mistake to be none."""


class Marked(Protocol):
    """Something with a position in a file."""

    @property
    def line(self) -> int:
        """Counted from 1."""

    @property
    def column(self) -> int:
        """Counted from 1."""


class Mistakes:
    """The mistakes of one source; ``origin`` is the file as the user named it."""

    def __init__(self, origin: str) -> None:
        self.origin = printable(origin)
        self._found: dict[Mistake, None] = {}
        self._more = 0
        self._alike: Counter[tuple[str, str]] = Counter()
        """How often each kind of mistake was made, by folder and kind."""
        self._cures: dict[Cure, None] = {}
        self._incurable = False

    def __len__(self) -> int:
        return len(self._found) + self._more + sum(self._counted.values())

    def at(self, mark: Marked, message: str) -> None:
        """Something at a place of this file. The same place twice (an alias) counts once."""
        self._add(Mistake(message, self.origin, mark.line, mark.column))

    def about(self, origin: str, message: str, line: int = 0, column: int = 1) -> None:
        """Something in another file, or in this file as a whole."""
        self._add(Mistake(message, printable(origin), line, column if line else 0))

    def among(
        self, folder: str, origin: str, message: str, alike: str, cures: Collection[Cure] = ()
    ) -> None:
        """Something in one of the many files of a folder; ``alike`` is what others have as well.

        With all ``cures`` it would be no mistake; without any, no option helps.
        """
        kind = printable(folder), alike
        self._alike[kind] += 1
        if self._alike[kind] <= _LISTED:
            self._keep(Mistake(message, printable(origin)))
        self._cures.update(dict.fromkeys(cures))
        self._incurable |= not cures

    @property
    def _counted(self) -> dict[tuple[str, str], int]:
        """How many mistakes of each kind are not listed."""
        return {kind: n - _LISTED for kind, n in self._alike.items() if n > _LISTED}

    @property
    def cures(self) -> tuple[Cure, ...]:
        """What, said together, leaves no mistake; empty if nothing does."""
        return () if self._incurable else tuple(self._cures)

    def _add(self, mistake: Mistake) -> None:
        self._incurable = True
        self._keep(mistake)

    def _keep(self, mistake: Mistake) -> None:
        if len(self._found) < _MOST:
            self._found[mistake] = None
        elif mistake not in self._found:
            self._more += 1

    def extend(self, other: "Mistakes") -> None:
        """Take over what another list found."""
        for mistake in other._found:  # noqa: SLF001 - the same class
            self._add(mistake)
        self._more += other._more  # noqa: SLF001 - the same class
        self._alike.update(other._alike)  # noqa: SLF001 - the same class

    def raise_all(self) -> None:
        """Raise `InputError` with what was found, by line; files of trees come last.

        Of very many the first that were found are kept, and the others are counted.
        """
        if self._found:
            counted = [
                Mistake(f"{count_text(count, 'more file')}: {alike}", folder, alike=count)
                for (folder, alike), count in self._counted.items()
            ]
            raise InputError([*sorted(self._found, key=_place), *counted], self._more, self.cures)


def _place(mistake: Mistake) -> tuple[bool, int, int, str]:
    return (not mistake.line, mistake.line, mistake.column, mistake.origin)


def quoted(text: str) -> str:
    """Return a name for a message: safe to print, and cut where it grows too long to read."""
    shown = printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    return f'"{shown}"'
