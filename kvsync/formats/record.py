"""One pair as a dump has it, before anybody asks what EdgeKV can hold of it."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, TypeAlias

from kvsync.model.values import NEVER, Expiry


class Record(NamedTuple):
    """A pair, its value as its own store would hand it out.

    ``key`` has bytes that are no UTF-8 as `os.fsdecode` has them (surrogateescape). ``value`` is in
    bytes, decoded from whatever the format wraps it in; None where the dump has none. ``line`` is
    where it starts, from 1; 0 where there are no lines. ``metadata`` is JSON, empty for none.
    ``flags`` says in a few words what else the pair has (``flags 42``), empty for nothing.
    ``group`` is what the key was found in, None where the format has no groups. ``kind`` is the
    type of a value that is no string (``hash``), empty for strings. ``column`` is where in its line
    it starts, from 1; ``item`` its number among all, from 1, 0 where its line tells that.
    """

    key: str
    value: bytes | None
    line: int
    expiry: Expiry = NEVER
    metadata: str = ""
    flags: str = ""
    group: str | None = None
    kind: str = ""
    column: int = 1
    item: int = 0


class Fault(NamedTuple):
    """What is wrong with a dump at a line, from 1; it never repeats a value.

    ``column``, ``item`` and ``key`` are as a record's, as far as they are known.
    """

    line: int
    message: str
    column: int = 1
    item: int = 0
    key: str = ""


class Note(NamedTuple):
    """What a person should know of a dump, though nothing may be wrong; it has no value in it."""

    message: str


class Layout(NamedTuple):
    """Which columns of a table mean what; empty where nobody has said.

    ``whole_row``: the value is the row as a JSON object. ``delimiter`` is what parts the cells.
    """

    key_column: str = ""
    value_column: str = ""
    ttl_column: str = ""
    whole_row: bool = False
    delimiter: str = ""


Item: TypeAlias = Record | Fault | Note

Read: TypeAlias = Callable[[BinaryIO, Layout], Iterator[Item]]
"""Reads a dump from its beginning, one pair after the other, in memory that does not grow with it.

After a fault it goes on with the next pair, if it can be found. Raises `OSError`.
"""
