"""A format as one record: how it is read, written, and told from the others."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple, Protocol, TypeAlias

from kvsync.formats.decoder import Json
from kvsync.formats.fields import unknown_field
from kvsync.formats.jsontext import BrokenError, Found, JsonText
from kvsync.formats.record import Layout, Read
from kvsync.model.errors import UsageError
from kvsync.model.text import size_text
from kvsync.model.values import Destination, Expiry

_LOOKED_AT = 20

Objects: TypeAlias = list[dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Format:
    """One format; what it does not have is empty or None.

    ``read`` reads a dump, ``write`` makes what writes a file for a destination. ``options`` are the
    flags that make sense for it, and not for every other.

    Four look at a dump without reading it: ``named`` at its name alone; ``certain`` at whether it
    begins with what only this format has; ``sniff`` at whether it begins as nothing else does,
    where the name has an ending of the format, or no format's if it is sniffed ``anywhere``;
    ``nearly`` says what keeps a file that begins so from being in the format. ``shown`` is what
    ``sniff`` looks at.

    ``replaced`` is said behind the number of values that have U+FFFD, if there are any.
    """

    name: str
    read: Read | None = None
    write: "Callable[[Destination], Codec] | None" = None
    options: tuple[str, ...] = ()
    named: Callable[[str], bool] | None = None
    certain: "Callable[[Head], bool] | None" = None
    sniff: "Callable[[Head, Layout], bool] | None" = None
    anywhere: bool = False
    nearly: "Callable[[Head], str] | None" = None
    shown: str = "its content"
    replaced: str = ""


class Head:
    """The beginning of a file, which may be cut off anywhere."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def text(self) -> JsonText:
        """Return the beginning as JSON, to be read from its first character."""
        return JsonText(io.BytesIO(self.data))

    @cached_property
    def objects(self) -> Objects:
        """The first JSON objects, one after the other; none if anything else is among them."""
        return _first(self.text().texts())

    @cached_property
    def elements(self) -> Objects:
        """The first objects of a JSON array; none if anything else is among them."""
        return _first(self.text().elements())


def _first(found: Iterable[Found]) -> Objects:
    objects = []
    try:
        for each in islice(found, _LOOKED_AT):
            if each.fault or not isinstance(each.value, dict):
                return []
            objects.append(each.value)
    except BrokenError:
        # Where the beginning was cut off, perhaps.
        pass
    return objects


def names_in(objects: Objects) -> set[str]:
    """Return the names of all fields."""
    return {name for each in objects for name in each}


def have(objects: Objects, *fields: str) -> bool:
    """Return whether there are objects, and each has these fields."""
    return bool(objects) and all({*fields} <= each.keys() for each in objects)


def first_unknown(objects: Objects, known: tuple[str, ...]) -> str:
    """Return the words for the first field that is not known, if all objects are pairs with a
    key.
    """
    for each in objects if have(objects, "key") else ():
        for number, name in enumerate(each, 1):
            if name not in known:
                return unknown_field(name, number, known)
    return ""


class Decoded(NamedTuple):
    """A pair as a record has it; ``value`` is in UTF-8."""

    key: str
    value: bytes
    expiry: Expiry


class Codec(Protocol):
    """A writer of one format, which reads back what it wrote. A record is one or more whole lines.

    ``head`` is what stands before the first record, ``between`` in front of each further one, and
    ``foot`` after the last: lines, or nothing. ``starts`` is what a record may start with, and
    ``max_size`` what the file may have in bytes, and ``max_pairs`` in pairs.
    """

    head: bytes
    between: bytes
    foot: bytes
    starts: tuple[bytes, ...]
    max_size: int
    max_pairs: int

    def encode(self, key: str, value: bytes, expiry: Expiry) -> bytes:
        """Return the pair's record; the value is in UTF-8."""

    def ends(self, line: bytes, *, within: bool) -> bool:
        """Return whether a record ends with this line; ``within``: it began with an earlier one."""

    def decode(self, record: bytes) -> Decoded:
        """Return the record's pair. Raises `ValueError` for what is none."""


def check_room(codec: Codec, size: int, pairs: int, advice: str) -> None:
    """Raise `UsageError`, with advice, for a file of ``size`` bytes that nothing would read."""
    if size > codec.max_size:
        raise UsageError(f"more than a manifest may have ({size_text(codec.max_size)}): {advice}")
    if pairs > codec.max_pairs:
        raise UsageError(f"more than a manifest may have ({codec.max_pairs:,} keys): {advice}")
