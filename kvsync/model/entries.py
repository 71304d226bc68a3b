"""Entries and changes by the hundred thousand, in less memory than a tuple for each takes."""

from array import array
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import Protocol, TypeVar, overload, runtime_checkable

from kvsync.model.values import Action, Change, Entry, Row

T = TypeVar("T")

_TOGETHER = 500
"""Rows that are looked up at a time: one by one each takes four times as long."""


@runtime_checkable
class Indexed(Protocol):
    """Entries that know what their source names: not all are in memory, or some are left out."""

    @property
    def names(self) -> Container[str]:
        """The keys that the source names, also those that it leaves out."""


def names_of(entries: Iterable[Entry]) -> Container[str]:
    """Return the keys that the entries name."""
    return entries.names if isinstance(entries, Indexed) else {entry.key for entry in entries}


class Sparing(list[Entry]):
    """Entries in memory, beside keys that their source names and leaves out (`Indexed`)."""

    def __init__(self, entries: Iterable[Entry], left_out: Iterable[str]) -> None:
        super().__init__(entries)
        self.left_out = frozenset(left_out)

    @cached_property
    def names(self) -> Container[str]:
        """The keys that the source names, also those that it leaves out."""
        return self.left_out.union(entry.key for entry in self)


def left_out_of(entries: Iterable[Entry]) -> Iterable[str]:
    """Return the keys that lie beside the entries, as far as they are in memory."""
    return entries.left_out if isinstance(entries, Sparing) else ()


@runtime_checkable
class _Stored(Protocol):
    """Rows that are not all in memory."""

    def owners(self) -> Collection[str]:
        """Whose they are."""

    def some(self, keys: Sequence[str]) -> Mapping[str, Row]:
        """Return the rows of these keys, as far as there are any."""


def owners_of(rows: Mapping[str, Row]) -> Collection[str]:
    """Whose the rows are."""
    return rows.owners() if isinstance(rows, _Stored) else {row.owner for row in rows.values()}


def rows_beside(
    entries: Iterable[Entry], rows: Mapping[str, Row]
) -> Iterator[tuple[Entry, Row | None]]:
    """Return each entry, and its row if there is one."""
    return _beside(entries, attrgetter("key"), rows)


def unnamed_rows(entries: Iterable[Entry], rows: Mapping[str, Row]) -> Iterator[Row]:
    """Return the rows of keys that no entry names, in the order of the rows."""
    named = names_of(entries)
    unnamed = (key for key in rows if key not in named)
    return (row for _, row in _beside(unnamed, str, rows) if row)


def _beside(
    items: Iterable[T], key_of: Callable[[T], str], rows: Mapping[str, Row]
) -> Iterator[tuple[T, Row | None]]:
    waiting = iter(items)
    stored = rows if isinstance(rows, _Stored) else None
    while some := list(islice(waiting, _TOGETHER)):
        keys = list(map(key_of, some))
        found = rows if stored is None else stored.some(keys)
        yield from zip(some, map(found.get, keys), strict=True)


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
        """From here on the changes come without their rows: no one can be asked any more."""
        self._rows = {}

    def _made(self, place: int, entry: Entry) -> Change:
        action, reason = self._known[self._verdicts[place]]
        return Change(action, entry, reason, self._rows.get(entry.key))
