"""JSON Lines: an object for each pair."""

import sys

import msgspec
from msgspec import Struct

from kvsync.model import Pair

__all__ = ["JsonLines"]


class _Line(Struct, omit_defaults=True, forbid_unknown_fields=True):
    key: str
    value: str
    expiration: int = 0


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


class JsonLines:
    """``{"key": …, "value": …, "expiration": Unix seconds}`` (`kvsync.export.records.Codec`)."""

    head = b""
    starts: tuple[bytes, ...] = (b'{"key":',)
    max_size = sys.maxsize

    def encode(self, pair: Pair) -> bytes:
        """A line; a pair that never expires has no ``expiration``."""
        return _encode(_Line(pair.key, (pair.value or b"").decode(), pair.expires)) + b"\n"

    def is_whole(self, lines: bytes) -> bool:  # noqa: ARG002 - other formats must look at them
        """Always: a record is a line."""
        return True

    def decode(self, record: bytes) -> Pair:
        """The line's pair. Raises `ValueError`."""
        try:
            line = _decode(record)
        except msgspec.MsgspecError:
            raise ValueError("not a pair in JSON") from None
        return Pair(line.key, line.value.encode(), line.expiration)
