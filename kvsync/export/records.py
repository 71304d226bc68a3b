"""Files that are a record for each pair, one after the other, and reading one back."""

import hashlib
from collections.abc import Container, Iterator
from typing import BinaryIO, NamedTuple, Protocol

from kvsync.errors import UsageError
from kvsync.keys import check_key
from kvsync.model import Pair
from kvsync.units import size_text

__all__ = ["Codec", "Kept", "check_room", "identify", "read_kept"]

_MAX_LINE = 2**24
"""Bytes; a value of 1 MiB that is nothing but control characters takes less than half of it."""


class Codec(Protocol):
    """One format. A record is one or more whole lines.

    ``head`` is what stands before the first record, ``starts`` what a record may start with, and
    ``max_size`` what the file may have in bytes.
    """

    head: bytes
    starts: tuple[bytes, ...]
    max_size: int

    def encode(self, pair: Pair) -> bytes:
        """The pair's record."""

    def is_whole(self, lines: bytes) -> bool:
        """Whether these whole lines are a record; if not, the next line belongs to it too."""

    def decode(self, record: bytes) -> Pair:
        """The record's pair. Raises `ValueError` for what is none."""


class Kept(NamedTuple):
    """What a file holds: for each key what identifies its pair.

    ``end`` is where the last whole record ends, in bytes; ``torn`` is what was cut off after it.
    """

    pairs: dict[str, bytes]
    end: int = 0
    torn: bytes = b""


def identify(pair: Pair) -> bytes:
    """16 bytes that differ where value or expiry do."""
    digest = hashlib.blake2b(pair.value or b"", digest_size=16)
    digest.update(b"\0%d" % pair.expires)
    return digest.digest()


def check_room(codec: Codec, size: int) -> None:
    """Raises `UsageError` for a file of ``size`` bytes that its reader would refuse."""
    if size > codec.max_size:
        raise UsageError(
            f"more than a manifest may have ({size_text(codec.max_size)}): "
            "export with --format jsonl or --format dir, or less with --prefix"
        )


def read_kept(file: BinaryIO, codec: Codec, prefix: str) -> Kept:
    """What an export of the keys with this prefix left.

    Raises `ValueError`, saying where, for a file that is something else, and `OSError`.
    """
    head = file.read(len(codec.head))
    if head != codec.head:
        if codec.head.startswith(head):
            return Kept({}, 0, head)
        raise ValueError("its first lines are not those of this export")
    pairs: dict[str, bytes] = {}
    end = len(head)
    for number, record in enumerate(_records(file, codec), 1):
        try:
            if not (record.endswith(b"\n") and codec.is_whole(record)):
                _check_torn(record, codec)
                return Kept(pairs, end, record)
            pair = codec.decode(record)
            _check_pair(pair, prefix, pairs)
        except ValueError:
            raise ValueError(f"its pair {number} is not one of this export") from None
        pairs[pair.key] = identify(pair)
        end += len(record)
    return Kept(pairs, end)


def _records(file: BinaryIO, codec: Codec) -> Iterator[bytes]:
    record = b""
    while line := file.readline(_MAX_LINE):
        record += line
        if codec.is_whole(record):
            yield record
            record = b""
    if record:
        yield record


def _check_torn(record: bytes, codec: Codec) -> None:
    if len(record) >= _MAX_LINE or not any(
        record.startswith(start[: len(record)]) for start in codec.starts
    ):
        raise ValueError("no such record")


def _check_pair(pair: Pair, prefix: str, before: Container[str]) -> None:
    fault = check_key(pair.key, "utf-8")
    if fault or not pair.value or not pair.key.startswith(prefix) or pair.key in before:
        raise ValueError("no such pair")
