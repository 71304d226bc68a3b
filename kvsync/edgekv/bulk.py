"""The one answer that may be large: twenty values, 120 MiB where each byte is escaped.

JSON can be made so that what Python builds of it takes thirty times as much. So every text stays
raw, at no cost, until it is known how long it is, and items are counted while they are read.
"""

from contextvars import ContextVar
from typing import Any, NamedTuple

import msgspec

from kvsync.edgekv.shapes import Answer, Fault
from kvsync.model.api import KEYS_PER_REQUEST, MAX_VALUE_SIZE

_LONGEST_TEXT = 1 << 16
"""Bytes of JSON for anything but a value: a key of 512 characters has 6 KiB at most."""
_LONGEST_VALUE = 6 * MAX_VALUE_SIZE + 2
"""Bytes of JSON for the largest value, each of its bytes escaped as six."""
LARGEST_ITEM = _LONGEST_VALUE + (2 << 16)
"""Bytes that a key makes of an answer, at most."""

_NOTHING = msgspec.Raw(b'""')
_texts = msgspec.json.Decoder(str)
_left: ContextVar[list[int]] = ContextVar("_left")
"""How many more items the answer that is read just now may have."""


class Item(NamedTuple):
    """A pair as the service tells it; ``value`` is in UTF-8, and empty for a missing key.

    As a str a value may take four times as much (one emoji is enough), and twenty are in an answer.
    """

    key: str
    value: bytes
    expiration: str


class GetAnswer(Answer, frozen=True):
    """Of EdgeKVGet. A missing key comes with an empty value."""

    data: list[Item] | None = None


class _Item(msgspec.Struct, frozen=True, rename="pascal"):
    key: msgspec.Raw
    value: msgspec.Raw
    expiration: msgspec.Raw = _NOTHING

    def __post_init__(self) -> None:
        left = _left.get()
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("more items than a request may ask for")

    def read(self) -> Item:
        return Item(
            _text(self.key), _text(self.value, _LONGEST_VALUE).encode(), _text(self.expiration)
        )


class _Fault(msgspec.Struct, frozen=True, rename="pascal"):
    code: msgspec.Raw
    message: msgspec.Raw = _NOTHING


class _Response(msgspec.Struct, frozen=True, rename="pascal"):
    request_id: msgspec.Raw = _NOTHING
    error: _Fault | None = None
    data: list[_Item] | None = None


class _Envelope(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    response: _Response


_envelopes = msgspec.json.Decoder(_Envelope)


def read_bulk(body: bytes | bytearray) -> GetAnswer:
    """Return the answer in a body.

    Raises `msgspec.DecodeError`, `UnicodeDecodeError` or `RecursionError` for what is none.
    """
    _left.set([KEYS_PER_REQUEST])
    response = _envelopes.decode(body).response
    error = response.error
    return GetAnswer(
        _text(response.request_id),
        Fault(_text(error.code), _text(error.message)) if error else None,
        None if response.data is None else [item.read() for item in response.data],
    )


def _text(raw: Any, most: int = _LONGEST_TEXT) -> str:
    if len(raw) > most:
        raise msgspec.ValidationError("a text is longer than any can be")
    return _texts.decode(raw)
