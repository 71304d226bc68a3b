"""JSON Lines: an object for each pair."""

import sys

import msgspec
from msgspec import Struct

from kvsync.formats.output.records import Decoded
from kvsync.model.values import Expiry


class _Line(Struct, omit_defaults=True, forbid_unknown_fields=True):
    key: str
    value: str
    expiration: int = 0
    expiration_ttl: int = 0


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


class JsonLines:
    """``{"key": …, "value": …, "expiration": Unix seconds}``, or ``"expiration_ttl": seconds``
    (`kvsync.formats.output.records.Codec`).
    """

    head = b""
    between = b""
    foot = b""
    starts: tuple[bytes, ...] = (b'{"key":',)
    max_size = max_pairs = sys.maxsize

    def encode(self, key: str, value: bytes, expiry: Expiry) -> bytes:
        """A line; a pair that never expires has neither of the two."""
        return _encode(_Line(key, value.decode(), expiry.at, expiry.ttl)) + b"\n"

    def ends(self, line: bytes, *, within: bool) -> bool:  # noqa: ARG002 - others look at them
        """Always: a record is a line."""
        return True

    def decode(self, record: bytes) -> Decoded:
        """The line's pair. Raises `ValueError`."""
        try:
            line = _decode(record)
        except msgspec.MsgspecError:
            raise ValueError("not a pair in JSON") from None
        if line.expiration and line.expiration_ttl:
            raise ValueError("expires in two ways")
        return Decoded(line.key, line.value.encode(), Expiry(line.expiration_ttl, line.expiration))
