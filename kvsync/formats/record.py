"""One pair as a dump has it, and what it has that EdgeKV cannot hold."""

from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from typing import BinaryIO, NamedTuple, Protocol, TypeAlias, get_args

from kvsync.model.choices import ErrorOrSkip
from kvsync.model.values import NEVER, Expiry

ERROR, SKIP, KEEP = *get_args(ErrorOrSkip), "keep"
"""What may become of a pair that would lose something; all other ways change it, and send it."""


class Loss(StrEnum):
    """The kinds of what EdgeKV cannot hold; each is the name of an option."""

    METADATA = "metadata"
    FLAGS = "flags"
    BINARY = "binary"
    EMPTY = "empty"
    LARGE = "large"
    KEYS = "keys"
    GROUPS = "groups"
    EXPIRED = "expired"
    SHORT_TTL = "short-ttl"
    TYPES = "types"
    MISSING = "missing"


class Lossy(NamedTuple):
    """One thing that EdgeKV cannot hold of a pair, and what was done about it.

    ``detail`` is what is lost, or says more; it never has a value.
    """

    kind: Loss
    way: str
    detail: str = ""


class LostPair(NamedTuple):
    """A loss of a pair; ``origin`` is where it stands (``dump.json:12``)."""

    key: str
    origin: str
    loss: Lossy


class Losses(Protocol):
    """All that a source's pairs lose, in the source's order."""

    @property
    def totals(self) -> Mapping[tuple[Loss, str], int]:
        """How many pairs lose something, by kind and way."""

    @property
    def unasked(self) -> Collection[Loss]:
        """Kinds of pairs that are left out though no option says so."""

    def __iter__(self) -> Iterator[LostPair]: ...


class _Nothing:
    """Of a source whose pairs are whole."""

    totals: Mapping[tuple[Loss, str], int] = {}
    unasked: Collection[Loss] = ()

    def __iter__(self) -> Iterator[LostPair]:
        return iter(())


NO_LOSSES: Losses = _Nothing()


def told_expired(losses: Losses) -> Collection[str]:
    """Keys of pairs whose expiry has passed, where that was asked for: then they are told of."""
    asked = any(kind is Loss.EXPIRED for kind, _ in losses.totals if kind not in losses.unasked)
    return {pair.key for pair in losses if pair.loss.kind is Loss.EXPIRED} if asked else ()


def told_short(losses: Losses) -> Collection[str]:
    """Keys of pairs that have less than 60 s to live: all that there are are told of."""
    if not any(kind is Loss.SHORT_TTL for kind, _ in losses.totals):
        return ()
    return {pair.key for pair in losses if pair.loss.kind is Loss.SHORT_TTL}


class Record(NamedTuple):
    """A pair, its value as its own store would hand it out.

    ``key`` has bytes that are no UTF-8 as `os.fsdecode` has them (surrogateescape). ``value`` is in
    bytes, decoded from what the format wraps it in; None where the dump has none. ``line`` is
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
    """A fault of a dump at a line, from 1; it never repeats a value.

    ``column``, ``item`` and ``key`` are as a record's, as far as they are known.
    """

    line: int
    message: str
    column: int = 1
    item: int = 0
    key: str = ""


class Note(NamedTuple):
    """A remark on a dump, though nothing may be wrong; it has no value in it."""

    message: str


class Layout(NamedTuple):
    """Which columns of a table mean what; empty where no one has said.

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
