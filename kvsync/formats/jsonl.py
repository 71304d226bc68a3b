"""JSON Lines: kvsync's own format, and the one of its failure files."""

import binascii
import io
import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from kvsync.formats.decoder import DEEP, MANY, Decoder, Json, has_many_parts, syntax_words
from kvsync.formats.failure_file import BOOKKEEPING, LOST, VERSION, find_header, read_header
from kvsync.formats.fields import (
    WrongError,
    check_names,
    decode_base64,
    expiry_of,
    json_text,
    key_of,
    members_of,
    value_of,
)
from kvsync.formats.format import Decoded, Format, Head, first_unknown, have, names_in
from kvsync.formats.guess import name_answer
from kvsync.formats.jsontext import Line, lines
from kvsync.formats.record import Fault, Item, Layout, Record
from kvsync.model.values import Expiry

_FIELDS = ("key", "value", "base64", "expiration", "expiration_ttl", "metadata")

_KNOWN = (*_FIELDS, *BOOKKEEPING)
_OF_FASTLY = {"key", "value", "metadata"}
_EXAMPLE = '{"key": "…", "value": "…"}'
_NO_LINES = "its format is cloudflare, consul or fastly; jq -c makes lines"
_LOOKED_AT = 1 << 16
_NEWER = "a failure file that a newer kvsync wrote: update kvsync"


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """Yield an object a line: ``key``, ``value`` or ``base64``, ``expiration``, ``expiration_ttl``.

    Blank lines and the header of a failure file are passed over, and so are its deletes. What it
    has lost the value of has none.
    """
    decoder = Decoder()
    first = True
    for line in lines(file):
        if line.fault:
            yield Fault(line.number, line.fault)
        elif line.text.strip():
            header = read_header(line.text.encode()) if first else None
            if not header and first and (told := _no_lines(line.text)):
                yield Fault(line.number, told)
                return
            if not header:
                yield from _items(line, decoder)
            elif header.version != VERSION:
                yield Fault(line.number, _NEWER)
                return
            first = False


def _no_lines(first: str) -> str:
    """Why the file is not one object a line, as its first line shows; empty if it may be."""
    if first.strip() in {"[", "{"}:
        return f"JSON over several lines: {_NO_LINES}"
    told = name_answer(first[:_LOOKED_AT])
    return told or (f"an array: {_NO_LINES}" if first.lstrip().startswith("[{") else "")


def _items(line: Line, decoder: Decoder) -> Iterator[Item]:
    try:
        fields = members_of(_decoded(line.text, decoder), decoder.fault, _EXAMPLE)
        check_names(fields, _KNOWN)
        if fields.get("action") != "delete":
            yield _record(line.number, fields)
    except WrongError as error:
        yield Fault(line.number, str(error), error.column)


def _decoded(text: str, decoder: Decoder) -> Json:
    if has_many_parts(text):
        raise WrongError(MANY)
    text = text.rstrip()
    try:
        value, end = decoder.decode(text, len(text) - len(text.lstrip()))
    except json.JSONDecodeError as error:
        raise WrongError(syntax_words(error), error.pos + 1) from None
    except RecursionError:
        raise WrongError(DEEP) from None
    if end != len(text):
        raise WrongError("more than one object: write each on a line of its own", end + 1)
    return value


def _record(number: int, fields: dict[str, Json]) -> Record:
    metadata = json_text(fields.get("metadata"))
    return Record(key_of(fields), _value(fields), number, expiry_of(fields), metadata)


def _value(fields: dict[str, Json]) -> bytes | None:
    encoded = fields.get("base64")
    if LOST in fields and "value" not in fields and encoded is None:
        return None
    if not isinstance(encoded, str):
        return value_of(fields)
    if "value" in fields:
        raise WrongError("both value and base64: leave one of the two out")
    return decode_base64(encoded, "base64")


def _sniff(head: Head, layout: Layout) -> bool:  # noqa: ARG001 - it has no columns
    objects, names = head.objects, names_in(head.objects)
    if not have(objects, "key") or not names <= {*_KNOWN}:
        return False
    # Else these may be fastly's, whose values are all in base64.
    return not names <= _OF_FASTLY or not all(_may_be_base64(each.get("value")) for each in objects)


def _may_be_base64(value: Json) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return False
    return binascii.b2a_base64(data, newline=False) == value.encode()


def _nearly(head: Head) -> str:
    return first_unknown(head.objects, _FIELDS)


def _certain(head: Head) -> bool:
    """Return whether it is a failure file."""
    return find_header(io.BytesIO(head.data)) is not None


class _Line(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    key: str
    value: str
    expiration: int = 0
    expiration_ttl: int = 0


_decode_line = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


class JsonLines:
    """``{"key": …, "value": …, "expiration": Unix seconds}``, or ``"expiration_ttl": seconds``
    (`kvsync.formats.format.Codec`).
    """

    head = b""
    between = b""
    foot = b""
    starts: tuple[bytes, ...] = (b'{"key":',)
    max_size = max_pairs = sys.maxsize

    def encode(self, key: str, value: bytes, expiry: Expiry) -> bytes:
        """Return a line; a pair that never expires has neither of the two."""
        return _encode(_Line(key, value.decode(), expiry.at, expiry.ttl)) + b"\n"

    def ends(self, line: bytes, *, within: bool) -> bool:  # noqa: ARG002 - others look at them
        """Return True: a record is a line."""
        return True

    def decode(self, record: bytes) -> Decoded:
        """Return the line's pair. Raises `ValueError`."""
        try:
            line = _decode_line(record)
        except msgspec.MsgspecError:
            raise ValueError("not a pair in JSON") from None
        if line.expiration and line.expiration_ttl:
            raise ValueError("expires in two ways")
        return Decoded(line.key, line.value.encode(), Expiry(line.expiration_ttl, line.expiration))


FORMAT = Format(
    "jsonl",
    read,
    write=lambda _: JsonLines(),
    certain=_certain,
    sniff=_sniff,
    nearly=_nearly,
)
