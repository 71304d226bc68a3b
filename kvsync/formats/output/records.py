"""Files that are a record for each pair, one after the other, and reading one back."""

import hashlib
from collections.abc import Container, Iterator
from typing import BinaryIO, NamedTuple, Protocol

from kvsync.model.errors import UsageError
from kvsync.model.keys import check_key
from kvsync.model.text import size_text
from kvsync.model.values import Expiry

_MAX_RECORD = 2**24
"""Bytes; a value of 1 MiB that is nothing but control characters takes less than half of it."""

EXPORT_LESS = "export with --format jsonl or --format dir, or less with --prefix"
"""What to do where an export has no room."""


class Decoded(NamedTuple):
    """A pair as a record has it; ``value`` is in UTF-8."""

    key: str
    value: bytes
    expiry: Expiry


class Codec(Protocol):
    """One format. A record is one or more whole lines.

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
        """The pair's record; the value is in UTF-8."""

    def ends(self, line: bytes, *, within: bool) -> bool:
        """Whether a record ends with this line; ``within``: it began with an earlier one."""

    def decode(self, record: bytes) -> Decoded:
        """The record's pair. Raises `ValueError` for what is none."""


class Kept(NamedTuple):
    """What a file holds: for each key what identifies its pair.

    ``end`` is where the last whole record ends, in bytes; ``finished``: nothing is torn or missing
    after it.
    """

    pairs: dict[str, bytes]
    end: int = 0
    finished: bool = False


def identify(value: bytes, expiry: Expiry) -> bytes:
    """16 bytes that differ where value or expiry do."""
    digest = hashlib.blake2b(value, digest_size=16)
    digest.update(b"\0%d\0%d" % expiry)
    return digest.digest()


def check_room(codec: Codec, size: int, pairs: int, advice: str) -> None:
    """Raises `UsageError`, with advice, for a file of ``size`` bytes that nothing would read."""
    if size > codec.max_size:
        raise UsageError(f"more than a manifest may have ({size_text(codec.max_size)}): {advice}")
    if pairs > codec.max_pairs:
        raise UsageError(f"more than a manifest may have ({codec.max_pairs:,} keys): {advice}")


def read_kept(file: BinaryIO, codec: Codec, prefix: str) -> Kept:
    """What an export of the keys with this prefix left.

    Raises `ValueError`, saying where, for a file that is something else, and `OSError`.
    """
    head = file.read(len(codec.head))
    if head != codec.head:
        if codec.head.startswith(head):
            return Kept({}, finished=not head)
        raise ValueError("its first lines are not those of this export")
    pairs: dict[str, bytes] = {}
    end = len(head)
    for number, (record, whole) in enumerate(_records(file, codec), 1):
        if codec.foot and record == codec.foot:
            if file.read(1):
                raise ValueError("its end is followed by more")
            return Kept(pairs, end, finished=True)
        lead = codec.between if pairs else b""
        try:
            if not whole:
                _check_torn(record, lead, codec)
                return Kept(pairs, end)
            pair = _decode(record, lead, codec)
            _check_pair(pair, prefix, pairs)
        except ValueError:
            raise ValueError(f"its pair {number} is not one of this export") from None
        pairs[pair.key] = identify(pair.value, pair.expiry)
        end += len(record)
    return Kept(pairs, end, finished=not codec.foot)


def _records(file: BinaryIO, codec: Codec) -> Iterator[tuple[bytes, bool]]:
    """Each record, and whether it is whole; after one that is not, nothing comes."""
    # A value of nothing but line ends is a million lines: none is looked at or copied twice.
    record = bytearray()
    while line := file.readline(_MAX_RECORD):
        ended = codec.ends(line, within=bool(record)) and line.endswith(b"\n")
        record += line
        if len(record) >= _MAX_RECORD:
            break
        if ended:
            yield bytes(record), True
            record.clear()
    if record:
        yield bytes(record), False


def _check_torn(record: bytes, lead: bytes, codec: Codec) -> None:
    starts = [lead + start for start in codec.starts]
    if codec.foot:
        starts.append(codec.foot)
    if len(record) >= _MAX_RECORD or not any(
        record.startswith(start[: len(record)]) for start in starts
    ):
        raise ValueError("no such record")


def _decode(record: bytes, lead: bytes, codec: Codec) -> Decoded:
    if not record.startswith(lead):
        raise ValueError("nothing in front of it")
    return codec.decode(record[len(lead) :])


def _check_pair(pair: Decoded, prefix: str, before: Container[str]) -> None:
    fault = check_key(pair.key, "utf-8")
    if fault or not pair.value or not pair.key.startswith(prefix) or pair.key in before:
        raise ValueError("no such pair")
