"""Entries and changes by the hundred thousand, in less memory than a tuple for each takes."""

from array import array
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar, overload, runtime_checkable

from kvsync.model import Action, Change, Entry, Row

__all__ = ["Changes", "Indexed", "Names", "Picked", "names_of", "owners_of"]

T = TypeVar("T")


@runtime_checkable
class Indexed(Protocol):
    """Entries that are looked up where they are kept, and are not all in memory."""

    @property
    def names(self) -> Container[str]:
        """The keys that the source names, also those that it leaves out."""


def names_of(entries: Iterable[Entry]) -> Container[str]:
    """The keys that the entries name."""
    return entries.names if isinstance(entries, Indexed) else {entry.key for entry in entries}


@runtime_checkable
class _Owned(Protocol):
    """Rows that are not all in memory."""

    @property
    def owners(self) -> Collection[str]:
        """Whose they are."""


def owners_of(rows: Mapping[str, Row]) -> Collection[str]:
    """Whose the rows are."""
    return rows.owners if isinstance(rows, _Owned) else {row.owner for row in rows.values()}


class Names(Container[str]):
    """The keys that any of several has."""

    def __init__(self, *parts: Container[str]) -> None:
        self._parts = parts

    def __contains__(self, key: object) -> bool:
        return any(key in part for part in self._parts)


class _Numbered(Sequence[T]):
    """Something for some of the ``entries``, made anew each time it is looked at."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._numbers = array("L")

    def _made(self, place: int, entry: Entry) -> T:
        raise NotImplementedError  # pragma: no cover - the subclasses know

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return self._made(place, self._entries[self._numbers[place]])

    def __iter__(self) -> Iterator[T]:
        places = enumerate(self._numbers)
        place, wanted = next(places, (0, -1))
        for number, entry in enumerate(self._entries if wanted >= 0 else ()):
            if number == wanted:
                yield self._made(place, entry)
                place, wanted = next(places, (0, -1))
                if wanted < 0:
                    return


class Picked(_Numbered[Entry]):
    """Some of the entries, in their order."""

    def add(self, number: int) -> None:
        """Append the entry with this number, counted from 0."""
        self._numbers.append(number)

    def _made(self, place: int, entry: Entry) -> Entry:  # noqa: ARG002 - others look at it
        return entry


class Changes(_Numbered[Change]):
    """Changes to entries, in their order.

    ``rows`` must say the same of a key until its change has been looked at for the last time.
    """

    def __init__(self, entries: Sequence[Entry], rows: Mapping[str, Row]) -> None:
        super().__init__(entries)
        self._rows = rows
        self._verdicts = bytearray()
        self._known: list[tuple[Action, str]] = []

    def add(self, number: int, action: Action, reason: str) -> None:
        """Append the change of the entry with this number, counted from 0."""
        verdict = action, reason
        if verdict not in self._known:
            self._known.append(verdict)
        self._numbers.append(number)
        self._verdicts.append(self._known.index(verdict))

    def forget_rows(self) -> None:
        """From here on the changes come without their rows: nobody can be asked any more."""
        self._rows = {}

    def _made(self, place: int, entry: Entry) -> Change:
        action, reason = self._known[self._verdicts[place]]
        return Change(action, entry, reason, self._rows.get(entry.key))
