"""The index of an exported directory: which file holds which key, and until when.

JSON Lines: a header that says what was exported, then a line per pair, of which a later one for
the same key replaces the earlier, and at the end of an export that finished the line that says so.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, BinaryIO, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from kvsync.formats.filenames import file_name
from kvsync.model.errors import InputError, Mistake
from kvsync.model.keys import check_key

_FORMAT = "kvsync-index"
_VERSION = 1
_MAX_LINE = 2**16
"""Bytes; no line that kvsync writes comes near."""


class Origin(NamedTuple):
    """The origin of an export: a namespace of an endpoint, and a prefix of its keys."""

    endpoint: str
    zone: str
    namespace: str
    prefix: str = ""

    def __str__(self) -> str:
        keys = f"keys {self.prefix}…" if self.prefix else "all keys"
        return f"{keys} of {self.namespace} in {self.zone} at {self.endpoint}"


class Index(NamedTuple):
    """The content of an index.

    ``origin`` is None if the file ends before its first line does. ``expires`` has Unix seconds,
    0 for never, by key. ``complete``: the export finished. ``end`` is where the last whole line
    ends, in bytes.
    """

    origin: Origin | None
    expires: dict[str, int]
    complete: bool
    end: int


class _Header(Struct):
    # Of a newer version nothing but its number is understood.
    format: str
    version: int
    endpoint: str = ""
    zone: str = ""
    namespace: str = ""
    prefix: str = ""


class _Line(Struct, omit_defaults=True, forbid_unknown_fields=True):
    key: str = ""
    file: str = ""
    expires: Annotated[int, Meta(ge=0, lt=10**12)] = 0
    complete: bool | UnsetType = UNSET


_decode_line = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


def pair_lines(pairs: Iterable[tuple[str, int]]) -> Iterator[bytes]:
    """Yield a line for each key, with when it expires (Unix seconds, 0 for never)."""
    for key, expires in pairs:
        yield _encode(_Line(key, file_name(key), expires)) + b"\n"


def end_line(complete: bool) -> bytes:
    """Return the line after which the export has ended, or is known not to have."""
    return _encode(_Line(complete=complete)) + b"\n"


def index_lines(origin: Origin, expires: dict[str, int], complete: bool) -> Iterator[bytes]:
    """Yield a whole index, line by line."""
    yield _encode(_Header(_FORMAT, _VERSION, *origin)) + b"\n"
    yield from pair_lines(expires.items())
    yield end_line(complete)


def read_index(file: BinaryIO, shown: str) -> Index:
    """Return what the index says; a last line that was cut off is not looked at.

    ``shown`` is the file as the user would write it. Raises `InputError`, naming it and the line,
    for what kvsync does not write, and `OSError`.
    """
    origin = None
    expires: dict[str, int] = {}
    complete = False
    number = end = 0
    while text := file.readline(_MAX_LINE):
        if not text.endswith(b"\n") and len(text) < _MAX_LINE:
            return Index(origin, expires, False, end)
        number += 1
        try:
            if origin is None:
                origin = _origin(text)
            else:
                line = _line(text)
                complete = line.complete is True
                if line.key:
                    expires[line.key] = line.expires
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            words = str(error) if type(error) is ValueError else _GARBAGE
            raise InputError([Mistake(words, shown, number, 1)]) from None
        end += len(text)
    return Index(origin, expires, complete, end)


_GARBAGE = (
    "not a line that kvsync export writes: export into a new directory, "
    "or remove the index to read this one as an ordinary folder"
)


def _origin(text: bytes) -> Origin:
    header = msgspec.json.decode(text, type=_Header)
    if header.format != _FORMAT:
        raise ValueError(_GARBAGE)
    if header.version != _VERSION:
        raise ValueError("an index that a newer kvsync wrote: update kvsync")
    return Origin(header.endpoint, header.zone, header.namespace, header.prefix)


def _line(text: bytes) -> _Line:
    line = _decode_line(text)
    if line.complete is not UNSET and not line.key:
        return line
    # The only name that a key's file has: no other is opened, let alone one that leads away.
    if check_key(line.key, "utf-8") or line.file != file_name(line.key):
        raise ValueError(_GARBAGE)
    return line
