"""Short ways to read a dump, whole or in drops."""

import io
from collections.abc import Iterable, Iterator

from hypothesis import strategies as st

from kvsync.formats import reader
from kvsync.formats.record import Fault, Item, Layout, Note, Record

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = Layout()
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


class Drops(io.BytesIO):
    """A stream that never gives more than a few bytes at once."""

    def __init__(self, content: bytes, drop: int) -> None:
        super().__init__(content)
        self._drop = drop

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, self._drop) if size and size > 0 else self._drop)


class Pouring(io.RawIOBase):
    """A stream that is made while it is read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = next(self._pieces)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def read(form: str, content: bytes, layout: Layout = PLAIN, drop: int = 0) -> list[Item]:
    """Everything that the dump has; ``drop`` bytes at a time, 0 for as many as are asked for."""
    return [*reader(form)(Drops(content, drop) if drop else io.BytesIO(content), layout)]


def bare(item: Item) -> Item:
    """The item without what tells apart what stands in one line."""
    if isinstance(item, Note):
        return item
    item = item._replace(column=1, item=0)
    return item._replace(key="") if isinstance(item, Fault) else item


def records(form: str, content: bytes, layout: Layout = PLAIN) -> list[Record]:
    """The records of a dump that has no faults, of whose places the lines are left."""
    items = read(form, content, layout)
    assert not [item for item in items if isinstance(item, Fault)]
    return [item for item in map(bare, items) if isinstance(item, Record)]


def pairs(form: str, content: bytes, layout: Layout = PLAIN) -> list[tuple[str, bytes | None]]:
    """The keys and values of a dump that has no faults."""
    return [(record.key, record.value) for record in records(form, content, layout)]


def faults(form: str, content: bytes, layout: Layout = PLAIN) -> list[tuple[int, str]]:
    """Where and what the faults are."""
    return [
        (item.line, item.message) for item in read(form, content, layout) if isinstance(item, Fault)
    ]
