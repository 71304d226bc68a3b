"""The file of pairs that a run could not deliver.

The file is JSON Lines: after the header a line per pair, which reads like any other, and says
beside the pair what went wrong.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, ValidationError, json

from kvsync.formats.decoder import without_mark

LINES = "jsonl"
"""The format of the file, as it is read like any other dump."""

VERSION = 1
_FORMAT = "kvsync-failures"
_LONGEST = 1 << 16
"""Bytes of a header: three paths, and some names."""

LOST = "lost"
"""The field of a pair whose value could not be had; it says why."""

BOOKKEEPING = ("action", "outcome", "code", "message", "request_id", "attempts", "origin", LOST)
"""Fields of a line that say nothing of the pair."""


class FailureHeader(Struct, frozen=True):
    """Where the pairs belong: of a newer version nothing but its number is understood.

    ``home`` is the absolute path of the directory that the source's ``.kvsync`` belongs in;
    ``state`` that of the state file, where ``--state`` said so. ``written`` is when, in Unix
    seconds by the service's clock.
    """

    format: str = _FORMAT
    version: int = VERSION
    owner: str = ""
    zone: str = ""
    namespace: str = ""
    endpoint: str = ""
    home: str = ""
    state: str = ""
    written: float = 0.0


class FailureLine(Struct, frozen=True):
    """One pair: its value (a delete has none, and neither has what was ``lost``), when it expires
    (Unix seconds, or seconds after the write), and how the attempt to change it ended.
    """

    key: str
    value: str | UnsetType = UNSET
    expiration: int | UnsetType = UNSET
    expiration_ttl: int | UnsetType = UNSET
    action: str = ""
    outcome: str = ""
    code: str = ""
    message: str = ""
    request_id: str = ""
    attempts: int = 0
    origin: str = ""
    lost: str | UnsetType = UNSET


class ValuelessFailure(NamedTuple):
    """A line that a retry of its file passes over: a delete, or a pair whose value is gone.

    ``line`` is the line itself, with its end.
    """

    key: str
    deletes: bool
    line: bytes


class _Passing(Struct):
    key: str
    action: str = ""
    value: Raw | UnsetType = UNSET
    base64: Raw | UnsetType = UNSET
    lost: Raw | UnsetType = UNSET


class _Start(Struct):
    format: str
    version: int


_encode = json.Encoder().encode
_decode = json.Decoder(_Passing).decode


def header_line(header: FailureHeader) -> bytes:
    """Return the line, with its end."""
    return _encode(header) + b"\n"


def line_of(line: FailureLine) -> bytes:
    """Return the line, with its end."""
    return _encode(line) + b"\n"


def read_header(line: bytes) -> FailureHeader | None:
    """Return the header that this line is, or None if it is something else."""
    try:
        start = json.decode(line, type=_Start)
        if start.format != _FORMAT:
            return None
        if start.version != VERSION:
            return FailureHeader(version=start.version)
        return json.decode(line, type=FailureHeader)
    except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError):
        return None


def find_header(file: BinaryIO) -> FailureHeader | None:
    """Return the header that the file begins with, after blank lines perhaps. Raises `OSError`."""
    try:
        line = without_mark(file.readline(_LONGEST))
    except ValueError:
        return None
    while line and not line.strip():
        line = file.readline(_LONGEST)
    return read_header(line)


def valueless(file: BinaryIO) -> Iterator[ValuelessFailure]:
    """Yield the lines that a retry of this file passes over. Raises `OSError`."""
    for line in file:
        try:
            found = _decode(line)
        except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError):
            # The header, or what the reading of the pairs complains of.
            continue
        deletes = found.action == "delete"
        if deletes or (found.lost is not UNSET and found.value is found.base64 is UNSET):
            yield ValuelessFailure(found.key, deletes, line.rstrip() + b"\n")
