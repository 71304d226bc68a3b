"""One dump, read twice: for what it names, and for the values that are wanted."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

from kvsync.formats.policies import NOT_TEXT, POLICIES, Rules, Settled, names_of, settle
from kvsync.formats.record import ERROR, SKIP, Fault, Item, Layout, Loss, Lossy, Note, Read, Record
from kvsync.model.text import count_text, printable
from kvsync.model.values import Entry, Expiry, Loaded, Lost
from kvsync.sources.files import Clock
from kvsync.sources.mistakes import Mistakes, quoted
from kvsync.sources.snapshot import status_mark

if TYPE_CHECKING:
    from kvsync.sources.dump.scratch import Scratch

_LISTED = 10
"""Mistakes of one kind that are listed; of the others it is said how many there are."""
_ENOUGH = 100
"""Faults after which a dump is not read any further."""

_REPLACEMENT = "\ufffd".encode()

_Claim: TypeAlias = Callable[[str, str], str]


class DumpFile(NamedTuple):
    """A dump that can be read from its beginning again: ``open`` raises `OSError`.

    ``path`` is absolute, and empty where the dump is no file.
    """

    open: Callable[[], BinaryIO]
    read: Read
    layout: Layout
    path: str = ""


class _Version(NamedTuple):
    """The identity of an open file, which its next version does not have."""

    place: tuple[int, int]
    content: tuple[int, int]
    changed: int


def _version_of(file: BinaryIO) -> _Version:
    found = os.fstat(file.fileno())
    content = found.st_size, found.st_mtime_ns
    return _Version((found.st_dev, found.st_ino), content, found.st_ctime_ns)


class Filling:
    """Takes a dump's items into a scratch, and what is wrong with them into mistakes.

    ``claim`` is given key and origin, and returns the origin of another part of the source that has
    the key already. ``name_of`` says how the user says what to do about a kind of loss.
    """

    def __init__(
        self,
        scratch: "Scratch",
        mistakes: Mistakes,
        claim: _Claim,
        name_of: Callable[[Loss], str] = "--{}".format,
    ) -> None:
        self._scratch = scratch
        self._mistakes = mistakes
        self._claim = claim
        self._name_of = name_of
        self._counts: Counter[str] = Counter()
        self.spoiled = 0
        """Values that have U+FFFD, which stands for bytes that could not be shown as text."""
        self.notes: list[tuple[str, str]] = []
        """Of which dump a person should know what."""

    def fill(self, items: Iterable[Item], shown: str, rules: Rules, now: float) -> None:
        """Take all items of one dump, named ``shown``."""
        self._counts.clear()
        line = 0
        for item in items:
            if isinstance(item, Note):
                self.notes.append((shown, item.message))
            elif isinstance(item, Fault):
                if self._counts["fault"] >= _ENOUGH:
                    self._mistakes.about(shown, f"and more: {_ENOUGH:,} mistakes are enough")
                    break
                self._counts["fault"] += 1
                self._at(item, item.message, shown)
            else:
                settled = settle(item, rules, now)
                if settled.value is None:
                    self._scratch.spare(names_of(item, rules))
                origin = _origin(item, shown, first=item.line != line)
                if settled.losses:
                    self._tell(settled, item, shown, origin)
                self._add(settled, item, shown, origin)
                line = item.line
        for kind, count in self._counts.items():
            if kind != "fault" and count > _LISTED:
                more = count_text(count - _LISTED, "more pair")
                self._mistakes.about(shown, f"{more}: {_told(kind)}")

    def wrong(self, shown: str, message: str) -> None:
        """Note what is wrong with a dump."""
        self._mistakes.about(shown, message)

    def _at(self, item: Record | Fault, message: str, shown: str) -> None:
        """Note what is wrong with a part of a dump; of some the line tells too little."""
        if item.item:
            key = f" ({quoted(item.key)})" if item.key and isinstance(item, Fault) else ""
            message = f"item {item.item:,}{key}: {message}"
        self._mistakes.about(shown, message, item.line, item.column)

    def _tell(self, settled: Settled, record: Record, shown: str, origin: str) -> None:
        """Note what a pair loses, and what no one has allowed of that."""
        for loss in settled.losses:
            self._scratch.losses.add(settled.key, origin, loss)
            if loss.way == ERROR:
                advice = _advice(settled.key, loss, self._name_of(loss.kind))
                self._wrong(loss.kind, advice, record, shown)

    def _add(self, settled: Settled, record: Record, shown: str, origin: str) -> None:
        """Take a pair; one that is left out leaves its key to others."""
        key, value = settled.key, settled.value
        if value is None:
            return
        if _REPLACEMENT in value:
            self.spoiled += 1
        entry = _entry(key, value, settled.expiry, origin)
        if settled.losses and settled.outdated:
            self._scratch.add_outdated(entry)
        elif taken := self._claim(key, origin) or self._scratch.add(entry):
            self._wrong("twice", f"the key {quoted(key)} is also that of {taken}", record, shown)

    def _wrong(self, kind: str, message: str, record: Record, shown: str) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= _LISTED:
            self._at(record, message, shown)


def _origin(record: Record, shown: str, *, first: bool) -> str:
    if first:
        return f"{shown}:{record.line}"
    return f"{shown}:{record.line}:{record.column}" if record.line else shown


def _entry(key: str, value: bytes, expiry: Expiry, origin: str) -> Entry:
    return Entry(key, hashlib.sha256(value).digest(), len(value), expiry, origin)


def _advice(key: str, loss: Lossy, name: str) -> str:
    ways = ", ".join(way for way in POLICIES[loss.kind].ways if way not in {ERROR, SKIP})
    advice = f"{name} {ways or SKIP}" + (f" or {SKIP}" if ways else "")
    if loss.kind is Loss.KEYS:
        if not ("other characters" in loss.detail or loss.detail == NOT_TEXT):
            # Escaped, a key only grows.
            advice = f"{name} {SKIP}"
        return f"the key {quoted(key)} {loss.detail}, or with {advice}"
    return f"{quoted(key)} has {POLICIES[loss.kind].what}, which EdgeKV cannot hold: {advice}"


def _told(kind: str) -> str:
    return POLICIES[Loss(kind)].what if kind in set(Loss) else "a key that is there already"


class DumpReader:
    """Reads one dump file, ``shown`` as the user would write its name."""

    def __init__(self, file: DumpFile, shown: str, rules: Rules, clock: Clock) -> None:
        self.shown = printable(shown)
        self._file = file
        self._rules = rules
        self._clock = clock
        self._version: _Version | None = None
        self._now = 0.0
        self.mark = file.path, b""
        """The dump's path, and its signature when it was read, if that can be trusted."""

    def fill(self, filling: Filling) -> None:
        """Fill in all that the dump names. Raises `OSError`."""
        self.mark = self._file.path, status_mark(self._file.path, self._clock)
        self._now = self._clock()
        with closing(self._file.open()) as file:
            self._version = _version_of(file)
            items = self._file.read(file, self._file.layout)
            filling.fill(items, self.shown, self._rules, self._now)
            if not self._is_whole(file):
                filling.wrong(self.shown, "it was written to while it was read: run again")
            if os.lseek(file.fileno(), 0, os.SEEK_CUR) != self._version.content[0]:
                # What has another length than it says may say nothing else of itself, either.
                self.mark = self._file.path, b""

    def _is_whole(self, file: BinaryIO) -> bool:
        """Return whether what was read of the file so far is all of one version.

        It may have lost its name to another one meanwhile.
        """
        return bool(self._version and self._version.content == _version_of(file).content)

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """Yield the values of these entries, which come in the order of the dump."""
        waiting = iter(wanted)
        entry = next(waiting, None)
        lost = Lost("the dump has changed since it was read: run again")
        if entry is None:
            return
        try:
            for key, value in self._pairs():
                if key == entry.key:
                    yield _loaded(entry, value)
                    entry = next(waiting, None)
                    if entry is None:
                        return
        except OSError as error:
            lost = Lost(f"the dump cannot be read: {error.strerror}")
        while entry:
            yield entry, lost
            entry = next(waiting, None)

    def _pairs(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is to be sent; nothing more once the dump is another one. Raises `OSError`."""
        with closing(self._file.open()) as file:
            items = self._file.read(file, self._file.layout)
            for item in items if _version_of(file) == self._version else ():
                if not isinstance(item, Record):
                    continue
                # By the clock of the first reading: what was wanted then still is.
                settled = settle(item, self._rules, self._now)
                if not self._is_whole(file):
                    # This may be half of what was there and half of what is there now.
                    return
                if settled.value is not None and not settled.outdated:
                    yield settled.key, settled.value


def _loaded(entry: Entry, value: bytes) -> Loaded:
    return entry._replace(digest=hashlib.sha256(value).digest(), size=len(value)), value
