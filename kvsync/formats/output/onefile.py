"""An export in one file, which is whole whenever it exists: records, one after the other."""

import contextlib
import hashlib
import os
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from kvsync.formats.format import Codec, Decoded, check_room
from kvsync.formats.output.files import Growing, disk_faults, hold, open_kept
from kvsync.formats.output.stdout import EXPORT_LESS
from kvsync.model.errors import UsageError
from kvsync.model.files import open_private
from kvsync.model.keys import check_key
from kvsync.model.text import printable
from kvsync.model.values import Expiry, Pair

_MAX_RECORD = 2**24
"""Bytes; a value of 1 MiB that is nothing but control characters takes less than half of it."""

_BLOCK = 2**20


class Kept(NamedTuple):
    """The pairs of a file: for each key what identifies its pair.

    ``end`` is where the last whole record ends, in bytes; ``finished``: nothing is torn or missing
    after it.
    """

    pairs: dict[str, bytes]
    end: int = 0
    finished: bool = False


@contextmanager
def open_file(path: str, codec: Codec, prefix: str, *, refresh: bool) -> Iterator["OneFile"]:
    """Yield the file at ``path``, with what an earlier run left in it or in its ``.part`` file.

    Raises `UsageError` for a file that is not of such an export, `LockedError`, and `OutputError`.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(
            f"{printable(path)} is no regular file: name another place with -o (- is stdout)"
        )
    part = f"{path}.part"
    with contextlib.ExitStack() as opened:
        with disk_faults(path):
            finished = _read_finished(path, codec, prefix)
            descriptor, kept = _open_part(part, codec, prefix)
            opened.callback(os.close, descriptor)
            file = Growing(descriptor, 0 if refresh else kept.end)
            place = OneFile(path, codec, file, refresh)
            place.take(finished, kept)
        yield place


def _read_finished(path: str, codec: Codec, prefix: str) -> Kept:
    try:
        with open(path, "rb") as file:
            kept = read_kept(file, codec, prefix)
    except FileNotFoundError:
        return Kept({}, finished=True)
    except ValueError as error:
        raise _foreign(path, str(error)) from None
    if not kept.finished:
        raise _foreign(path, "its last line is not whole")
    return kept


def _open_part(path: str, codec: Codec, prefix: str) -> tuple[int, Kept]:
    try:
        descriptor = open_private(path)
    except FileExistsError:
        descriptor = open_kept(path, path)
    try:
        hold(descriptor, path)
        with open(os.dup(descriptor), "rb") as file:
            return descriptor, read_kept(file, codec, prefix)
    except ValueError as error:
        os.close(descriptor)
        raise _foreign(path, str(error)) from None
    except BaseException:
        os.close(descriptor)
        raise


def _foreign(path: str, words: str) -> UsageError:
    return UsageError(
        f"{printable(path)} holds something else ({words}): remove it, or name another place "
        "with -o"
    )


class OneFile:
    """A file as an export's output (an `Output`); it grows under the name ``OUT.part``.

    Values are not kept in memory, only what identifies each pair.
    """

    def __init__(self, path: str, codec: Codec, file: Growing, refresh: bool) -> None:
        self._path = path
        self._codec = codec
        self._file = file
        self._refresh = refresh
        self._before: dict[str, bytes] = {}
        self._pairs: dict[str, bytes] = {}

    def take(self, finished: Kept, part: Kept) -> None:
        """Go on from what an earlier run left, or start anew. Raises `OSError`."""
        if self._refresh:
            self._before = finished.pairs
        else:
            self._pairs = part.pairs
        if not self._file.end:
            self._file.append(self._codec.head)
        if not self._refresh and finished.pairs and not part.pairs:
            self._copy(finished)

    def _copy(self, finished: Kept) -> None:
        with open(self._path, "rb") as file:
            left = finished.end - file.seek(len(self._codec.head))
            while left > 0 and (block := file.read(min(left, _BLOCK))):
                self._file.append(block)
                left -= len(block)
        self._pairs = finished.pairs

    def has(self, key: str) -> bool:
        """Return whether the pair was exported before, and need not be fetched again."""
        return not self._refresh and key in self._pairs

    def write(self, pairs: Sequence[Pair]) -> int:
        """Keep these pairs; returns how many were new or changed.

        A key that was written before keeps what was written. Raises `OutputError`, and
        `UsageError` if the file grows larger than its format can be.
        """
        # One record at a time: those of twenty large values would weigh as much as the values.
        fresh = [pair for pair in pairs if self._add(pair)]
        return sum(self._before.get(pair.key) != self._pairs[pair.key] for pair in fresh)

    def _add(self, pair: Pair) -> bool:
        """Append a pair, unless its key is there."""
        if pair.key in self._pairs:
            return False
        expiry = Expiry(at=pair.expires)
        record = self._codec.encode(pair.key, pair.value or b"", expiry)
        if self._file.end > len(self._codec.head):
            record = self._codec.between + record
        check_room(self._codec, self._file.end + len(record), len(self._pairs) + 1, EXPORT_LESS)
        with disk_faults(self._path):
            self._file.append(record)
        self._pairs[pair.key] = identify(pair.value or b"", expiry)
        return True

    def finish(self) -> int:
        """Make the export complete; returns how many pairs are no longer in the namespace.

        Only a refresh knows of those. Raises `OutputError`.
        """
        with disk_faults(self._path):
            self._file.append(self._codec.foot)
            os.fsync(self._file.descriptor)
            os.rename(f"{self._path}.part", self._path)
        return len(self._before.keys() - self._pairs.keys())


def identify(value: bytes, expiry: Expiry) -> bytes:
    """16 bytes that differ where value or expiry do."""
    digest = hashlib.blake2b(value, digest_size=16)
    digest.update(b"\0%d\0%d" % expiry)
    return digest.digest()


def read_kept(file: BinaryIO, codec: Codec, prefix: str) -> Kept:
    """Return what an export of the keys with this prefix left.

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
    """Yield each record, and whether it is whole; after one that is not, nothing comes."""
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
