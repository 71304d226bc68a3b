"""CSV: a header, and a record for each pair, which may go over several lines."""

import csv
import io
import re
import sys

from kvsync.formats.output.records import Decoded
from kvsync.model.values import Expiry

_FIELD = r'(?:"((?:[^"]++|"")*+)"|([^",\r\n]*+))'
_RECORD = re.compile(rf"{_FIELD},{_FIELD},([0-9]{{0,12}}),([0-9]{{0,12}})\n")


class Csv:
    """``key,value,expiration,expiration_ttl`` as RFC 4180 has it, but lines end with LF: so a CR
    always belongs to a value (`kvsync.formats.output.records.Codec`).
    """

    head = b"key,value,expiration,expiration_ttl\n"
    between = b""
    foot = b""
    starts: tuple[bytes, ...] = (b"",)
    max_size = max_pairs = sys.maxsize

    def encode(self, key: str, value: bytes, expiry: Expiry) -> bytes:
        """The record; a field that would otherwise be taken apart is in quotes."""
        text = io.StringIO(newline="")
        # Told that lines end with CR LF, the writer puts either of them in quotes; told LF, it
        # leaves a lone CR bare (before Python 3.13), and no reader gives that back.
        row = key, value.decode(), expiry.at or "", expiry.ttl or ""
        csv.writer(text, lineterminator="\r\n").writerow(row)
        return text.getvalue().removesuffix("\r\n").encode() + b"\n"

    def ends(self, line: bytes, *, within: bool) -> bool:
        """Whether no field in quotes goes on in the next line."""
        return (line.count(b'"') % 2 == 1) == within

    def decode(self, record: bytes) -> Decoded:
        """The record's pair. Raises `ValueError`."""
        # Not by the csv module: it takes what nobody wrote, and values of 128 KiB at most unless
        # the whole process is told otherwise.
        found = _RECORD.fullmatch(record.decode())
        if not found or (found[5] and found[6]):
            raise ValueError("not a pair in CSV")
        key, value = (
            found[bare] if found[quoted] is None else found[quoted].replace('""', '"')
            for quoted, bare in ((1, 2), (3, 4))
        )
        return Decoded(key, value.encode(), Expiry(int(found[6] or 0), int(found[5] or 0)))
